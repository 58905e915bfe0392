/* The role follows the clients. With standby_writes=alone a standby refuses clients'
 * changes while its peer is active: the clients' address may be on both nodes for a
 * while, and whoever moves it also tells the nodes their roles. If nobody tells them,
 * clients must not be refused for ever. So the standby asks for the role, and the
 * active node hands it over without losing a change, once its own clients have changed
 * nothing for a while. An active node with clients keeps its role, so two nodes with
 * clients never pass it back and forth. */
#include "repl/internal.h"

enum {
    ASK_EVERY_US = 200000,
    SILENCE_US = 1000000, /* also the time that clients have to find a new active node */
};

bool role_request_send(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (c->config.standby_writes != STANDBY_WRITES_ALONE || s->lead != LEAD_FOLLOWER ||
        !s->merged)
        return false;
    if (c->role_requested_us != 0 && c->now_us - c->role_requested_us < ASK_EVERY_US)
        return false;
    c->role_requested_us = c->now_us;
    link_put_plain(core_out(c), LINK_ROLE_REQUEST, c->term);
    core_log(c, REPL_LOG_WARNING,
             "clients write to this standby and are refused; the active peer is asked to "
             "hand its role over if it has no clients; if this goes on, check to which "
             "node the clients' address points");
    return true;
}

void role_request_note_activity(struct repl_core *c)
{
    uint64_t sum = flush_count(c);
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        sum += atomic_load_explicit(&w->ring.written, memory_order_relaxed) +
               atomic_load_explicit(&w->overflows, memory_order_relaxed) -
               atomic_load_explicit(&w->absences, memory_order_relaxed);
    if (sum != c->activity)
        c->active_at_us = c->now_us;
    c->activity = sum;
}

const char *role_request_message(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    role_request_note_activity(c); /* activity up to now, not up to the last tick */
    if (c->active && s->lead == LEAD_LEADER && s->merged && m->term == c->term &&
        c->now_us - c->active_at_us >= SILENCE_US)
        (void)repl_core_handover_begin(c, &repl_handover_yield);
    return NULL;
}
