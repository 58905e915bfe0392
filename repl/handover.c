/* A planned change of roles. The active node ships what the peer does not have, holds
 * clients' changes until the peer has acknowledged the last one, and offers its role.
 * The peer promotes itself and sends an ordinary ROLE (R7). Changes that were held are
 * refused. If the limits say `resign`, later changes are refused too: they would make
 * this node active again.
 *
 * Under load a small journal runs over again and again, so there is always something
 * left to ship. Then changes are held as soon as the copy has gone over all of it so
 * quickly that it will end while they are. */
#include "base/check.h"
#include "base/monotonic.h"
#include "repl/internal.h"

const struct repl_handover_limits repl_handover_planned = {
    .cause = "a command on the control socket asks for it",
    .drain_us = 30000000,
    .hold_us = 1000000,
    .resign = true,
};

const struct repl_handover_limits repl_handover_yield = {
    .cause = "clients write to the peer, and none has written here for a while",
    .drain_us = 200000,
    .hold_us = 200000,
};

const char *repl_core_handover_begin(struct repl_core *c,
                                     const struct repl_handover_limits *limits)
{
    const struct repl_session *s = &c->session;
    ASSERT_LOCKED(c);
    if (handover_is_under_way(c))
        return "a handover is already under way: wait until it ends";
    if (!c->active)
        return "this node is not active, so it has no role to hand over: ask the peer";
    if (!s->merged || s->lead != LEAD_LEADER)
        return "there is no peer to hand over to: the link is not up; see repl_link";
    if (!map_is_empty(&c->missing))
        return "this node is still being filled by its peer: wait until it is in sync";
    c->handover = (struct repl_handover){ .state = HANDOVER_DRAIN,
                                          .limits = limits,
                                          .until_us = c->now_us + limits->drain_us };
    (void)core_pending(c, &c->handover.overflows);
    core_event(c, HISTORY_ROLE, REPL_LOG_INFO, "handing the role over: %s",
               limits->cause);
    c->port_ops->wake(c->port);
    return NULL;
}

/* The handover has ended: clients' changes that waited go on now, or are refused. */
static void settle(struct repl_core *c, enum repl_handover_state state, const char *why)
{
    bool held = handover_holds(c);
    c->handover.state = state;
    c->handover.why = why;
    core_progress(c);
    if (!held)
        return;
    c->handover.pause_us = monotonic_us() - c->handover.held_us;
    core_refresh_flags(c);
    waiters_release(&c->waiters, c->now_us);
}

static void fail(struct repl_core *c, const char *why)
{
    if (!handover_is_under_way(c))
        return;
    settle(c, HANDOVER_FAILED, why);
    core_event(c, HISTORY_ROLE, REPL_LOG_WARNING, "the handover failed: %s", why);
}

void repl_core_handover_abort(struct repl_core *c, const char *why)
{
    fail(c, why);
}

void handover_role_moved(struct repl_core *c)
{
    if (!handover_is_under_way(c))
        return;
    c->resigned = c->handover.limits->resign;
    settle(c, HANDOVER_DONE, NULL);
    core_event(c, HISTORY_ROLE, REPL_LOG_INFO, "handed over: the peer is active%s",
               c->resigned
                   ? "; this node refuses writes until it is promoted or demoted, or "
                     "the link is lost"
                   : "");
}

const struct repl_handover *repl_core_handover(const struct repl_core *c)
{
    return &c->handover;
}

uint64_t handover_due_us(const struct repl_core *c)
{
    return handover_is_under_way(c) ? c->handover.until_us : 0;
}

void handover_check_session(struct repl_core *c)
{
    if (!c->active)
        fail(c, "this node was demoted");
    else if (!c->session.merged)
        fail(c, "the link was lost");
}

static const char *too_late(struct repl_core *c)
{
    uint64_t overflows;
    (void)core_pending(c, &overflows);
    if (c->handover.state == HANDOVER_OFFERED)
        return "the peer did not take the role in time; see its log, and try again";
    if (overflows != c->handover.overflows)
        return "clients change more than the journal holds, and sending it again takes "
               "too long; raise 'journal', or try again when there is less load";
    return "the peer did not catch up in time; see repl_pending and repl_dirty_buckets, "
           "and try again";
}

void handover_check_time(struct repl_core *c)
{
    if (handover_is_under_way(c) && c->now_us >= c->handover.until_us)
        fail(c, too_late(c));
}

/* Is all that keeps it from its end what clients change meanwhile? A lap that began
 * after the handover had to do with as much as the next one will. */
static bool will_end_if_held(const struct repl_core *c)
{
    const struct repl_copy *copy = &c->session.copy;
    const struct repl_handover *h = &c->handover;
    uint64_t began_us = h->until_us - h->limits->drain_us;
    return map_is_empty(&c->owed) && c->renew_at == MAP_END &&
           (copy->origin == COPY_NONE || copy->origin == COPY_DIRTY) &&
           copy->lap_from_us >= began_us + copy->lap_us &&
           copy->lap_us <= h->limits->hold_us / 2; /* mutant: holds-too-soon */
}

static void hold_changes(struct repl_core *c)
{
    c->handover.held_us = monotonic_us();
    c->handover.until_us = c->now_us + c->handover.limits->hold_us;
    c->handover.state = HANDOVER_HELD;
    core_progress(c);
    core_refresh_flags(c);
}

void handover_work(struct repl_core *c)
{
    bool is_ready = copy_is_done(c) && c->session.copy.origin == COPY_NONE;
    if (c->handover.state == HANDOVER_DRAIN && (is_ready || will_end_if_held(c)))
        hold_changes(c);
    if (c->handover.state != HANDOVER_HELD)
        return;
    CHECK(flush_take(c) == NULL); /* always, for a leader */
    if (c->flush.due || !repl_core_drained(c))
        return;
    link_put_plain(core_out(c), LINK_HANDOVER, c->term);
    c->handover.state = HANDOVER_OFFERED;
    core_progress(c);
}

/* At the peer: messages come in order, so it has all changes now. */
const char *handover_message(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    if (s->lead == LEAD_FOLLOWER && s->merged && m->term == c->term)
        repl_core_promote(c, "the peer hands its role over");
    return NULL;
}
