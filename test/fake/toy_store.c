/*
 * See toy_store.h. Long because it fills the whole table of repl/store.h, with a few
 * lines for each function.
 */
#include "test/fake/toy_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum {
    CAS_STEP = 8,
    FIRST_DRAWN = 2,
    CAS_SECOND = 1 << 20,
    RELATIVE_MAX = 60 * 60 * 24 * 30
};

#define CAS_AHEAD_MAX (UINT64_C(1) << 60) /* how far a CAS may be ahead of the clock */

struct toy_item {
    struct toy_item *next; /* in its chain */
    unsigned references;
    uint64_t cas, serial;
    uint32_t flags, exptime, stored_at; /* by the store's clock; exptime 0: never */
    uint16_t marks;                     /* as in a credit */
    uint16_t nkey;
    uint32_t nvalue;
    char *value;
    char key[];
};

/* ---- items */

static void item_unref(struct toy_store *s, struct toy_item *it)
{
    CHECK(it->references > 0);
    if (--it->references > 0)
        return;
    CHECK(s->items > 0);
    s->items--;
    free(it->value);
    free(it);
}

static struct toy_item **chain_of(struct toy_store *s, const void *key, size_t nkey)
{
    return &s->chains[hash_key(key, nkey) % TOY_STORE_CHAINS];
}

static struct toy_item **find(struct toy_store *s, const void *key, size_t nkey)
{
    struct toy_item **at = chain_of(s, key, nkey);
    while (*at != NULL && ((*at)->nkey != nkey || memcmp((*at)->key, key, nkey) != 0))
        at = &(*at)->next;
    return at;
}

static void unlink_at(struct toy_store *s, struct toy_item **at)
{
    struct toy_item *it = *at;
    *at = it->next;
    item_unref(s, it);
}

static bool is_expired(const struct toy_store *s, const struct toy_item *it)
{
    return it->exptime != 0 && it->exptime <= s->clock;
}

/* A delayed flush takes effect at the next call after its time. */
static void settle(struct toy_store *s)
{
    if (s->flush_at == 0 || s->clock < s->flush_at)
        return;
    for (size_t i = 0; i < TOY_STORE_CHAINS; i++) {
        for (struct toy_item **at = &s->chains[i]; *at != NULL;) {
            if ((*at)->stored_at < s->flush_at)
                unlink_at(s, at);
            else
                at = &(*at)->next;
        }
    }
    s->flush_at = 0;
}

/* The live item with this key. An expired item is removed. */
static struct toy_item **find_live(struct toy_store *s, const void *key, size_t nkey)
{
    settle(s);
    struct toy_item **at = find(s, key, nkey);
    if (*at == NULL || !is_expired(s, *at))
        return *at != NULL ? at : NULL;
    unlink_at(s, at);
    return NULL;
}

static uint64_t next_cas(struct toy_store *s)
{
    if (s->config.own_cas)
        return ++s->cas;
    uint64_t by_clock = (uint64_t)s->clock * CAS_SECOND;
    uint64_t next = (s->cas > by_clock ? s->cas : by_clock) / CAS_STEP + 1;
    return s->cas = next * CAS_STEP + s->side;
}

static uint32_t absolute(const struct toy_store *s, uint32_t exptime)
{
    return exptime == 0 || exptime > RELATIVE_MAX ? exptime : s->clock + exptime;
}

static bool make_memory(const struct link_change *c, struct toy_item **out)
{
    struct toy_item *it = calloc(1, sizeof(*it) + c->nkey);
    *out = it;
    if (it == NULL)
        return false;
    it->value = malloc(c->nvalue > 0 ? c->nvalue : 1);
    if (it->value != NULL)
        return true;
    free(it);
    return false;
}

/* With one reference, without its value. NULL if memory runs out. */
static struct toy_item *make(struct toy_store *s, const struct link_change *c)
{
    struct toy_item *it;
    if (!make_memory(c, &it))
        return NULL;
    memcpy(it->key, c->key, c->nkey);
    it->nkey = c->nkey;
    it->nvalue = c->nvalue;
    it->flags = c->flags;
    it->exptime = c->exptime;
    it->marks = c->credit & LINK_MARKS;
    it->references = 1;
    s->items++;
    return it;
}

/* The reference becomes the table's. */
static void link_item(struct toy_store *s, struct toy_item *it)
{
    it->stored_at = s->clock;
    it->cas = next_cas(s);
    it->serial = ++s->serial;
    struct toy_item **at = find(s, it->key, it->nkey);
    if (*at != NULL)
        unlink_at(s, at);
    at = chain_of(s, it->key, it->nkey);
    it->next = *at;
    *at = it;
}

/* NULL if memory runs out. */
static struct toy_item *store(struct toy_store *s, const struct link_change *c)
{
    struct toy_item *it = make(s, c);
    if (it == NULL)
        return NULL;
    if (c->nvalue > 0)
        memcpy(it->value, c->value, c->nvalue);
    link_item(s, it);
    return it;
}

static void describe(const struct toy_item *it, struct link_change *c)
{
    *c = (struct link_change){
        .key = it->key,
        .nkey = it->nkey,
        .value = it->value,
        .nvalue = it->nvalue,
        .flags = it->flags,
        .exptime = it->exptime,
        .cas = it->cas,
        .credit = it->marks,
    };
}

static void refer(struct toy_store *s, struct toy_item *it, struct repl_item *out)
{
    it->references++;
    s->references++;
    describe(it, &out->state);
    out->item = it;
}

/* ---- the functions of repl/store.h */

/* Does this call fail, as one in one_in_fails does? */
static bool fails(struct toy_store *s)
{
    return s->one_in_fails != 0 && (++s->calls * 2654435761u >> 8) % s->one_in_fails == 0;
}

static enum repl_answer op_lookup(void *store_, const void *key, size_t nkey,
                                  struct repl_item *out)
{
    struct toy_store *s = store_;
    struct toy_item **at = find_live(s, key, nkey);
    if (fails(s))
        return REPL_UNKNOWN;
    if (at == NULL)
        return REPL_NO;
    refer(s, *at, out);
    return REPL_YES;
}

static void op_release(void *store_, void *item)
{
    struct toy_store *s = store_;
    CHECK(s->references > 0);
    s->references--;
    item_unref(s, item);
}

static bool has_room(struct toy_store *s, const struct link_change *c)
{
    bool refused = s->one_in_refused != 0 &&
                   (++s->calls * 2654435761u >> 8) % s->one_in_refused == 0;
    return !refused && (s->value_max == 0 || c->nvalue <= s->value_max);
}

/* Adopt the CAS, unless it is so high that no later one could exceed it. */
static void adopt_cas(struct toy_store *s, struct toy_item *it, uint64_t cas)
{
    if (cas > CAS_AHEAD_MAX + (uint64_t)s->clock * CAS_SECOND)
        return;
    it->cas = cas;
    if (!s->config.own_cas && cas > s->cas)
        s->cas = cas;
}

static void *op_make(void *store_, const struct link_change *c, void **value)
{
    struct toy_store *s = store_;
    struct toy_item *it = has_room(s, c) ? make(s, c) : NULL;
    if (it == NULL)
        return NULL;
    s->references++;
    *value = it->value;
    return it;
}

static struct toy_item *link_made(struct toy_store *s, struct toy_item *it)
{
    s->references--;
    link_item(s, it);
    return it;
}

/* Of what was made, or is made now; NULL: there is no room. */
static struct toy_item *store_state(struct toy_store *s, const struct link_change *c,
                                    void *made)
{
    if (made != NULL)
        return link_made(s, made);
    return has_room(s, c) ? store(s, c) : NULL;
}

static enum repl_answer op_put(void *store_, const struct link_change *c, void *made)
{
    struct toy_store *s = store_;
    settle(s);
    struct toy_item *it = store_state(s, c, made);
    if (it == NULL) {
        toy_store_delete(s, c->key, c->nkey);
        return REPL_NO;
    }
    adopt_cas(s, it, c->cas);
    return REPL_YES;
}

static enum repl_answer op_add(void *store_, const struct link_change *c, void *made)
{
    struct toy_store *s = store_;
    if (find_live(s, c->key, c->nkey) != NULL) {
        if (made != NULL)
            op_release(s, made);
        return REPL_NO;
    }
    struct toy_item *it = store_state(s, c, made);
    if (it == NULL)
        return REPL_UNKNOWN;
    adopt_cas(s, it, c->cas);
    return REPL_YES;
}

static bool op_touch(void *store_, const struct link_change *c)
{
    struct toy_item **at = find_live(store_, c->key, c->nkey);
    if (at == NULL)
        return false;
    (*at)->exptime = c->exptime;
    (*at)->marks = c->credit & LINK_MARKS;
    return true;
}

static bool op_remove(void *store_, const void *key, size_t nkey)
{
    struct toy_item **at = find_live(store_, key, nkey);
    if (fails(store_))
        return false;
    if (at != NULL)
        unlink_at(store_, at);
    return true;
}

static uint64_t op_fence(void *store_)
{
    struct toy_store *s = store_;
    return s->config.own_cas ? UINT64_MAX : next_cas(s);
}

static void op_side(void *store_, bool upper)
{
    ((struct toy_store *)store_)->side = upper;
}

static bool op_expel(void *store_, const void *key, size_t nkey, uint64_t fence)
{
    struct toy_item **at = find(store_, key, nkey);
    if (fails(store_))
        return false;
    if (*at != NULL && (*at)->cas <= fence)
        unlink_at(store_, at);
    return true;
}

static bool op_repeat(void *store_, const struct link_note *n)
{
    if (n->kind == LINK_NOTE_EVICTED)
        (void)op_expel(store_, n->key, n->nkey, n->cas);
    return n->kind != LINK_NOTE_READ || find_live(store_, n->key, n->nkey) != NULL;
}

static void op_expect(void *store_, const void *key, size_t nkey)
{
    (void)store_, (void)key, (void)nkey;
}

static void op_part(void *store_, enum repl_part part)
{
    (void)store_, (void)part;
}

static uint64_t op_items(void *store_)
{
    const struct toy_store *s = store_;
    return s->config.own_cas ? UINT64_MAX : s->items;
}

static uint32_t op_clock(void *store_)
{
    const struct toy_store *s = store_;
    return s->clock;
}

/* ---- scans: by serial number, up to the last item when the scan began */

enum { WANTED_BITS = 6 };

struct repl_scan {
    uint64_t at, end;
    uint64_t
        wanted; /* of the maps' buckets joined to 64, those of which items are shown */
};

static struct repl_scan *op_scan_begin(void *store_, const struct map *wanted)
{
    struct toy_store *s = store_;
    (void)wanted;
    if (s->config.single_scan && s->scans > 0)
        return NULL;
    struct repl_scan *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->end = s->serial;
    w->wanted = UINT64_MAX;
    if (wanted != NULL)
        map_fold(wanted, WANTED_BITS, &w->wanted);
    s->scans++;
    return w;
}

static bool is_wanted(const struct repl_scan *w, const struct toy_item *it)
{
    return w->wanted >> (hash_key(it->key, it->nkey) >> (64 - WANTED_BITS)) & 1;
}

static enum repl_answer op_scan_next(void *store_, struct repl_scan *w,
                                     struct repl_item *out)
{
    struct toy_store *s = store_;
    struct toy_item *best = NULL;
    settle(s);
    if (fails(s))
        return REPL_UNKNOWN;
    for (size_t i = 0; i < TOY_STORE_CHAINS && s->items > 0; i++) {
        for (struct toy_item *it = s->chains[i]; it != NULL; it = it->next) {
            if (it->serial > w->at && it->serial <= w->end && !is_expired(s, it) &&
                (best == NULL || it->serial < best->serial))
                best = it;
        }
    }
    if (best == NULL)
        return REPL_NO;
    w->at = best->serial;
    if (!is_wanted(w, best))
        return REPL_NOT_YET;
    refer(s, best, out);
    return REPL_YES;
}

static void op_scan_end(void *store_, struct repl_scan *w)
{
    struct toy_store *s = store_;
    CHECK(s->scans > 0);
    s->scans--;
    free(w);
}

static void op_flush(void *store_, uint32_t at)
{
    struct toy_store *s = store_;
    toy_store_flush(s, at > s->clock ? at - s->clock : 0);
}

const struct repl_store_ops toy_store_ops = {
    .lookup = op_lookup,
    .release = op_release,
    .make = op_make,
    .put = op_put,
    .add = op_add,
    .touch = op_touch,
    .remove = op_remove,
    .flush = op_flush,
    .fence = op_fence,
    .side = op_side,
    .expel = op_expel,
    .repeat = op_repeat,
    .expect = op_expect,
    .part = op_part,
    .scan_begin = op_scan_begin,
    .scan_next = op_scan_next,
    .scan_end = op_scan_end,
    .items = op_items,
    .clock = op_clock,
};

/* ---- for the test */

uint8_t toy_store_side(uint64_t run)
{
    return (uint8_t)(FIRST_DRAWN + run % (CAS_STEP - FIRST_DRAWN));
}

void toy_store_init(struct toy_store *s, const struct toy_store_config *config)
{
    CHECK(config->clock > 0);
    *s = (struct toy_store){
        .config = *config,
        .side = config->side,
        .cas = config->own_cas ? 0 : config->cas,
        .clock = config->clock,
    };
}

void toy_store_fini(struct toy_store *s)
{
    CHECK(s->references == 0 && s->scans == 0);
    for (size_t i = 0; i < TOY_STORE_CHAINS; i++) {
        while (s->chains[i] != NULL)
            unlink_at(s, &s->chains[i]);
    }
    CHECK(s->items == 0);
}

void toy_store_advance(struct toy_store *s, uint32_t seconds)
{
    s->clock += seconds;
}

uint64_t toy_store_set(struct toy_store *s, const struct link_change *c)
{
    settle(s);
    struct toy_item *it = store(s, c);
    CHECK(it != NULL);
    it->exptime = absolute(s, c->exptime);
    return it->cas;
}

bool toy_store_join(struct toy_store *s, const struct link_change *c, struct delta *delta)
{
    struct toy_item **at = find_live(s, c->key, c->nkey);
    if (at == NULL)
        return false;
    struct link_change all;
    describe(*at, &all);
    char *value = malloc(all.nvalue + c->nvalue + 1);
    CHECK(value != NULL);
    memcpy(value + (c->before ? c->nvalue : 0), all.value, all.nvalue);
    memcpy(value + (c->before ? 0 : all.nvalue), c->value, c->nvalue);
    *delta = (struct delta){ .base = all.cas, .npiece = c->nvalue, .before = c->before };
    all.credit = 0;
    all.key = c->key; /* that of the item goes with it */
    all.value = value;
    all.nvalue += c->nvalue;
    struct toy_item *it = store(s, &all);
    CHECK(it != NULL);
    delta->cas = it->cas;
    free(value);
    return true;
}

uint64_t toy_store_touch(struct toy_store *s, const void *key, size_t nkey,
                         uint32_t exptime)
{
    struct toy_item **at = find_live(s, key, nkey);
    if (at == NULL)
        return 0;
    (*at)->exptime = absolute(s, exptime);
    (*at)->marks = ((*at)->marks + (1 << LINK_MARKS_SHIFT)) & LINK_MARKS;
    return (*at)->cas;
}

bool toy_store_delete(struct toy_store *s, const void *key, size_t nkey)
{
    struct toy_item **at = find_live(s, key, nkey);
    if (at == NULL)
        return false;
    unlink_at(s, at);
    return true;
}

/* delay 0: removes everything at once, including what was stored in this second. */
void toy_store_flush(struct toy_store *s, uint32_t delay)
{
    s->flush_at = delay > 0 ? clock_after(s->clock, delay) : 0;
    for (size_t i = 0; delay == 0 && i < TOY_STORE_CHAINS; i++) {
        while (s->chains[i] != NULL)
            unlink_at(s, &s->chains[i]);
    }
}

void toy_store_evict(struct toy_store *s, const void *key, size_t nkey)
{
    toy_store_delete(s, key, nkey);
}

void toy_store_each(struct toy_store *s, toy_store_visit visit, void *context)
{
    struct link_change c;
    settle(s);
    for (size_t i = 0; i < TOY_STORE_CHAINS; i++) {
        for (const struct toy_item *it = s->chains[i]; it != NULL; it = it->next) {
            if (is_expired(s, it))
                continue;
            describe(it, &c);
            visit(context, &c);
        }
    }
}
