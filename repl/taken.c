/*
 * What the peer has taken of the changes that this node has shipped, though it could not
 * say so: an acknowledgement is lost with its link, and a node that is promoted gives no
 * more of them. To call such a change a change of this node alone would make a conflict
 * of it with whatever clients did at the peer since, and both nodes would drop it.
 *
 *   the session ends, or the roles move: what was shipped stays in the journal (ship.c)
 *
 *   leader                               follower
 *     TAKEN, ROLE       -->                of what it had shipped, forget what was taken,
 *                                          the rest goes to `dirty`
 *     the same          <--                TAKEN, ABSENT ..., MAP
 *
 * A node counts the batches that it has sent on over all sessions. So a batch and a
 * number of changes say enough, if they are about changes of this run. A delta that could
 * not be applied (R20) is not taken, and so nothing behind it is, up to the next merge.
 */
#include "repl/internal.h"

/* ---- this node takes changes */

void taken_batch(struct repl_core *c, uint32_t batch)
{
    if (!c->session.gap) /* mutant: taken-over-a-gap */
        c->took = (struct repl_took){ .from = c->session.peer.run, .batch = batch };
}

void taken_change(struct repl_core *c)
{
    if (!c->session.gap)   /* mutant: taken-over-a-gap 2 */
        c->took.changes++; /* mutant: taken-by-batches */
}

void taken_gap(struct repl_core *c)
{
    c->session.gap = true;
}

void taken_tell(struct repl_core *c)
{
    const struct repl_took *t = &c->took;
    const struct link_taken taken = { c->term, t->batch, t->changes };
    bool is_theirs = run_id_order(&t->from, &c->session.peer.run) ==
                     0; /* mutant: taken-from-another */
    if (is_theirs)
        link_put_taken(core_out(c), &taken);
}

/* ---- the peer has taken them */

const char *taken_message(struct repl_core *c, const struct link_message *m)
{
    c->session.told = true;
    c->session.there = m->taken;
    return NULL;
}

static bool was_taken(const struct repl_session *s, const struct journal_entry *e)
{
    int32_t ahead = (int32_t)(e->batch - s->there.batch); /* mutant: taken-is-forgotten */
    if (ahead > 1 || (ahead == 1 && e->stamp > taken_place(s->there.changes)))
        return false; /* mutant: taken-too-much */
    return s->told;
}

static bool keep_absence(void *context, struct journal_entry *e)
{
    struct repl_core *c = context;
    if (e->kind == JOURNAL_SHIPPED && !was_taken(&c->session, e))
        sync_note_dirty(c, e->hash);
    return e->kind == JOURNAL_ABSENCE;
}

/* Before the maps are compared, and before an absence is: both ask `dirty` what the peer
 * does not have. */
void taken_settle(struct repl_core *c)
{
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; c->shipped > 0 && w != NULL; w = w->next)
        ring_spill(&c->journal, &w->ring, keep_absence, c);
    c->shipped = 0;
}
