/*
 * Two nodes under random schedules: clients write and delete on either, messages arrive
 * one at a time, connections break at one end or both, nodes die, are promoted, demoted,
 * flushed and overflow. Each schedule follows from its seed; a failure prints it.
 *
 *   SEED=n ROUNDS=n check_schedules     that one, or n from there on, with the log to
 *                                       standard error if FAKE_LOG is set
 *
 * The value of a key is the number of the change that made it, so that older and newer
 * can be told. What must hold:
 *
 *   - at any time, on any node: no value is older than a change of its key that is
 *     neither in a journal nor dirty any more (the peer has it, or dropped its own)
 *   - at rest, linked: both hold the same; no value is older than any change that its
 *     node, still running, has taken; and after a round in which one node only took
 *     changes and lived through it, all that it held is there
 *   - the nodes do come to rest
 */
#include <stdarg.h>
#include <string.h>

#include "base/hash.h"
#include "config.h"
#include "test/fake/pair.h"
#include "test/unit/unit.h"

enum { KEYS_MAX = 150, PHASES = 4 };

#ifdef UNDER_SANITIZER
enum { SCHEDULES = 150 };
#else
enum { SCHEDULES = 1500 };
#endif

struct schedule {
    struct pair p;
    uint64_t random;
    unsigned nkeys, steps;
    unsigned writes, calm,
        loyal;                  /* per cent; one in so many steps is rare, is elsewhere */
    uint64_t version;           /* changes, ever */
    uint64_t last[2][KEYS_MAX]; /* the last change of each key at each node */
    uint64_t settled[KEYS_MAX]; /* no older value may be seen */
    uint64_t expected[KEYS_MAX]; /* of a sole writer: the change that holds, 0: a miss */
    bool wrote[2], crashed[2];
    bool evicts, flushes_later; /* what this schedule's clients and stores do */
    bool loud;
    char fault[500];
};

/* ---- chance */

static uint64_t next_random(struct schedule *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static unsigned below(struct schedule *s, unsigned n)
{
    return (unsigned)(next_random(s) % n);
}

static bool one_in(struct schedule *s, unsigned n)
{
    return below(s, n) == 0;
}

/* ---- keys and versions */

static const char *key_name(unsigned k, char room[16])
{
    snprintf(room, 16, "key %u", k);
    return room;
}

static uint64_t key_hash(unsigned k)
{
    char room[16];
    key_name(k, room);
    return hash_key(room, strlen(room));
}

static uint64_t version_at(struct node *n, unsigned k)
{
    char name[16], value[32];
    const char *found = node_get(n, key_name(k, name), value, sizeof(value));
    return found != NULL ? strtoull(found, NULL, 10) : 0;
}

static bool has_pending(struct node *n)
{
    const struct worker *w = atomic_load(&n->core.gate.workers);
    for (; w != NULL; w = w->next) {
        if (ring_pending(&w->ring) > 0)
            return true;
    }
    return false;
}

/* The peer knows: its value is this one or newer, or gone. */
static void note_settled(struct schedule *s, struct node *n)
{
    if (!n->up || has_pending(n))
        return;
    for (unsigned k = 0; k < s->nkeys; k++) {
        uint64_t hash = key_hash(k);
        if (s->last[n->number][k] > s->settled[k] && !map_has(&n->core.dirty, hash) &&
            !map_has(&n->core.flying, hash))
            s->settled[k] = s->last[n->number][k];
    }
}

static void complain(struct schedule *s, const char *what, unsigned node, unsigned k,
                     uint64_t seen, uint64_t wanted)
{
    if (s->fault[0] == '\0')
        snprintf(s->fault, sizeof(s->fault),
                 "%s: key %u at node %u has version %llu, not %llu", what, k, node,
                 (unsigned long long)seen, (unsigned long long)wanted);
}

static void check_key(struct schedule *s, struct node *n, unsigned k)
{
    uint64_t v;
    if (n->up && (v = version_at(n, k)) != 0 && v < s->settled[k])
        complain(s, "an old value", n->number, k, v, s->settled[k]);
}

/* ---- events */

static void trace(const struct schedule *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void trace(const struct schedule *s, const char *format, ...)
{
    va_list ap;
    if (!s->loud)
        return;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
}

static void see_message(void *context, unsigned to, const struct link_message *m)
{
    bool is_change = m->op == LINK_SETQ || m->op == LINK_DELETEQ || m->op == LINK_FILL;
    trace(context, "to %u: %s%s %.*s\n", to, link_op_name((uint8_t)m->op),
          m->is_response ? " acknowledged" : "", is_change ? m->change.nkey : 0,
          is_change ? (const char *)m->change.key : "");
}

static void changed(struct schedule *s, struct node *n, unsigned k, uint64_t holds)
{
    s->last[n->number][k] = s->version;
    s->expected[k] = holds;
    s->wrote[n->number] = true;
}

static void do_set(struct schedule *s, struct node *n)
{
    char name[16], value[24];
    unsigned k = below(s, s->nkeys);
    struct link_change c = { .key = key_name(k, name), .value = value };
    snprintf(value, sizeof(value), "%llu", (unsigned long long)++s->version);
    c.nkey = (uint16_t)strlen(name);
    c.nvalue = (uint32_t)strlen(value);
    c.flags = (uint32_t)next_random(s);
    ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
    trace(s, "set %u at %u: %s\n", k, n->number, value);
    changed(s, n, k, s->version);
    if (!s->p.config.own_cas && version_at(n, k) != s->version)
        complain(s, "a write does not read back", n->number, k, version_at(n, k),
                 s->version);
}

static void do_delete(struct schedule *s, struct node *n)
{
    char name[16];
    unsigned k = below(s, s->nkeys);
    s->version++;
    ck_assert_int_eq(node_delete(n, key_name(k, name)), CHANGE_OK);
    trace(s, "delete %u at %u: %llu\n", k, n->number, (unsigned long long)s->version);
    changed(s, n, k, 0);
}

static void do_flush(struct schedule *s, struct node *n)
{
    s->version++;
    trace(s, "flush at %u: %llu\n", n->number, (unsigned long long)s->version);
    ck_assert_int_eq(node_flush(n, 0), CHANGE_OK);
    for (unsigned k = 0; k < s->nkeys; k++)
        changed(s, n, k, 0);
}

/* What it flushes is not foretold; but it brings nothing old back. */
static void do_delayed_flush(struct schedule *s, struct node *n)
{
    uint32_t delay = 1 + below(s, 5);
    trace(s, "flush at %u in %u s\n", n->number, delay);
    ck_assert_int_eq(node_flush(n, delay), CHANGE_OK);
}

static void do_evict(struct schedule *s, struct node *n)
{
    char name[16];
    node_evict(n, key_name(below(s, s->nkeys), name));
}

static void do_crash(struct schedule *s, struct node *n)
{
    trace(s, "crash of %u\n", n->number);
    node_crash(n);
    memset(s->last[n->number], 0, sizeof(s->last[0]));
    s->crashed[n->number] = true;
    s->p.run_order[n->number] = (uint8_t)below(s, 256);
    if (one_in(s, 2))
        wire_lose(&s->p.wire, 1 - n->number);
    node_start(n);
}

static void do_link(struct schedule *s)
{
    struct wire *w = &s->p.wire;
    unsigned what = below(s, 4);
    trace(s, "%s\n", what == 0 ? "one loses" : what == 1 ? "cut" : "connect");
    switch (what) {
    case 0:
        wire_lose(w, below(s, 2));
        break;
    case 1:
        wire_cut(w);
        break;
    default:
        wire_connect(w);
    }
}

static void do_rare(struct schedule *s, struct node *n)
{
    switch (below(s, 8)) {
    case 0:
        do_crash(s, n);
        break;
    case 1:
        node_promote(n);
        break;
    case 2:
        node_demote(n);
        break;
    case 3:
        if (s->flushes_later)
            do_delayed_flush(s, n);
        else if (one_in(s, 4))
            do_flush(s, n);
        break;
    case 4:
        pair_advance(&s->p, 1);
        break;
    case 5:
        wire_hold(&s->p.wire, n->number, one_in(s, 2));
        break;
    default:
        do_link(s);
    }
}

/* Clients mostly talk to one node, the one whose number is active. */
static void client_step(struct schedule *s, unsigned active)
{
    struct node *n = &s->p.node[one_in(s, s->loyal) ? 1 - active : active];
    if (s->evicts && one_in(s, 20))
        do_evict(s, &s->p.node[below(s, 2)]);
    else if (one_in(s, 4))
        do_delete(s, n);
    else
        do_set(s, n);
}

static void step(struct schedule *s, unsigned active)
{
    struct node *any = &s->p.node[below(s, 2)];
    if (below(s, 100) < s->writes)
        client_step(s, active);
    else if (one_in(s, s->calm))
        do_rare(s, any);
    else if (one_in(s, 3))
        node_work(any);
    else if (!wire_deliver(&s->p.wire, any->number, one_in(s, 8)))
        wire_deliver(&s->p.wire, any->number, true);
}

/* ---- at rest */

static void check_rest(struct schedule *s, bool sole_writer)
{
    for (unsigned k = 0; k < s->nkeys; k++) {
        for (unsigned i = 0; i < 2; i++) {
            uint64_t v = version_at(&s->p.node[i], k);
            for (unsigned w = 0; w < 2; w++) {
                if (v != 0 && v < s->last[w][k])
                    complain(s, "old at rest", i, k, v, s->last[w][k]);
            }
            check_key(s, &s->p.node[i], k);
            if (sole_writer && v != s->expected[k])
                complain(s, "lost, though one node took all", i, k, v, s->expected[k]);
        }
    }
}

static void come_to_rest(struct schedule *s)
{
    char why[400];
    trace(s, "---- to rest\n");
    wire_hold(&s->p.wire, 0, false);
    wire_hold(&s->p.wire, 1, false);
    bool rests = pair_settle(&s->p);
    if (rests && s->flushes_later) {
        pair_advance(&s->p, 10);
        rests = pair_settle(&s->p);
    }
    if (!rests) {
        snprintf(s->fault, sizeof(s->fault), "the nodes do not come to rest");
        return;
    }
    /* evictions leave the nodes unequal, and that is all right */
    if (!s->evicts && !pair_same(&s->p, why, sizeof(why)))
        snprintf(s->fault, sizeof(s->fault), "%s", why);
    else if (!pair_in_sync(&s->p))
        snprintf(s->fault, sizeof(s->fault), "at rest, but not in sync");
    for (unsigned i = 0; i < 2; i++) {
        note_settled(s, &s->p.node[i]);
        if (s->p.wire.end[i].refused > 0)
            snprintf(s->fault, sizeof(s->fault), "node %u refused a message: %s", i,
                     s->p.wire.end[i].why);
    }
}

static void next_phase(struct schedule *s)
{
    for (unsigned k = 0; k < s->nkeys; k++)
        s->expected[k] = version_at(&s->p.node[0], k);
    s->wrote[0] = s->wrote[1] = s->crashed[0] = s->crashed[1] = false;
}

static bool is_sole_writer(const struct schedule *s)
{
    unsigned writer = s->wrote[1];
    return !s->evicts && !s->flushes_later && !(s->wrote[0] && s->wrote[1]) &&
           !s->crashed[writer] &&
           (s->wrote[writer] || (!s->crashed[0] && !s->crashed[1]));
}

static void run_phase(struct schedule *s)
{
    unsigned active = below(s, 2);
    s->writes = 2 + below(s, 60);
    s->calm = 2 + below(s, one_in(s, 2) ? 30 : 300);
    s->loyal = one_in(s, 2) ? 20 : 1000000;
    trace(s, "---- a phase\n");
    next_phase(s);
    for (unsigned i = 0; i < s->steps && s->fault[0] == '\0'; i++) {
        step(s, active);
        note_settled(s, &s->p.node[0]);
        note_settled(s, &s->p.node[1]);
        check_key(s, &s->p.node[below(s, 2)], below(s, s->nkeys));
        if (one_in(s, 10 * s->calm))
            active = 1 - active;
    }
    if (s->fault[0] == '\0')
        come_to_rest(s);
    if (s->fault[0] == '\0')
        check_rest(s, is_sole_writer(s));
}

static bool run_schedule(struct schedule *s, uint64_t seed)
{
    static const unsigned key_counts[] = { 4, 30, KEYS_MAX };
    memset(s, 0, sizeof(*s));
    s->loud = getenv("FAKE_LOG") != NULL;
    s->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    struct pair_config config = { .journal_bytes = 1024u << 2 * below(s, 4) };
    config.map_bits[0] = 6 + below(s, 3);
    config.map_bits[1] = one_in(s, 2) ? config.map_bits[0] : 6 + below(s, 6);
    config.single_walk = one_in(s, 4);
    config.own_cas = one_in(s, 8);
    s->nkeys = key_counts[below(s, N_ELEMENTS(key_counts))];
    s->steps = 50 + below(s, 600);
    s->evicts = one_in(s, 8);
    s->flushes_later = one_in(s, 6);
    pair_init(&s->p, &config);
    s->p.wire.watch = see_message;
    s->p.wire.watch_context = s;
    for (unsigned i = 0; i < PHASES && s->fault[0] == '\0'; i++)
        run_phase(s);
    pair_fini(&s->p);
    return s->fault[0] == '\0';
}

static uint64_t from_environment(const char *name, uint64_t preset)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : preset;
}

START_TEST(test_random_schedules)
{
    static struct schedule s;
    bool one = getenv("SEED") != NULL;
    uint64_t seed = from_environment("SEED", 1);
    uint64_t end = seed + from_environment("ROUNDS", one ? 1 : SCHEDULES);
    for (; seed < end; seed++)
        ck_assert_msg(run_schedule(&s, seed), "SEED=%llu: %s", (unsigned long long)seed,
                      s.fault);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_random_schedules };
    return unit_run("schedules", tests, N_ELEMENTS(tests));
}
