/* What must hold, at any moment and at rest. The numbers of invariants (I2...) are
 * those of doc/model/README.md, except I6: a change is never shipped back. */
#include <stdarg.h>
#include <stdio.h>

#include <string.h>

#include "base/check.h"
#include "test/sim/world.h"

void world_complain(struct world *w, const char *format, ...)
{
    va_list ap;
    if (w->fault[0] != '\0')
        return;
    va_start(ap, format);
    vsnprintf(w->fault, sizeof(w->fault), format, ap);
    va_end(ap);
    world_trace(w, "FAULT: %s\n", w->fault);
}

void world_trace(const struct world *w, const char *format, ...)
{
    va_list ap;
    if (!w->loud)
        return;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
}

bool world_is_well(const struct world *w)
{
    return w->fault[0] == '\0';
}

/* ---- what a node shows is what some client stored, complete, and not too old */

void judge_sight(struct world *w, struct node *n, unsigned k, const struct sight *s)
{
    const struct key *key = &w->keys[k];
    if (s->version == 0)
        return;
    const struct version *v = &w->versions[s->version];
    if (s->version > w->nversions || v->key != k)
        world_complain(w, "key %u at node %u has a value that nobody stored", k,
                       n->number);
    else if (s->digest != v->digest)
        world_complain(w, "key %u at node %u: the value is not what %llu made it", k,
                       n->number, (unsigned long long)s->version);
    else if (s->version < key->settled)
        world_complain(w, "an old value: key %u at node %u has version %llu, not %llu", k,
                       n->number, (unsigned long long)s->version,
                       (unsigned long long)key->settled);
    else if (s->version < key->last[n->number])
        world_complain(w, "key %u at node %u has version %llu, older than its own %llu",
                       k, n->number, (unsigned long long)s->version,
                       (unsigned long long)key->last[n->number]);
    else if (s->flags != v->flags)
        world_complain(w, "key %u at node %u has wrong flags", k, n->number);
    else if (v->cas != 0 && s->cas != v->cas)
        world_complain(w, "key %u at node %u: version %llu has another CAS", k, n->number,
                       (unsigned long long)s->version);
    else if (v->dies_at != NEVER && w->p.clock >= v->dies_at + w->late)
        world_complain(w, "key %u at node %u outlives its time", k, n->number);
}

/* A CAS that was handed out now is on no item of the other node, if they have met. */
static void judge_other_half(struct world *w, const struct node *n, unsigned k,
                             uint64_t cas)
{
    struct node *peer = &w->p.node[1 - n->number];
    const char *name = w->keys[k].name;
    struct repl_item it;
    if (!n->core.has_met || !peer->up || !peer->core.has_met ||
        toy_store_ops.lookup(&peer->store, name, strlen(name), &it) != REPL_YES)
        return;
    if (it.state.cas == cas)
        world_complain(w, "key %u: both nodes hand out one CAS", k);
    toy_store_ops.release(&peer->store, it.item);
}

/* A write reads back, with a CAS above all that the node has handed out or holds. */
void judge_write(struct world *w, struct node *n, unsigned k, uint64_t version)
{
    struct sight s;
    if (w->p.config.own_cas)
        return; /* in such a store a purge also removes new items */
    world_see(w, n, k, &s);
    if (s.version != version) {
        world_complain(w, "key %u at node %u: a write does not read back", k, n->number);
        return;
    }
    if (s.cas <= w->highest_cas[n->number])
        world_complain(w, "key %u at node %u: a CAS no higher than one before", k,
                       n->number);
    w->highest_cas[n->number] = s.cas;
    w->versions[version].cas = s.cas;
    judge_other_half(w, n, k, s.cas);
    struct sight other;
    world_see(w, n, below(w, w->nkeys), &other);
    if (other.version != 0 && other.version != version && other.cas >= s.cas)
        world_complain(w, "node %u hands out a CAS that is not above what it holds",
                       n->number);
}

/* ---- the pair, at any moment */

bool judge_has_pending(const struct node *n)
{
    const struct repl_worker *w = atomic_load(&n->core.gate.workers);
    for (; w != NULL; w = w->next) {
        if (ring_pending(&w->ring) > 0)
            return true;
    }
    return false;
}

bool judge_remembers(const struct node *n, uint64_t hash)
{
    const struct repl_core *c = &n->core;
    return map_has(&c->dirty, hash) ||
           (c->session.copy.origin == COPY_DIRTY && map_has(&c->in_flight, hash));
}

/* I3: if a node does not remember a change any more, the peer has it: from now on
 * neither node may show anything older. */
void judge_settle(const struct node *n, struct key *key)
{
    uint64_t last = key->last[n->number];
    if (n->up && last > key->settled && !judge_has_pending(n) &&
        !judge_remembers(n, key->hash))
        key->settled = last;
}

void judge_key(struct world *w, unsigned k)
{
    struct sight s;
    for (unsigned i = 0; i < 2; i++) {
        judge_settle(&w->p.node[i], &w->keys[k]);
        absence_settle(&w->p.node[i], &w->keys[k]);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (!w->p.node[i].up)
            continue;
        world_see(w, &w->p.node[i], k, &s);
        judge_sight(w, &w->p.node[i], k, &s);
        absence_judge(w, i, k, &s);
    }
}

static bool same_sight(const struct world *w, const struct sight *a,
                       const struct sight *b)
{
    uint32_t drift =
        a->dies_at > b->dies_at ? a->dies_at - b->dies_at : b->dies_at - a->dies_at;
    return a->version == b->version && (a->cas == b->cas || w->p.config.own_cas) &&
           a->credit == b->credit && drift <= w->late;
}

/* May the key be on one node only? Yes if it was evicted, or if the way to the peer
 * made it live a second longer there. */
static bool may_be_alone(const struct world *w, const struct key *key,
                         const struct sight *a, const struct sight *b)
{
    bool alone = (a->version == 0) != (b->version == 0);
    const struct sight *s = a->version != 0 ? a : b;
    return alone && (key->evicted || (w->late > 0 && s->dies_at != NEVER));
}

/* Is there a flush that the core has not noticed yet, or that is so near that the core
 * takes nothing from a copy any more? Or has one taken effect that the leader may have
 * put off? Then the leader's message is on the way, and the follower remembers what may
 * be missing until it comes (DOUBT_LEADER). */
static bool flushes(const struct repl_core *c)
{
    return c->flush.due || flush_is_unseen(c) || c->flush.doubt == DOUBT_LEADER ||
           (flush_is_pending(c) && c->store_ops->clock(c->store) + 1 >= c->flush.at);
}

/* The active leader, if both nodes have merged. */
static struct node *settled_leader(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        struct node *a = &w->p.node[i], *b = &w->p.node[1 - i];
        const struct repl_core *c = &a->core;
        if (!a->up || !b->up || w->p.wire.end[0].session != w->p.wire.end[1].session)
            continue;
        if (c->session.merged && c->session.lead == LEAD_LEADER && c->active &&
            b->core.session.merged && b->core.session.lead == LEAD_FOLLOWER &&
            c->purge.goal == NULL && b->core.purge.goal == NULL && !flushes(c) &&
            !flushes(&b->core))
            return a;
    }
    return NULL;
}

static bool is_owed(const struct node *n, uint64_t hash)
{
    return judge_remembers(n, hash) || map_has(&n->core.owed, hash) ||
           map_has(&n->core.in_flight, hash) || map_has(&n->core.missing, hash);
}

/* I2, and more: keys that neither journal nor map remembers are the same on both nodes,
 * and repl_at_risk counts what would be lost. */
static void judge_pair(struct world *w)
{
    struct node *a = settled_leader(w);
    struct repl_status status;
    uint64_t differing = 0;
    if (a == NULL)
        return;
    struct node *b = &w->p.node[1 - a->number];
    bool pending = judge_has_pending(a);
    for (unsigned k = 0; k < w->nkeys; k++) {
        const struct key *key = &w->keys[k];
        struct sight of_a, of_b;
        world_see(w, a, k, &of_a);
        world_see(w, b, k, &of_b);
        if (may_be_alone(w, key, &of_a, &of_b) || same_sight(w, &of_a, &of_b))
            continue;
        differing++;
        if (!pending && !is_owed(a, key->hash) && !map_has(&b->core.missing, key->hash))
            world_complain(w,
                           "key %u: node %u has version %llu, node %u %llu, and nobody "
                           "remembers it",
                           k, a->number, (unsigned long long)of_a.version, b->number,
                           (unsigned long long)of_b.version);
    }
    repl_core_status(&a->core, &status);
    if (differing > 0 && status.at_risk == 0 && status.missing_buckets == 0 &&
        map_is_empty(&b->core.missing))
        world_complain(w, "%llu keys differ, and nothing is at risk",
                       (unsigned long long)differing);
}

void judge_now(struct world *w)
{
    for (unsigned k = 0; k < w->nkeys; k++)
        judge_key(w, k);
    judge_pair(w);
}

/* ---- at rest */

/* What a comparison finds and repairs, mostly evicted items, counts as changed on the
 * node where the comparison was begun. */
static bool has_repaired(const struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct repl_difference *found = &w->p.node[i].core.verify.found[0];
        const struct repl_difference *before = &w->compared[i];
        bool is_new = found->compared != before->compared ||
                      found->unequal != before->unequal ||
                      found->absent != before->absent;
        if (w->p.node[i].up && is_new && found->unequal + found->absent > 0)
            return true;
    }
    return false;
}

/* What a copy replaced and the node had no room for is missing there, as if it had died.
 */
static bool has_lost(const struct world *w, unsigned node)
{
    return w->crashed[node] || w->p.node[node].core.count.apply_failed != w->failed[node];
}

/* Did one node take all changes, and lose nothing? Then everything that it held is there
 * (I8). */
static bool is_sole_writer(const struct world *w)
{
    unsigned writer = w->wrote[1];
    return !(w->wrote[0] && w->wrote[1]) && !has_lost(w, writer) && !has_repaired(w) &&
           (w->wrote[writer] || (!w->crashed[0] && !w->crashed[1]));
}

/* If the clock moved while a TTL or a delayed flush was on its way, it takes effect
 * later at the peer. Close to that time one cannot say what must be there. */
static bool is_doubtful(const struct world *w, const struct key *key, uint64_t version)
{
    const struct version *v = &w->versions[version];
    if (w->late == 0 || version == 0)
        return false;
    return (key->expected_death != NEVER &&
            w->p.clock + 1 + w->late >= key->expected_death) ||
           (w->flushed_at != 0 && v->made_at < w->flushed_at + w->late);
}

static void judge_expected(struct world *w, const struct node *n, unsigned k,
                           const struct sight *s)
{
    const struct key *key = &w->keys[k];
    bool dead = key->expected_death != NEVER && w->p.clock >= key->expected_death;
    uint64_t wanted = dead ? 0 : key->expected;
    if (s->version != wanted && !key->evicted && !is_doubtful(w, key, key->expected) &&
        !is_doubtful(w, key, s->version))
        world_complain(w,
                       "lost, though one node took all: key %u at node %u has version "
                       "%llu, not %llu",
                       k, n->number, (unsigned long long)s->version,
                       (unsigned long long)wanted);
}

/* (b) Whichever node evicted a key, and whether the other one was told of it (R24). A
 * store that counts CAS on its own does not tell enough for that. */
static void judge_eviction(struct world *w, unsigned k, const struct sight *s)
{
    unsigned node = s[0].version != 0;
    if ((s[0].version == 0) != (s[1].version == 0) && w->late == 0 &&
        !w->p.config.own_cas)
        world_complain(w, "key %u was evicted, and only node %u does not hold it", k,
                       node);
}

static void judge_key_at_rest(struct world *w, unsigned k, bool sole)
{
    const struct key *key = &w->keys[k];
    struct sight s[2];
    for (unsigned i = 0; i < 2; i++) {
        world_see(w, &w->p.node[i], k, &s[i]);
        for (unsigned by = 0; by < 2; by++) {
            if (s[i].version != 0 && s[i].version < key->last[by])
                world_complain(w,
                               "old at rest: key %u at node %u has version %llu, not "
                               "%llu",
                               k, i, (unsigned long long)s[i].version,
                               (unsigned long long)key->last[by]);
        }
        if (sole)
            judge_expected(w, &w->p.node[i], k, &s[i]);
    }
    if (!may_be_alone(w, key, &s[0], &s[1]) && !same_sight(w, &s[0], &s[1]))
        world_complain(w,
                       "unequal at rest: key %u has version %llu, CAS %llx, marks %x, "
                       "death %u and version %llu, CAS %llx, marks %x, death %u",
                       k, (unsigned long long)s[0].version, (unsigned long long)s[0].cas,
                       s[0].credit, s[0].dies_at, (unsigned long long)s[1].version,
                       (unsigned long long)s[1].cas, s[1].credit, s[1].dies_at);
    judge_eviction(w, k, s);
    if (key->heir != 0 && s[0].version != key->heir)
        world_complain(w, "a conflict that is none: key %u has version %llu, not %llu", k,
                       (unsigned long long)s[0].version, (unsigned long long)key->heir);
}

/* What found no room before is tried again, some time later. */
static bool make_room(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        w->p.node[i].store.one_in_refused = 0;
    bool rests = pair_settle(&w->p);
    for (unsigned i = 0; rests && !pair_in_sync(&w->p) && i < 40; i++) {
        pair_pass(&w->p, 1000);
        rests = pair_settle(&w->p);
    }
    return rests;
}

static bool has_untold(struct world *w)
{
    return !map_is_empty(&w->p.node[0].core.untold.map) ||
           !map_is_empty(&w->p.node[1].core.untold.map);
}

void judge_rest(struct world *w)
{
    world_trace(w, "---- to rest\n");
    for (unsigned i = 0; i < 2; i++)
        wire_hold(&w->p.wire, i, false);
    bool rests = make_room(w);
    for (unsigned i = 0; rests && w->flushed_later && i < 10; i++) {
        world_tick(w);
        rests = pair_settle(&w->p);
    }
    for (unsigned i = 0; rests && has_untold(w) && i < 80; i++) {
        pair_pass(&w->p, 1000);
        rests = pair_settle(&w->p);
    }
    if (!rests) {
        world_complain(w, "the nodes do not come to rest");
        return;
    }
    for (unsigned k = 0; k < w->nkeys; k++)
        judge_key_at_rest(w, k, is_sole_writer(w));
    judge_now(w);
    if (!pair_in_sync(&w->p))
        world_complain(w, "at rest, but not in sync");
    if (has_untold(w))
        world_complain(w, "at rest, but evictions are still untold");
    for (unsigned i = 0; i < 2; i++) {
        if (w->waits[i] != w->p.node[i].resumed)
            world_complain(w, "node %u: of %u requests that waited, %u went on", i,
                           w->waits[i], w->p.node[i].resumed);
        if (w->p.wire.end[i].refused > 0)
            world_complain(w, "node %u refused a message: %s", i, w->p.wire.end[i].why);
    }
}
