/*
 * Evictions that the peer was not told of (R24). Each leaves an item on one node only, so
 * nothing is wrong or at risk, and the nodes differ. Their buckets are noted, and made
 * alike when there is nothing else to do:
 *
 *   follower                          leader
 *     quiet: UNTOLD{map}  -->          adds these to its own
 *                                      quiet, in sync: a part that replaces (part.c)
 *                        <--           REPLACE, FILLs, END
 *
 * It does not matter whose store evicted the item: at the end of the part the follower
 * has what the leader has. While evictions go untold, as they do while a load is more
 * than the peer can follow, all that they cost is a bit.
 */
#include "base/hash.h"
#include "repl/internal.h"

/* For so long none must have come. If it was a repair that made a store evict again, and
 * no change was, twice as long, up to five times in a row. */
enum { QUIET_US = 1000000, ROW_MOST = 5 };

void untold_note(struct repl_core *c, const void *key, size_t nkey)
{
    struct repl_worker *w = gate_worker(&c->gate);
    map_note(&c->untold.map, hash_key(key, nkey)); /* mutant: untold-is-forgotten */
    if (w != NULL)
        atomic_fetch_add_explicit(&w->untold, 1, memory_order_relaxed);
}

bool untold_is_smaller(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    return s->merged && s->lead == LEAD_FOLLOWER && c->config.memory < s->peer.memory;
}

static void note_more(struct repl_core *c)
{
    struct repl_untold *u = &c->untold;
    if (c->count.shipped != u->shipped)
        u->row = 0;
    else if (u->repaired && u->row < ROW_MOST) /* mutant: repairs-at-any-pace */
        u->row++;
    u->repaired = false;
    u->since_us = c->now_us;
}

static bool is_quiet(const struct repl_core *c)
{
    const struct repl_untold *u = &c->untold;
    uint64_t pause_us = (uint64_t)QUIET_US << u->row;
    return !map_is_empty(&u->map) && c->now_us - u->since_us >= pause_us &&
           GATE_SUM(&c->gate, untold) == u->n;
}

/* ---- at the follower */

static void tell(struct repl_core *c)
{
    const struct map *const maps[] = { &c->spare };
    map_copy(&c->spare, &c->untold.map); /* clients' threads may add to that */
    core_put_maps(c, LINK_UNTOLD, maps, 1);
    c->untold.told = c->untold.n;
}

/* The buckets stay noted until a part has them: until then the leader may be lost. */
void untold_tick(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    struct repl_untold *u = &c->untold;
    uint64_t n = GATE_SUM(&c->gate, untold);
    if (n != u->n)
        note_more(c);
    u->n = n;
    if (s->merged && s->lead == LEAD_FOLLOWER && !s->replacing && u->told != n &&
        !untold_is_smaller(c) && is_quiet(c))
        tell(c); /* mutant: untold-by-the-follower */
}

/* ---- at the leader */

const char *untold_message(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->spare };
    if (!s->merged || s->lead != LEAD_LEADER || m->term != c->term)
        return NULL;
    if (!core_take_maps(c, m, maps, 1))
        return "a malformed UNTOLD";
    map_note_all(&c->untold.map, &c->spare);
    note_more(c);
    return NULL;
}

bool untold_is_due(struct repl_core *c)
{
    return c->session.lead == LEAD_LEADER && is_quiet(c) && repl_core_in_sync(c) &&
           !handover_is_under_way(c) && !verify_leads(c);
}

void untold_repair_begins(struct repl_core *c)
{
    c->untold.shipped = c->count.shipped;
    c->untold.repaired = true;
    core_log(c, REPL_LOG_DEBUG,
             "evictions went untold: %llu buckets are made alike on both nodes",
             (unsigned long long)map_count(&c->in_flight));
}
