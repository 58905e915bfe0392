/* Who is active: promotion and step-down. */
#include "repl/internal.h"

void core_send_role(struct repl_core *c)
{
    struct link_role role = { .term = c->term,
                              .active = c->active,
                              .run = c->config.run };
    taken_tell(c);
    link_put_role(core_out(c), &role);
}

void repl_core_promote(struct repl_core *c, const char *why)
{
    ASSERT_LOCKED(c);
    c->resigned = false;
    if (c->active)
        return;
    core_hold(c);
    c->term = ++c->seen;
    c->rank = ++c->leader_rank;
    c->active = true;
    session_unmerge(c, c->session.open ? LEAD_LEADER : LEAD_NONE);
    core_release(c);
    c->active_at_us = c->now_us; /* gives clients some time to come here */
    c->count.promotions++;
    core_event(c, HISTORY_ROLE, REPL_LOG_INFO, "active now, term %llu: %s",
               (unsigned long long)c->term, why);
    if (c->session.open)
        core_send_role(c);
}

void core_step_down(struct repl_core *c)
{
    bool was_active = c->active;
    core_hold(c);
    c->active = false;
    session_unmerge(c, LEAD_FOLLOWER);
    core_release(c);
    if (was_active) {
        c->count.demotions++;
        core_event(c, HISTORY_ROLE, REPL_LOG_INFO,
                   "standby now: the peer leads with term %llu, ours was %llu",
                   (unsigned long long)c->seen, (unsigned long long)c->term);
    }
}

void role_demote(struct repl_core *c, const char *why)
{
    if (c->resigned)
        core_log(c, REPL_LOG_INFO, "an ordinary standby again: %s", why);
    c->resigned = false;
    if (!c->active)
        return;
    core_hold(c);
    c->active = false;
    session_unmerge(c, LEAD_NONE);
    core_release(c);
    c->count.demotions++;
    core_event(c, HISTORY_ROLE, REPL_LOG_INFO, "standby now: %s", why);
    if (c->session.open) /* mutant: demote-keeps-session */
        core_end_session(c, "this node was demoted");
}
