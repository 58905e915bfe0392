/*
 * flush_all, immediate and delayed: who asked for it, who knows of it, and what follows
 * when it takes effect. doc/replication.md has the table (section 8).
 *
 *   worker thread                replication thread
 *     flush_ask  -- asked -->      flush_take: seen, and pending until `at`
 *                                  flush_obey: the leader's, by FLUSHQ
 */
#include "repl/internal.h"

bool flush_ask(struct repl_core *c, uint32_t delay)
{
    uint64_t asked = atomic_load(&c->flush.asked), next;
    uint32_t now = c->store_ops->clock(c->store);
    uint32_t at = delay != 0 ? clock_after(now, delay) : 0, before;
    do {
        before = (uint32_t)asked;
        next = ((asked >> 32) + 1) << 32 | at;
    } while (!atomic_compare_exchange_weak(&c->flush.asked, &asked, next));
    /* The previous one may have taken effect, and nobody has noticed it yet. */
    return delay == 0 || (before != 0 && now >= before);
}

static bool comes_within(struct repl_core *c, uint32_t seconds)
{
    return flush_is_pending(c) &&
           clock_after(c->store_ops->clock(c->store), seconds) >= c->flush.at;
}

/* A delayed flush_all takes effect now. A follower whose leader sent it waits for the
 * leader's FLUSHQ. A leader sends that, as for a fresh flush_all. Otherwise it depends
 * on who asked for it: if clients did here, it counts as a change of this node; if it
 * came from the peer, the peer may have put it off meanwhile, and then has the items
 * that this node lost. */
static const char *fire(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    struct repl_flush *f = &c->flush;
    enum flush_origin origin = f->origin;
    bool leads = s->lead == LEAD_LEADER;
    bool is_told = leads && s->merged;
    f->origin = FLUSH_NONE;
    f->doubt = origin == FLUSH_LED                   ? DOUBT_LEADER
               : origin == FLUSH_FOREIGN && !is_told ? DOUBT_PEER
                                                     : DOUBT_NONE;
    if (origin == FLUSH_LED)
        return NULL;
    map_fill(&c->written);
    map_fill(f->doubt == DOUBT_PEER ? &c->missing : &c->dirty);
    c->spilled++;
    f->due = leads;
    return leads || !s->open ? NULL
                             : "a flush_all took effect here of which the peer does not "
                               "know; the nodes reconnect and merge again";
}

/* Take note of a flush_all that a client asked for here. Everything may differ now; the
 * peer is told at once, so that it does not serve flushed items until the repair is
 * done. */
static void see(struct repl_core *c, uint64_t asked)
{
    struct repl_flush *f = &c->flush;
    f->seen = asked;
    f->at = (uint32_t)asked;
    f->origin = f->at != 0 ? FLUSH_OWN : FLUSH_NONE;
    f->due = c->session.open;
}

const char *flush_take(struct repl_core *c)
{
    uint64_t asked = atomic_load(&c->flush.asked);
    const char *why = NULL, *then = NULL;
    if (comes_within(c, 0))
        why = fire(c); /* even if another has been asked for since */
    if (asked != c->flush.seen)
        see(c, asked);
    if (comes_within(c, 0))
        then = fire(c);
    return why != NULL ? why : then;
}

/* `at` may have passed: then it takes effect now, and the leader's word that it has
 * follows. */
const char *flush_obey(struct repl_core *c, uint32_t at)
{
    struct repl_flush *f = &c->flush;
    const char *why = flush_take(c);
    if (why != NULL)
        return why; /* the next merge will tell this node of it */
    bool is_late = at != 0 && f->doubt == DOUBT_LEADER;
    f->doubt = DOUBT_NONE;
    c->store_ops->flush(c->store, at);
    f->origin = at != 0 ? FLUSH_LED : FLUSH_NONE;
    f->at = at;
    c->count.applied++;
    if (!is_late)
        return NULL;
    map_fill(&c->missing);
    return "the peer put off a flush_all that had already taken effect here; the nodes "
           "reconnect, and everything is copied again";
}

bool flush_is_near(struct repl_core *c)
{
    return comes_within(c, 1);
}

uint32_t flush_moment(struct repl_core *c)
{
    return flush_is_pending(c) ? c->flush.at : 0;
}

void flush_unmerge(struct repl_core *c)
{
    struct repl_flush *f = &c->flush;
    if (f->doubt == DOUBT_LEADER) { /* the leader may have put it off just before */
        f->doubt = DOUBT_PEER;
        map_fill(&c->missing);
    }
    if (f->origin == FLUSH_LED)
        f->origin = FLUSH_FOREIGN;
    f->due = false; /* `dirty` tells the peer at the next merge */
}

void flush_outlive(struct repl_core *c)
{
    struct repl_flush *f = &c->flush;
    if (f->doubt == DOUBT_PEER)
        map_fill(&c->dirty);
    if (flush_is_pending(c))
        f->origin = FLUSH_OWN;
}

void flush_merge(struct repl_core *c)
{
    c->flush.doubt = DOUBT_NONE;
    c->flush.due = c->session.lead == LEAD_LEADER && flush_is_pending(c);
}
