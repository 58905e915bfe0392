#include "test/sim/schedule.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "repl/internal.h"
#include "test/sim/world.h"

enum { PHASES = 4 };

struct schedule {
    struct world w;
    unsigned steps;               /* of a phase */
    unsigned active;              /* the node at which most clients are */
    unsigned writes, calm, loyal; /* writes: per cent. calm: one event in so many is rare.
                                   * loyal: one client in so many is at the other node */
    bool evicts, expires, flushes_later, refuses; /* what stores and clients do here */
    bool guarded; /* commands move the roles with the clients */
};

/* ---- clients */

static uint32_t some_ttl(struct schedule *s)
{
    return s->expires && one_in(&s->w, 3) ? 1 + below(&s->w, 30) : 0;
}

/* A full store evicts a key; often one that clients ask for again. */
static void evict(struct schedule *s, struct node *n, unsigned k)
{
    struct world *w = &s->w;
    if (!s->evicts)
        return;
    world_trace(w, "evict %u at %u\n", k, n->number);
    world_evict(w, n, k);
    if (one_in(w, 2))
        world_replace(w, n, k);
    else if (one_in(w, 2))
        world_touch(w, n, k, some_ttl(s));
}

/* It may build on what is here. */
static void update(struct schedule *s, struct node *n, unsigned k)
{
    switch (below(&s->w, 4)) {
    case 0:
        world_replace(&s->w, n, k);
        break;
    case 1:
        world_touch(&s->w, n, k, some_ttl(s));
        break;
    default:
        world_join(&s->w, n, k, one_in(&s->w, 3));
    }
}

static void client_step(struct schedule *s)
{
    struct world *w = &s->w;
    struct node *n = &w->p.node[one_in(w, s->loyal) ? 1 - s->active : s->active];
    unsigned k = below(w, w->nkeys);
    switch (below(w, 19)) {
    case 0:
    case 1:
    case 2:
        world_delete(w, n, k);
        break;
    case 3:
        world_replace(w, n, k);
        break;
    case 4:
        world_touch(w, n, k, some_ttl(s));
        break;
    case 5:
        world_gets(w, n, k);
        break;
    case 6:
        world_cas(w, n, below(w, TOKENS));
        break;
    case 7:
        evict(s, one_in(w, 2) ? n : &w->p.node[below(w, 2)], k);
        break;
    case 8: /* most keys are here, or will be soon */
        update(s, n, k);
        break;
    case 9:
    case 10: /* only where something is missing */
        world_fetch(w, &w->p.node[0], k);
        world_fetch(w, &w->p.node[1], k);
        break;
    default:
        world_set(w, n, k, some_ttl(s));
    }
}

/* ---- faults, operators and time */

/* Here hardly any time passes, so parts would soon be as large as the whole copy. */
static void make_parts_small(struct world *w)
{
    for (unsigned n = 0; n < 2; n++)
        memset(w->p.node[n].core.part_size, 0, sizeof(w->p.node[n].core.part_size));
}

static void do_link(struct schedule *s)
{
    struct world *w = &s->w;
    unsigned what = below(w, 4);
    world_trace(w, "%s\n", what == 0 ? "one loses" : what == 1 ? "cut" : "connect");
    switch (what) {
    case 0:
        wire_lose(&w->p.wire, below(w, 2));
        break;
    case 1:
        wire_cut(&w->p.wire);
        break;
    default:
        make_parts_small(w);
        wire_connect(&w->p.wire);
    }
}

static void do_crash(struct schedule *s, struct node *n)
{
    judge_now(&s->w);
    world_crash(&s->w, n);
    if (one_in(&s->w, 2))
        wire_lose(&s->w.p.wire, 1 - n->number);
}

static void do_handover(struct schedule *s, struct node *n)
{
    const char *why;
    world_trace(&s->w, "handover at %u\n", n->number);
    AZ(pthread_mutex_lock(&n->core.lock));
    if (one_in(&s->w, 3))
        repl_core_handover_abort(&n->core, "it takes too long");
    why = repl_core_handover_begin(&n->core, one_in(&s->w, 2) ? &repl_handover_planned
                                                              : &repl_handover_yield);
    AZ(pthread_mutex_unlock(&n->core.lock));
    if (why != NULL)
        world_trace(&s->w, "  no: %s\n", why);
}

static void do_operator(struct schedule *s, struct node *n)
{
    bool verify = one_in(&s->w, 2);
    world_trace(&s->w, "%s at %u\n", verify ? "verify" : "resync", n->number);
    AZ(pthread_mutex_lock(&n->core.lock));
    if (verify)
        (void)repl_core_verify_begin(&n->core);
    else
        (void)repl_core_resync(&n->core);
    AZ(pthread_mutex_unlock(&n->core.lock));
}

static void do_flush(struct schedule *s, struct node *n)
{
    if (s->flushes_later)
        world_flush(&s->w, n, 1 + below(&s->w, 5));
    else if (one_in(&s->w, 4))
        world_flush(&s->w, n, 0);
}

static void do_rare(struct schedule *s, struct node *n)
{
    struct world *w = &s->w;
    switch (below(w, 12)) {
    case 0:
        do_crash(s, n);
        break;
    case 1:
        world_trace(w, "promote %u\n", n->number);
        node_promote(n);
        break;
    case 2:
        world_trace(w, "demote %u\n", n->number);
        node_demote(n);
        break;
    case 3:
        do_flush(s, n);
        break;
    case 4:
        if (s->expires || s->flushes_later)
            world_tick(w);
        break;
    case 5:
        wire_hold(&w->p.wire, n->number, one_in(w, 2));
        break;
    case 6:
        do_handover(s, n);
        break;
    case 7:
        do_operator(s, n);
        break;
    case 8:
        world_pass(w, 100u << below(w, 5));
        break;
    default:
        do_link(s);
    }
}

/* ---- one step */

static bool is_offering(const struct node *n)
{
    return n->core.handover.state == HANDOVER_OFFERED;
}

/* At the moment when the role moves, nothing acknowledged may be missing. */
static void judge_handover(struct world *w, struct node *from)
{
    struct node *to = &w->p.node[1 - from->number];
    struct sight a, b;
    for (unsigned k = 0; k < w->nkeys; k++) {
        world_see(w, from, k, &a);
        world_see(w, to, k, &b);
        if (a.version != b.version && !w->keys[k].evicted && a.dies_at == NEVER &&
            b.dies_at == NEVER)
            world_complain(w, "handed over, but key %u has version %llu, not %llu", k,
                           (unsigned long long)b.version, (unsigned long long)a.version);
    }
}

/* Nobody tampers with the stores, so a comparison must not find a difference. */
static void judge_verify(struct world *w, const struct node *n)
{
    const struct repl_difference *d = n->core.verify.found;
    bool evicted = false;
    if (w->late > 0 || w->p.config.own_cas)
        return;
    for (unsigned k = 0; k < w->nkeys; k++)
        evicted = evicted || w->keys[k].evicted;
    if (d->unequal > 0 || (d->absent > 0 && !evicted))
        world_complain(w, "verify at node %u finds %llu unequal and %llu absent",
                       n->number, (unsigned long long)d->unequal,
                       (unsigned long long)d->absent);
}

static void deliver(struct schedule *s, struct node *to)
{
    struct world *w = &s->w;
    struct node *from = &w->p.node[1 - to->number];
    uint64_t before = to->core.count.promotions;
    enum repl_verify_state compared = to->core.verify.state;
    bool newer = one_in(w, 8);
    if (!wire_deliver(&w->p.wire, to->number, newer) && !newer)
        wire_deliver(&w->p.wire, to->number, true);
    if (to->core.count.promotions > before && is_offering(from))
        judge_handover(w, from);
    if (to->core.verify.state == VERIFY_DONE && compared == VERIFY_AWAIT)
        judge_verify(w, to);
}

static void step(struct schedule *s)
{
    struct world *w = &s->w;
    struct node *any = &w->p.node[below(w, 2)];
    if (one_in(w, 4))
        world_resume(w);
    if (below(w, 100) < s->writes) {
        client_step(s);
    } else if (one_in(w, s->calm)) {
        do_rare(s, any);
    } else if (one_in(w, 3)) {
        node_work(any);
    } else {
        deliver(s, any);
    }
    w->steps++;
    judge_key(w, below(w, w->nkeys));
    if (one_in(w, 32))
        judge_now(w);
}

/* ---- phases */

static void move_clients(struct schedule *s)
{
    s->active = 1 - s->active;
    if (s->guarded && !one_in(&s->w, 4))
        node_promote(&s->w.p.node[s->active]); /* as a guard does, if it is alive */
}

static void run_phase(struct schedule *s)
{
    struct world *w = &s->w;
    s->active = below(w, 2);
    s->writes = 2 + below(w, 60);
    s->calm = 2 + below(w, one_in(w, 2) ? 30 : 300);
    s->loyal = one_in(w, 2) ? 20 : 1000000;
    world_trace(w, "---- a phase\n");
    world_phase(w);
    for (unsigned i = 0; i < 2; i++)
        w->p.node[i].store.one_in_refused = s->refuses ? 2 + below(w, 10) : 0;
    for (unsigned i = 0; i < s->steps && world_is_well(w); i++) {
        step(s);
        if (one_in(w, 10 * s->calm))
            move_clients(s);
    }
    if (world_is_well(w))
        judge_rest(w);
}

static void start(struct schedule *s, uint64_t seed)
{
    static const unsigned key_counts[] = { 4, 30, KEYS_MAX };
    struct world chance = { .random = (seed + 1) * UINT64_C(0xd1342543de82ef95) };
    struct pair_config config = { .journal_bytes = 1024u << 2 * below(&chance, 4) };
    config.map_bits[0] = 6 + below(&chance, 3);
    config.map_bits[1] = one_in(&chance, 2) ? config.map_bits[0] : 6 + below(&chance, 6);
    config.single_scan = one_in(&chance, 4);
    config.own_cas = one_in(&chance, 8);
    static const enum repl_standby_writes habits[] = {
        STANDBY_WRITES_PROMOTE, STANDBY_WRITES_PROMOTE, STANDBY_WRITES_PROMOTE,
        STANDBY_WRITES_ALONE,   STANDBY_WRITES_REJECT,
    };
    config.standby_writes = habits[below(&chance, N_ELEMENTS(habits))];
    s->guarded = config.standby_writes != STANDBY_WRITES_PROMOTE;
    config.lone_rejects = one_in(&chance, 16);
    config.fetch_wait_ms = 1 + below(&chance, 500);
    if (one_in(&chance, 2)) {
        config.store_ahead = below(&chance, 5000);
        config.machine_ahead_us = (uint64_t)below(&chance, 5000) * 1000000;
    }
    if (one_in(&chance, 2)) {
        config.whole_max = 1000;
        config.chunk = 150;
    }
    world_init(&s->w, &config, seed, key_counts[below(&chance, N_ELEMENTS(key_counts))]);
    s->steps = 50 + below(&chance, 600);
    s->evicts = !one_in(&chance, 4);
    s->expires = one_in(&chance, 4);
    s->flushes_later = one_in(&chance, 6);
    s->refuses = one_in(&chance, 4);
}

bool schedule_run(uint64_t seed, uint64_t *steps, char *why, size_t nwhy)
{
    static struct schedule s;
    start(&s, seed);
    for (unsigned i = 0; i < PHASES && world_is_well(&s.w); i++)
        run_phase(&s);
    bool well = world_is_well(&s.w);
    snprintf(why, nwhy, "%s", s.w.fault);
    *steps += s.w.steps;
    world_fini(&s.w);
    return well;
}
