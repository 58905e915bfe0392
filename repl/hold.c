/* Hold and release the gate. Its flags tell client threads what the node's state
 * requires of them. */
#include "repl/internal.h"

void core_hold(struct repl_core *c)
{
    ASSERT_LOCKED(c);
    gate_hold(&c->gate);
}

static enum repl_part part_of(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->merged)
        return PART_ALONE;
    if (s->lead == LEAD_FOLLOWER)
        return PART_FOLLOWS;
    return s->peer.memory != 0 && s->peer.memory < c->config.memory ? PART_LEADS_SMALLER
                                                                    : PART_LEADS;
}

/* The only place that decides on the flags. */
static unsigned flags_of(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    bool leads = s->lead == LEAD_LEADER;
    unsigned flags = 0;
    if (c->active && !handover_holds(c) && !core_is_barred(c))
        flags |= GATE_ACCEPTS;
    if (c->active && leads && s->merged) /* mutant: journal-unmerged */
        flags |= GATE_JOURNAL;
    if (purge_merges(c) || (leads && s->merged && !map_is_empty(&c->missing)) ||
        verify_leads(c))
        flags |= GATE_WRITTEN;
    if (purge_merges(c))
        flags |= GATE_PURGE;
    if (!s->open)
        flags |= GATE_ALONE;
    if (c->config.fetch_wait_us > 0 && !map_is_empty(&c->missing))
        flags |= GATE_MISSING; /* even without a session: there may be one in time */
    if (untold_is_smaller(c))
        flags |= GATE_SMALLER;
    return flags;
}

void core_release(struct repl_core *c)
{
    unsigned flags = flags_of(c);
    enum repl_part part = part_of(c);
    gate_release(&c->gate, flags);
    if (!(flags & GATE_MISSING))
        waiters_end(&c->waiters, c->now_us);
    if (part != c->part)
        c->store_ops->part(c->store, part);
    c->part = part;
}

void core_refresh_flags(struct repl_core *c)
{
    core_hold(c);
    core_release(c);
}
