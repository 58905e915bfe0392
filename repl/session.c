/*
 * A session: one connection to the peer, from HELLO to its end. The steps of both
 * nodes, and the files that take them:
 *
 *                           down  <----------------------- any: the connection ends,
 *                            |                             demote, a fault (R3, R5)
 *                            | HELLO (hello.c, R6)
 *                            v
 *        leads  <---------- open ----------> follows
 *          | out ROLE                           | in ROLE (R7)
 *          v                                    v
 *     waits for MAP                          map_due: out ABSENT...
 *          | in MAP (merge.c, R8)               | out MAP
 *          v                                    v
 *     purge_due: out ABSENT...               waits for MERGE
 *          v                                    | in MERGE (R9)
 *     purges (purge.c)                          |
 *          | out MERGE                          |
 *          v                                    v
 *        merged                               merged
 *
 * Merged, each copies to the other what it is owed, part by part (resync.c, refill.c). A
 * promotion, or a ROLE that is above this node's, takes a node from any of them to the
 * head of its column: session_unmerge.
 */
#include "repl/internal.h"

#include "base/check.h"

void session_open(struct repl_core *c, const struct repl_session *as)
{
    uint32_t sent = c->session.sent;
    CHECK(!c->session.open);
    c->session = *as;
    c->session.sent = c->session.acked = sent;
    c->session.open = true;
    c->has_met = true;
    core_refresh_flags(c); /* the node has a peer now */
}

/* Nothing is agreed with the peer any more: ROLE and MAP start anew. */
void session_unmerge(struct repl_core *c, enum repl_lead lead)
{
    struct repl_session *s = &c->session;
    absent_agree(c);
    purge_stop(c);
    resync_stop(c);
    stream_stop_all(c); /* mutant: stream-outlives-the-role */
    half_drop_all(c);   /* mutant: half-outlives-the-role */
    verify_stop(c, "the link or the roles changed");
    ship_spill(c);               /* mutant: no-spill */
    notices_drop(c);             /* mutant: notices-outlive-the-session */
    waiters_unsend(&c->waiters); /* mutant: fetch-not-sent-again */
    flush_unmerge(c);
    s->lead = lead;
    s->merged = s->replacing = false;
    s->map_due = s->purge_due = false;
}

void session_close(struct repl_core *c)
{
    core_hold(c);
    session_unmerge(c, LEAD_NONE);
    uint32_t sent = c->session.sent; /* batches are counted on */
    c->session = (struct repl_session){ .sent = sent, .acked = sent };
    c->resigned = false;
    c->lone_since_us = c->now_us;
    core_release(c);
}

const char *repl_core_parting_fault(const struct repl_core *c)
{
    if (handover_is_under_way(c))
        return "a handover is under way: wait until it ends";
    if (verify_leads(c) || c->verify.state == VERIFY_ANSWER)
        return "a comparison with the peer is under way: wait until it ends";
    if (c->resigned)
        return "this node has just handed its role over to the peer, which may have more "
               "than this node: promote or demote this node first";
    if (c->session.open && !map_is_empty(&c->missing))
        return "this node is being filled by its peer, and has only a part so far: wait "
               "until it is in sync";
    if (c->session.open && !c->session.merged)
        return "both nodes are agreeing on who has what: try again in a moment";
    return NULL;
}

bool repl_core_has_met(const struct repl_core *c, const struct run_id *run)
{
    return !run_id_is_none(run) &&
           (run_id_order(&c->met, run) == 0 || run_id_order(&c->former, run) == 0);
}

void core_end_session(struct repl_core *c, const char *why)
{
    session_close(c);
    c->port_ops->close(c->port, why);
}
