/*
 * Scans over all items, for the tap interface. A scan goes through the overflow buckets
 * first, and then through the buckets: through two arrays, as memory likes best. It takes
 * references on the items of one bucket at a time. Moving an item in memory does not
 * change its bucket. Items change it only while the table grows, and only for the chain
 * of a new bucket; so of buckets that are newer than the scan it takes the whole chain,
 * in rising order. It meets every item that is present from begin to end, perhaps twice.
 * The table does not shrink during a scan. If a scan lacks the memory to continue, it
 * stays where it is (TAP_PAUSE), and the caller asks again.
 *
 * A filter selects items by the labels of their slots; the scan does not touch the
 * others. Of those that it touches it shows what the filter wants. If a stretch of
 * buckets has none, the step ends with TAP_NOOP: the caller may have other work.
 */
#include "store/instance.h"

#include <stdlib.h>

#include "base/bit_set.h"
#include "base/check.h"

enum {
    STRETCH = 64,
    LABELS_MAX = 1 << LABEL_BITS_MAX,
    GROUP_BITS = 4, /* 16 labels are a group */
    GROUPS_MAX = LABELS_MAX >> GROUP_BITS,
};

/* An array of buckets, as it was when the scan began. */
struct row {
    struct bucket *buckets;
    uint32_t next, end; /* next: behind the stretch that was looked at */
    struct bucket *(*lock)(struct table *t, uint32_t i); /* the chain of bucket i */
    uint64_t
        wanted; /* buckets of that stretch, counted back from `next`: not shown yet */
};

enum { ROWS = 2 };

struct tap_scan {
    struct tap_scan *next;
    const void *cookie;
    struct row rows[ROWS]; /* one after the other */
    uint32_t newer;        /* the next bucket that is newer than the scan */
    struct item **held;
    unsigned nheld, given, room;
    uint64_t labels[LABELS_MAX / 64]; /* a bit for each that is wanted */
    uint64_t groups[GROUPS_MAX / 64]; /* a bit for each that has such a label */
    bool (*wants)(const void *context, uint64_t hash); /* of the filter; NULL: any */
    const void *context;
};

/* Labels and filter may differ in bits. Then several bits of the finer one stand for one
 * bit of the other. */
static void choose_labels(const struct table *t, const struct engine_filter *f,
                          uint64_t *labels)
{
    if (f == NULL || t->label_hash == NULL) {
        memset(labels, 0xff, LABELS_MAX / 8);
        return;
    }
    for (size_t i = 0; i < ((size_t)1 << f->bits) / 64; i++) {
        if (t->label_bits > f->bits)
            bits_spread(labels, i, f->words[i], t->label_bits - f->bits);
        else
            bits_join(labels, i, f->words[i], f->bits - t->label_bits);
    }
}

/* The bits of groups fit the processor's nearest cache, so the scan looks there first. */
static void choose_groups(struct tap_scan *w)
{
    for (size_t i = 0; i < LABELS_MAX / 64; i++)
        bits_join(w->groups, i, w->labels[i], GROUP_BITS);
}

static void choose_exactly(const struct table *t, const struct engine_filter *f,
                           struct tap_scan *w)
{
    if (f == NULL || t->label_hash == NULL)
        return;
    w->wants = f->wants;
    w->context = f->context;
}

/* What tells from a slot whether its item is wanted. Passed by value: so the compiler
 * keeps it in registers. */
struct choice {
    const uint64_t *labels, *groups;
    size_t mask;
    unsigned shift;
};

static struct choice choice_of(const struct table *t, const struct tap_scan *w)
{
    return (struct choice){ w->labels, w->groups, ((size_t)1 << t->label_bits) - 1,
                            t->label_shift };
}

static inline size_t label_in(struct choice c, uint64_t value)
{
    return value >> c.shift & c.mask;
}

/* In its lowest bit. An empty slot has label 0. */
static inline uint64_t wants_group(struct choice c, uint64_t value)
{
    size_t group = label_in(c, value) >> GROUP_BITS;
    return c.groups[group / 64] >> group % 64;
}

static bool is_wanted(struct choice c, uint64_t value)
{
    size_t label = label_in(c, value);
    return (c.labels[label / 64] >> label % 64 & 1) != 0 && value != 0;
}

/* Nearly always the groups are enough, and without a branch for each slot this is twice
 * as fast. */
static inline bool has_wanted(struct choice c, struct bucket *b)
{
    uint64_t some = 0;
    for (int i = 0; i < BUCKET_SLOTS; i++)
        some |= wants_group(c, atomic_load_explicit(&b->slot[i], memory_order_acquire));
    for (int i = 0; (some & 1) != 0 && i < BUCKET_SLOTS; i++) {
        if (is_wanted(c, atomic_load_explicit(&b->slot[i], memory_order_acquire)))
            return true;
    }
    return false;
}

/* Items lie anywhere in memory: have the processor fetch them side by side. */
static void expect_items(const struct table *t, struct choice c, struct bucket *b)
{
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t value = atomic_load_explicit(&b->slot[i], memory_order_acquire);
        if (is_wanted(c, value))
            __builtin_prefetch(slot_item(t, value), 1);
    }
}

/* Which buckets of the next stretch have something wanted? That needs no lock: an item
 * that is not seen was absent, or is in the chain of a newer bucket by now. */
static void look_ahead(const struct table *t, const struct tap_scan *w, struct row *r)
{
    struct choice c = choice_of(t, w);
    for (int i = STRETCH; i-- > 0 && r->next < r->end; r->next++) {
        struct bucket *b = &r->buckets[r->next];
        r->wanted <<= 1;
        if (!has_wanted(c, b))
            continue;
        r->wanted |= 1;
        expect_items(t, c, b);
    }
}

/* Takes the first one of `wanted`, which is not empty. */
static uint32_t take_wanted(struct row *r)
{
    unsigned back = 63 - (unsigned)__builtin_clzll(r->wanted);
    r->wanted &= ~(UINT64_C(1) << back);
    return r->next - 1 - back;
}

/* The caller holds tap_lock. */
static struct tap_scan **find_scan(struct store *s, const void *cookie)
{
    struct tap_scan **at = &s->scans;
    while (*at != NULL && (*at)->cookie != cookie)
        at = &(*at)->next;
    return at;
}

static void scan_free(struct store *s, struct tap_scan *w)
{
    while (w->given < w->nheld)
        store_release(s, w->held[w->given++]);
    free(w->held);
    free(w);
}

static bool scan_make_room(struct tap_scan *w, unsigned n)
{
    if (n <= w->room)
        return true;
    struct item **held = realloc(w->held, n * sizeof(struct item *));
    if (held == NULL)
        return false;
    w->held = held;
    w->room = n;
    return true;
}

static bool wants_item(const struct table *t, const struct tap_scan *w,
                       const struct item *it)
{
    return w->wants == NULL ||
           w->wants(w->context, t->label_hash(item_key(it), it->nkey));
}

/* Of a locked bucket; there is room for all. */
static void scan_hold(struct store *s, struct tap_scan *w, struct bucket *b)
{
    struct choice c = choice_of(&s->table, w);
    for (int i = 0; i < BUCKET_SLOTS; i++) {
        uint64_t value = slot_load(&b->slot[i]);
        struct item *it = slot_item(&s->table, value);
        if (!is_wanted(c, value) || store_is_stale(s, it) ||
            !wants_item(&s->table, w, it))
            continue;
        item_take_ref(it);
        w->held[w->nheld++] = it;
    }
}

/* A step holds some items: TAP_MUTATION. TAP_NOOP: a stretch had none. TAP_DISCONNECT:
 * there are no more. TAP_PAUSE: there is no memory for it. */

static tap_event_t step_in_row(struct store *s, struct tap_scan *w, struct row *r)
{
    if (!scan_make_room(w, BUCKET_SLOTS))
        return TAP_PAUSE;
    if (r->wanted == 0)
        look_ahead(&s->table, w, r);
    if (r->wanted == 0)
        return TAP_NOOP;
    uint32_t i = take_wanted(r);
    struct bucket *chain = r->lock(&s->table, i);
    if (chain == NULL)
        return TAP_NOOP;
    scan_hold(s, w, &r->buckets[i]);
    table_unlock(chain);
    return TAP_MUTATION;
}

static bool make_room_for_chain(struct table *t, struct tap_scan *w, struct bucket *b)
{
    unsigned n = 0;
    for (; b != NULL; b = bucket_next(t, b))
        n += BUCKET_SLOTS;
    return scan_make_room(w, n);
}

static tap_event_t step_in_newer(struct store *s, struct tap_scan *w)
{
    struct bucket *b = table_lock_index(&s->table, w->newer), *chain = b;
    if (b == NULL)
        return TAP_DISCONNECT;
    bool fits = make_room_for_chain(&s->table, w, b);
    for (; fits && b != NULL; b = bucket_next(&s->table, b))
        scan_hold(s, w, b);
    table_unlock(chain);
    w->newer += fits;
    return fits ? TAP_MUTATION : TAP_PAUSE;
}

static tap_event_t scan_step(struct store *s, struct tap_scan *w)
{
    w->nheld = w->given = 0;
    for (struct row *r = w->rows; r < w->rows + ROWS; r++) {
        if (r->wanted != 0 || r->next < r->end)
            return step_in_row(s, w, r);
    }
    return step_in_newer(s, w);
}

/* A scan holds the items of a bucket; since then one may have expired or been removed. An
 * item that is removed after this check is removed after it was shown. */
static bool is_there(struct store *s, const struct item *it)
{
    return (item_word(it) & ITEM_LINKED) != 0 && !store_is_stale(s, it);
}

static struct item *next_held(struct store *s, struct tap_scan *w)
{
    while (w->given < w->nheld) {
        struct item *it = w->held[w->given++];
        if (is_there(s, it))
            return it;
        store_release(s, it);
    }
    return NULL;
}

/* A bucket with nothing to show counts as a stretch without any. */
static tap_event_t scan_next(struct store *s, struct tap_scan *w, struct item **shown)
{
    store_check_flush(s);
    *shown = next_held(s, w);
    if (*shown != NULL)
        return TAP_MUTATION;
    tap_event_t event = scan_step(s, w);
    *shown = next_held(s, w);
    return event == TAP_MUTATION && *shown == NULL ? TAP_NOOP : event;
}

tap_event_t store_scan_next(struct store *s, const void *cookie, struct item **it)
{
    /* A delayed flush may be due that no call has noticed yet: its items are gone. */
    store_check_flush(s);
    AZ(pthread_mutex_lock(&s->tap_lock));
    struct tap_scan *w = *find_scan(s, cookie);
    AZ(pthread_mutex_unlock(&s->tap_lock));
    /* Only one thread at a time uses a scan; the same thread ends it. */
    *it = NULL;
    tap_event_t event = w == NULL ? TAP_DISCONNECT : scan_next(s, w, it);
    if (event == TAP_DISCONNECT)
        store_scan_end(s, cookie);
    return event;
}

static tap_event_t tap_next(ENGINE_HANDLE *handle, const void *cookie, item **it,
                            void **engine_specific, uint16_t *nengine_specific,
                            uint8_t *ttl, uint16_t *flags, uint32_t *seqno,
                            uint16_t *vbucket)
{
    struct item *found;
    *engine_specific = NULL;
    *nengine_specific = 0;
    *ttl = UINT8_MAX;
    *flags = 0;
    *seqno = 0;
    *vbucket = 0;
    tap_event_t event = store_scan_next(store_of(handle), cookie, &found);
    *it = found;
    return event;
}

/* The buckets are counted before the overflow buckets: what a bucket that is not counted
 * has in its chain is met there. */
static void lay_out(struct table *t, struct tap_scan *w)
{
    w->newer = table_count(t);
    w->rows[0] = (struct row){ t->overflow, 1, table_overflows(t), table_lock_home, 0 };
    w->rows[1] = (struct row){ t->buckets, 0, w->newer, table_lock_index, 0 };
}

TAP_ITERATOR store_scan_begin(struct store *s, const void *cookie,
                              const struct engine_filter *filter)
{
    struct tap_scan *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    choose_labels(&s->table, filter, w->labels);
    choose_groups(w);
    choose_exactly(&s->table, filter, w);
    store_scan_end(s, cookie);
    w->cookie = cookie;
    AZ(pthread_mutex_lock(&s->tap_lock));
    w->next = s->scans;
    s->scans = w;
    atomic_fetch_add(&s->nwalks, 1);
    AZ(pthread_mutex_unlock(&s->tap_lock));
    lay_out(&s->table, w); /* now the table does not shrink any more */
    return tap_next;
}

void store_scan_end(struct store *s, const void *cookie)
{
    if (atomic_load(&s->nwalks) == 0)
        return;
    AZ(pthread_mutex_lock(&s->tap_lock));
    struct tap_scan **at = find_scan(s, cookie), *w = *at;
    if (w != NULL) {
        *at = w->next;
        atomic_fetch_sub(&s->nwalks, 1);
    }
    AZ(pthread_mutex_unlock(&s->tap_lock));
    if (w != NULL)
        scan_free(s, w);
}

void store_scan_end_all(struct store *s)
{
    while (s->scans != NULL)
        store_scan_end(s, s->scans->cookie);
}
