/*
 * See pair.h. Long because the life of nodes, what clients do to them, and how two
 * nodes are compared all use the same structs.
 */
#include "test/fake/pair.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum { STEPS_MAX = 1000000, CLOCK_START = 1000, SECOND = 1000000 };

static const struct pair_config usual = {
    .map_bits = { 10, 10 },
    .journal_bytes = 64 << 10,
    .fetch_wait_ms = 20,
};

/* ---- life */

static struct run_id next_run(struct node *n)
{
    struct pair *p = n->pair;
    struct run_id run = { { 0 } };
    p->runs++;
    run.bytes[0] = p->run_order[n->number];
    snprintf((char *)run.bytes + 1, RUN_ID_SIZE - 1, "run %llu",
             (unsigned long long)p->runs);
    return run;
}

static bool reserve(void *context, const void *request)
{
    (void)context;
    return request != NULL;
}

static void resume(void *context, const void *request)
{
    struct node *n = context;
    n->resumed++;
    n->resumes = request;
    if (n->pair->on_resume != NULL)
        n->pair->on_resume(n->pair->resume_context, request);
}

/* By its machine's clock. */
static uint64_t node_now(const struct node *n)
{
    const struct pair *p = n->pair;
    return p->now_us + (n->number == 1 ? p->config.machine_ahead_us : 0);
}

/* The last one that a node had, also before it crashed. Real clocks have moved on when it
 * starts again: the other node gives higher ones as well. */
static uint64_t pass_latest_cas(struct pair *p)
{
    uint64_t *a = &p->node[0].store.cas, *b = &p->node[1].store.cas;
    if (!p->config.own_cas)
        *a = *b = *a > *b ? *a : *b;
    return *a;
}

/* A real store draws its side. Nodes that have never met may draw the same one (R22):
 * then, with real clocks, numbers of one microsecond could be equal; with this one, those
 * of a long time. */
static uint8_t draw_side(const struct node *n)
{
    const struct pair *p = n->pair;
    uint8_t side = toy_store_side(p->runs);
    return side != p->node[1 - n->number].store.side ? side : toy_store_side(p->runs + 1);
}

void node_start(struct node *n)
{
    struct pair *p = n->pair;
    struct run_id run = next_run(n);
    struct toy_store_config store = {
        .side = draw_side(n),
        .clock = p->clock + (n->number == 1 ? p->config.store_ahead : 0),
        .cas = pass_latest_cas(p),
        .own_cas = p->config.own_cas,
        .single_scan = p->config.single_scan,
    };
    struct repl_config config = {
        .journal_bytes = p->config.journal_bytes,
        .map_bits = p->config.map_bits[n->number],
        .standby_writes = p->config.standby_writes,
        .lone_rejects = p->config.lone_rejects,
        .keep_on_conflict = p->config.keep_on_conflict,
        .run = run,
        .times = p->config.times[n->number],
        .copy_rate = p->config.copy_rate,
        .whole_max = p->config.whole_max,
        .chunk = p->config.chunk,
        .item_max = p->config.item_max,
        .memory = p->config.memory[n->number],
        .fetch_wait_us = (uint64_t)p->config.fetch_wait_ms * 1000,
        .cold_wait_us = (uint64_t)p->config.cold_wait_ms * 1000,
        .requests = { reserve, resume, n },
    };
    CHECK(!n->up);
    toy_store_init(&n->store, &store);
    CHECK(repl_core_init(&n->core, &config, &toy_store_ops, &n->store, &wire_port_ops,
                         &p->wire.end[n->number]));
    wire_attach(&p->wire, n->number, &n->core);
    repl_core_lock(&n->core);
    repl_core_tick(&n->core, node_now(n));
    /* It has been looked at for long enough to know when a second begins. */
    n->core.clock.zero_us -= (int64_t)(p->now_us % SECOND);
    repl_core_unlock(&n->core);
    n->up = true;
}

void node_crash(struct node *n)
{
    CHECK(n->up);
    repl_core_fini(&n->core);
    wire_detach(&n->pair->wire, n->number);
    toy_store_fini(&n->store);
    n->up = false;
}

void pair_init(struct pair *p, const struct pair_config *config)
{
    memset(p, 0, sizeof(*p));
    p->config = config != NULL ? *config : usual;
    p->clock = CLOCK_START;
    p->run_order[0] = 'a';
    p->run_order[1] = 'b';
    p->now_us = SECOND; /* a moment at which a second of the stores begins */
    wire_init(&p->wire);
    for (unsigned i = 0; i < 2; i++) {
        p->node[i].pair = p;
        p->node[i].number = i;
        node_start(&p->node[i]);
    }
}

void pair_fini(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        if (p->node[i].up)
            node_crash(&p->node[i]);
    }
    wire_fini(&p->wire);
}

static void move(struct pair *p, uint64_t us)
{
    uint32_t seconds = (uint32_t)((p->now_us % SECOND + us) / SECOND);
    p->now_us += us;
    p->clock += seconds;
    for (unsigned i = 0; i < 2; i++) {
        struct node *n = &p->node[i];
        if (!n->up)
            continue;
        toy_store_advance(&n->store, seconds);
        repl_core_lock(&n->core);
        repl_core_at(&n->core, node_now(n));
        repl_core_unlock(&n->core);
    }
}

void pair_advance(struct pair *p, uint32_t seconds)
{
    move(p, (uint64_t)seconds * SECOND);
}

void pair_pass(struct pair *p, unsigned ms)
{
    move(p, (uint64_t)ms * 1000);
    for (unsigned i = 0; i < 2; i++) {
        struct repl_core *c = &p->node[i].core;
        if (!p->node[i].up)
            continue;
        AZ(pthread_mutex_lock(&c->lock));
        repl_core_tick(c, node_now(&p->node[i]));
        AZ(pthread_mutex_unlock(&c->lock));
    }
}

/* ---- clients; the calls come in the order in which an engine makes them */

enum change_result node_store(struct node *n, const struct link_change *c)
{
    struct change ch;
    enum change_result r = change_begin(&n->core, &ch, n->request, c->key, c->nkey);
    if (r != CHANGE_OK)
        return r;
    toy_store_set(&n->store, c);
    change_record(&n->core, &ch);
    change_end(&n->core, &ch);
    return CHANGE_OK;
}

enum change_result node_set(struct node *n, const char *key, const char *value)
{
    struct link_change c = { .key = key, .value = value };
    c.nkey = (uint16_t)strlen(key);
    c.nvalue = (uint32_t)strlen(value);
    return node_store(n, &c);
}

/* A store that counts CAS on its own does not tell what was added. delta NULL: the key is
 * not here. */
static void record_delta(struct node *n, struct change *ch, const struct delta *delta)
{
    if (delta == NULL)
        change_record_absence(&n->core, ch);
    else if (n->store.config.own_cas)
        change_record(&n->core, ch);
    else
        change_record_delta(&n->core, ch, delta);
}

enum change_result node_touch(struct node *n, const char *key, uint32_t exptime)
{
    struct change ch;
    enum change_result r = change_begin(&n->core, &ch, n->request, key, strlen(key));
    if (r != CHANGE_OK)
        return r;
    uint64_t cas = toy_store_touch(&n->store, key, strlen(key), exptime);
    record_delta(n, &ch, cas != 0 ? &(struct delta){ .base = cas, .cas = cas } : NULL);
    change_end(&n->core, &ch);
    return CHANGE_OK;
}

enum change_result node_join(struct node *n, const struct link_change *c, bool *found)
{
    struct change ch;
    struct delta delta;
    enum change_result r = change_begin(&n->core, &ch, n->request, c->key, c->nkey);
    if (r != CHANGE_OK)
        return r;
    *found = toy_store_join(&n->store, c, &delta);
    record_delta(n, &ch, *found ? &delta : NULL);
    change_end(&n->core, &ch);
    return CHANGE_OK;
}

static bool store_if_there(struct node *n, const struct link_change *c)
{
    struct repl_item it;
    if (!toy_store_ops.lookup(&n->store, c->key, c->nkey, &it))
        return false;
    toy_store_ops.release(&n->store, it.item);
    toy_store_set(&n->store, c);
    return true;
}

enum change_result node_replace(struct node *n, const struct link_change *c, bool *found)
{
    struct change ch;
    enum change_result r = change_begin(&n->core, &ch, n->request, c->key, c->nkey);
    if (r != CHANGE_OK)
        return r;
    *found = store_if_there(n, c);
    if (*found)
        change_record(&n->core, &ch);
    else
        change_record_absence(&n->core, &ch);
    change_end(&n->core, &ch);
    return CHANGE_OK;
}

bool node_incr(struct node *n, const char *key, const char *value)
{
    struct link_change c = { .key = key, .value = value };
    bool found = false;
    c.nkey = (uint16_t)strlen(key);
    c.nvalue = (uint32_t)strlen(value);
    return node_replace(n, &c, &found) == CHANGE_OK && found;
}

enum change_result node_delete(struct node *n, const char *key)
{
    struct change ch;
    enum change_result r = change_begin(&n->core, &ch, n->request, key, strlen(key));
    if (r != CHANGE_OK)
        return r;
    toy_store_delete(&n->store, key, strlen(key));
    change_record(&n->core, &ch);
    change_end(&n->core, &ch);
    return CHANGE_OK;
}

enum change_result node_flush(struct node *n, uint32_t delay)
{
    struct change ch;
    enum change_result r = change_flush_begin(&n->core, &ch, n->request);
    if (r != CHANGE_OK)
        return r;
    toy_store_flush(&n->store, delay);
    change_flush_end(&n->core, &ch, delay);
    return CHANGE_OK;
}

const char *node_get(struct node *n, const char *key, char *room, size_t nroom)
{
    struct repl_item it;
    change_before_read(&n->core, key, strlen(key));
    if (!toy_store_ops.lookup(&n->store, key, strlen(key), &it))
        return NULL;
    snprintf(room, nroom, "%.*s", (int)it.state.nvalue, (const char *)it.state.value);
    toy_store_ops.release(&n->store, it.item);
    return room;
}

bool node_has(struct node *n, const char *key, const char *value)
{
    char room[64];
    const char *found = node_get(n, key, room, sizeof(room));
    return found == NULL || value == NULL ? found == value : strcmp(found, value) == 0;
}

bool node_fetch(struct node *n, const void *request, const char *key)
{
    return fetch_is_on(&n->core) && node_has(n, key, NULL) &&
           fetch_may_help(&n->core, key, strlen(key)) &&
           fetch_wait(&n->core, request, key, strlen(key), node_now(n));
}

/* A store that counts CAS on its own does not tell them with an eviction either. */
bool node_evict(struct node *n, const char *key)
{
    struct link_note note = { .key = key,
                              .nkey = (uint8_t)strlen(key),
                              .kind = LINK_NOTE_EVICTED };
    struct repl_item it;
    if (!toy_store_ops.lookup(&n->store, key, note.nkey, &it))
        return false;
    note.cas = n->store.config.own_cas ? 0 : it.state.cas;
    toy_store_ops.release(&n->store, it.item);
    toy_store_evict(&n->store, key, note.nkey);
    notice_take(&n->core, &note);
    return true;
}

void node_read(struct node *n, const char *key)
{
    const struct link_note note = { .key = key,
                                    .nkey = (uint8_t)strlen(key),
                                    .kind = LINK_NOTE_READ };
    notice_take(&n->core, &note);
}

/* ---- the replication thread */

void node_promote(struct node *n)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    repl_core_promote(&n->core, "the test says so");
    AZ(pthread_mutex_unlock(&n->core.lock));
}

void node_demote(struct node *n)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    repl_core_demote(&n->core, "the test says so");
    AZ(pthread_mutex_unlock(&n->core.lock));
}

bool node_work(struct node *n)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    bool more = repl_core_work(&n->core, node_now(n));
    AZ(pthread_mutex_unlock(&n->core.lock));
    return more;
}

/* Work until none is due. A round may compose messages without asking for another. */
static bool work(struct pair *p, unsigned i, unsigned *steps)
{
    struct node *n = &p->node[i];
    bool moved = false;
    while (n->up && node_work(n) && ++*steps < STEPS_MAX)
        moved = true;
    return moved;
}

bool pair_run(struct pair *p)
{
    unsigned steps = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < 2; i++) {
            moved = work(p, i, &steps) || moved;
            moved = wire_deliver(&p->wire, i, true) || moved;
            while (wire_deliver(&p->wire, i, false) && ++steps < STEPS_MAX)
                moved = true;
        }
        for (unsigned i = 0; i < 2; i++)
            moved = moved || wire_has_message(&p->wire, i);
        if (steps >= STEPS_MAX)
            return false;
    }
    return true;
}

static bool connected(const struct pair *p)
{
    int session = p->wire.end[0].session;
    return session != WIRE_NONE && session == p->wire.end[1].session;
}

bool pair_settle(struct pair *p)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        if (!pair_run(p))
            return false;
        if (connected(p) || !p->node[0].up || !p->node[1].up)
            return true;
        for (unsigned i = 0; i < 2; i++) {
            if (wire_is_stale(&p->wire, i))
                wire_lose(&p->wire, i);
        }
        wire_connect(&p->wire);
    }
    return false;
}

/* ---- comparison */

struct comparison {
    struct node *other;
    char *why;
    size_t nwhy, seen, different;
};

uint32_t pair_second(const struct node *n, uint32_t second)
{
    return second == 0 || n->number == 0 ? second : second - n->pair->config.store_ahead;
}

static bool same_item(const struct comparison *cmp, const struct link_change *a,
                      const struct link_change *b)
{
    const struct node *other = cmp->other;
    struct pair *p = other->pair;
    const struct node *this = &p->node[1 - other->number];
    return a->nvalue == b->nvalue && memcmp(a->value, b->value, a->nvalue) == 0 &&
           a->credit == b->credit && a->flags == b->flags &&
           pair_second(this, a->exptime) == pair_second(other, b->exptime) &&
           (p->config.own_cas || a->cas == b->cas);
}

static void say(struct comparison *cmp, const struct link_change *a,
                const struct link_change *b)
{
    if (cmp->why == NULL || cmp->different > 0)
        return;
    snprintf(cmp->why, cmp->nwhy,
             "key %.*s: node %u has '%.*s' flags %x exptime %u cas %llx; node %u has "
             "'%.*s' flags %x exptime %u cas %llx",
             a->nkey, (const char *)a->key, 1 - cmp->other->number, (int)a->nvalue,
             (const char *)a->value, a->flags, a->exptime, (unsigned long long)a->cas,
             cmp->other->number, b != NULL ? (int)b->nvalue : 4,
             b != NULL ? (const char *)b->value : "none", b != NULL ? b->flags : 0,
             b != NULL ? b->exptime : 0, (unsigned long long)(b != NULL ? b->cas : 0));
}

static void compare(void *context, const struct link_change *c)
{
    struct comparison *cmp = context;
    struct repl_item it;
    cmp->seen++;
    if (!toy_store_ops.lookup(&cmp->other->store, c->key, c->nkey, &it)) {
        say(cmp, c, NULL);
        cmp->different++;
        return;
    }
    if (!same_item(cmp, c, &it.state)) {
        say(cmp, c, &it.state);
        cmp->different++;
    }
    toy_store_ops.release(&cmp->other->store, it.item);
}

bool pair_same(struct pair *p, char *why, size_t nwhy)
{
    bool same = true;
    for (unsigned i = 0; i < 2 && same; i++) {
        struct comparison cmp = { .other = &p->node[1 - i], .why = why, .nwhy = nwhy };
        toy_store_each(&p->node[i].store, compare, &cmp);
        same = cmp.different == 0;
    }
    return same;
}

bool pair_in_sync(struct pair *p)
{
    bool in_sync = true;
    for (unsigned i = 0; i < 2; i++) {
        struct repl_core *c = &p->node[i].core;
        AZ(pthread_mutex_lock(&c->lock));
        in_sync = in_sync && repl_core_in_sync(c);
        AZ(pthread_mutex_unlock(&c->lock));
    }
    return in_sync;
}
