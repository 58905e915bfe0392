/*
 * How much of what this node has its peer has, too. The figures count changes and items,
 * and rather too many than too few:
 *
 *   journals   exactly
 *   dirty      changes since it was empty last: a bit of the map may stand for many
 *   owed       its share of the store's items
 */
#include "repl/internal.h"

uint64_t core_pending(struct repl_core *c, uint64_t *overflows)
{
    uint64_t n = 0;
    struct repl_worker *w = atomic_load(&c->gate.workers);
    *overflows = 0;
    for (; w != NULL; w = w->next) {
        n += ring_pending(&w->ring);
        *overflows += atomic_load_explicit(&w->overflows, memory_order_relaxed);
    }
    return n;
}

/* R14, as far as this node can know it. */
bool repl_core_in_sync(struct repl_core *c)
{
    uint64_t overflows;
    return c->session.merged && map_is_empty(&c->missing) && copy_is_done(c) &&
           core_pending(c, &overflows) == 0;
}

bool repl_core_drained(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    uint64_t overflows;
    if (!s->open || !c->active)
        return true; /* there is no peer, or no change of this node's clients */
    return s->merged && copy_is_done(c) && core_pending(c, &overflows) == 0;
}

/* ---- changes in `dirty` */

static uint64_t dirtied(const struct repl_core *c)
{
    return c->spilled + GATE_SUM(&c->gate, dirtied);
}

void sync_note_dirty(struct repl_core *c, uint64_t hash)
{
    map_add(&c->dirty, hash);
    c->spilled++;
}

void sync_note_all(struct repl_core *c)
{
    uint64_t items = c->store_ops->items(c->store);
    c->spilled += items != UINT64_MAX ? items : UINT64_C(1) << c->config.map_bits;
}

static bool has_dirt(const struct repl_core *c)
{
    return !map_is_empty(&c->dirty) || c->session.copy.origin == COPY_DIRTY ||
           c->shipped > 0;
}

void sync_settle(struct repl_core *c)
{
    if (!has_dirt(c))
        c->settled = dirtied(c);
}

void sync_tick(struct repl_core *c)
{
    if (!has_dirt(c))
        c->dirty_since_us = 0;
    else if (c->dirty_since_us == 0)
        c->dirty_since_us = c->now_us;
}

/* ---- figures */

/* Of the store's items those of n buckets, rounded up. */
static uint64_t share_of_items(const struct repl_core *c, uint64_t n)
{
    uint64_t items = c->store_ops->items(c->store);
    unsigned bits = c->config.map_bits;
    uint64_t rest = items & ((UINT64_C(1) << bits) - 1);
    if (items == UINT64_MAX)
        return n;
    return (items >> bits) * n + ((rest * n + (UINT64_C(1) << bits) - 1) >> bits);
}

uint64_t sync_at_risk(struct repl_core *c, uint64_t pending)
{
    uint64_t owed = map_count(&c->owed);
    if (c->session.copy.origin == COPY_OWED)
        owed += map_count(&c->in_flight);
    return pending + dirtied(c) - c->settled + share_of_items(c, owed);
}

/* A bucket that was changed has at least the item that was; of one that is owed nothing
 * is known. */
uint64_t sync_copy_left(const struct repl_core *c)
{
    const struct repl_copy *copy = &c->session.copy;
    uint64_t part = map_count(&c->in_flight), changed = map_count(&c->dirty);
    uint64_t renew =
        c->renew_at != MAP_END ? (UINT64_C(1) << c->config.map_bits) - c->renew_at : 0;
    uint64_t items = c->store_ops->items(c->store);
    uint64_t left = changed + share_of_items(c, changed + map_count(&c->owed) + renew);
    uint64_t of_part = share_of_items(c, part) + (copy->origin == COPY_DIRTY ? part : 0);
    left += of_part > copy->part_sum ? of_part - copy->part_sum : 0;
    return left < items ? left : items;
}

uint64_t sync_lag_us(const struct repl_core *c, uint64_t pending)
{
    const struct repl_session *s = &c->session;
    uint64_t oldest = c->now_us;
    if (pending > 0 && s->sent != s->acked)
        oldest = s->sent_us[(s->acked + 1) % N_ELEMENTS(s->sent_us)];
    if (ring_pending(&c->later->ring) > 0 && c->later_since_us < oldest)
        oldest = c->later_since_us; /* mutant: lag-of-small-changes */
    if (has_dirt(c) && c->dirty_since_us != 0 && c->dirty_since_us < oldest)
        oldest = c->dirty_since_us;
    return c->now_us - oldest;
}
