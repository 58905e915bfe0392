/* How two nodes connect: dial, HELLO. R1 and R19 say which connection stays. */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "repl/loop.h"

/* ---- dial */

/* Do not dial while there is a session, unless its peer has owed an answer for long:
 * then it may be an impostor, and the true peer may be at its own address. One attempt
 * at a time. */
static bool may_dial(const struct repl_thread *t, uint64_t now)
{
    if (t->session != NULL && !alive_is_overdue(t, now, true))
        return false;
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        const struct link *l = &t->slots[i].link;
        if (l->fd >= 0 && l->dialled && l != t->session)
            return false;
    }
    return true;
}

static void dial(struct repl_thread *t)
{
    struct repl_slot *slot = slots_take(t);
    const struct address *to = &t->peers[t->next_peer++ % t->npeers];
    char name[ADDRESS_TEXT];
    if (!link_dial(&slot->link, t->base, to, t->has_local ? &t->local : NULL,
                   t->call.event, slot)) {
        address_format(to, name);
        slots_dial_failed(t, name, strerror(errno));
    }
}

/* The peer's addresses are known; they may have changed. */
static void on_resolved(struct repl_thread *t)
{
    listen_follow(t);
    if (t->npeers > 0 && may_dial(t, monotonic_us()))
        dial(t);
}

/* Names are resolved anew at each dial: the peer may have been replaced by another
 * machine. The answer comes through the event loop. */
void handshake_tick(struct repl_thread *t, uint64_t now)
{
    resolve_tick(t, now);
    if (now < t->dial_at_us || !may_dial(t, now))
        return;
    slots_schedule_dial(t, now);
    resolve_peer(t);
}

/* A command moved the role, so the network may have changed. A connection that lost
 * packets would wait for TCP's next retransmission, which comes ever later, and both
 * nodes may take changes meanwhile. So a stuck connection and attempts that hang are
 * closed, and the peer is dialled at once. */
void handshake_again(struct repl_thread *t)
{
    if (alive_is_stuck(t))
        slots_drop(t, t->session,
                   "the link is stuck, and a command moved the role; dialling anew");
    if (t->session != NULL)
        return;
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        struct link *l = &t->slots[i].link;
        if (l->fd >= 0 && l->dialled && (l->connecting || l->tunnel.shaking))
            link_close(l);
    }
    slots_dial_at_once(t);
}

void handshake_go_on(struct repl_thread *t, struct link *l)
{
    /* Send our HELLO at once on a connection that the peer dialled, not only after its
     * HELLO. With a session, wait on one that we dialled: it is a check of the peer. And
     * wait where the address was given by command: another pair's node must not step down
     * because of what we say. */
    bool waits = l->dialled && (t->session != NULL || t->is_retargeted);
    if (proof_pass(t, l) && !waits)
        handshake_greet(t, l);
}

void handshake_connected(struct repl_thread *t, struct link *l)
{
    if (proof_begin(t, l))
        handshake_go_on(t, l);
}

static void on_accepted(struct repl_thread *t, struct link *l)
{
    handshake_connected(t, l);
    if (l->fd >= 0 &&
        link_write(l, &repl_core_counters(t->core)->bytes_out) == LINK_IO_FAILED)
        link_close(l);
}

bool handshake_open(struct repl_thread *t, link_event on_event, char *why, size_t nwhy)
{
    t->call = (struct repl_callbacks){ .event = on_event,
                                       .accepted = on_accepted,
                                       .resolved = on_resolved };
    slots_reset_pause(t);
    resolve_number(t); /* a name is resolved at the first dial */
    return proof_open(t, why, nwhy) && listen_open(t, why, nwhy);
}

/* ---- handshake */

void handshake_greet(struct repl_thread *t, struct link *l)
{
    l->has_said = true;
    repl_core_make_hello(t->core, &l->said, monotonic_us());
    link_put_hello(&l->out.bytes, &l->said);
}

/* R1. Two handshakes cross if both nodes dialled at the same time. Then the connection
 * that the higher run dialled stays, so that both nodes choose the same one. Otherwise
 * the newer connection wins: the older one may be dead, and we may not know it yet. */
static bool loses_to_session(struct repl_thread *t, struct link *l,
                             const struct link_hello *hello)
{
    const struct link *old = t->session;
    if (old->confirmed || old->dialled == l->dialled)
        return false;
    bool mine_is_higher = run_id_order(&repl_core_config(t->core)->run, &hello->run) > 0;
    return l->dialled != mine_is_higher;
}

/* Does the session stay, so that the connection with this HELLO is closed? A session
 * with another run gives way if its peer has owed an answer for long; sooner to a
 * connection that we dialled. */
static bool yields_to_session(struct repl_thread *t, struct link *l,
                              const struct link_hello *hello)
{
    if (run_id_order(&t->session->run, &hello->run) != 0) {
        if (alive_is_overdue(t, monotonic_us(), l->dialled))
            return false;
        slots_refuse(t, l, "this node is still linked to another process as its peer");
    } else if (!l->has_said) {
        /* dialled to check the session's peer: it is the right one */
        slots_hang_up(t, l, "the nodes are linked already");
    } else if (loses_to_session(t, l, hello)) {
        slots_hang_up(t, l, "two connections crossed");
    } else {
        return false;
    }
    return true;
}

/* End the session to make room for a connection with a valid HELLO. */
static void end_session(struct repl_thread *t, const struct link_hello *hello)
{
    struct link *old = t->session;
    t->session = NULL;
    repl_core_closed(t->core);
    if (run_id_order(&old->run, &hello->run) == 0)
        slots_hang_up(t, old, "the peer has opened a newer connection");
    else
        slots_refuse(t, old,
                     "the peer does not answer, and another process has connected as the "
                     "peer");
}

/* An address that was given by command may be that of another pair's node. Of two active
 * nodes one would step down, and the items of both come together: not by a slip of the
 * hand. */
static const char *retarget_fault(struct repl_thread *t, const struct link_hello *hello)
{
    if (!t->is_retargeted || !hello->active || !repl_core_is_active(t->core) ||
        repl_core_has_met(t->core, &hello->run))
        return NULL;
    return "the peer that an operator has named is active, and so is this node, and they "
           "have never met: if they are to be a pair, demote one of them";
}

void handshake_hello(struct repl_thread *t, struct link *l,
                     const struct link_hello *hello)
{
    const char *why = repl_core_hello_fault(t->core, hello);
    /* It would end the session, and then be refused itself. */
    if (why == NULL && t->session != NULL && l->has_said)
        why = repl_core_said_fault(t->core, &l->said);
    if (why == NULL)
        why = retarget_fault(t, hello);
    if (why != NULL) {
        slots_refuse(t, l, why);
        return;
    }
    if (t->session != NULL && yields_to_session(t, l, hello))
        return;
    if (t->session != NULL)
        end_session(t, hello);
    if (!l->has_said)
        handshake_greet(t, l);
    t->session = l;
    why = repl_core_hello(t->core, &l->said, hello);
    if (why != NULL) {
        t->session = NULL;
        repl_core_closed(t->core);
        slots_refuse(t, l, why);
        slots_dial_at_once(t); /* our next HELLO tells the present role */
        return;
    }
    proof_remember(t, l);
    l->greeted = true;
    l->run = hello->run;
    l->owes_since_us = monotonic_us();
    t->is_retargeted = false;
    repl_core_note(t->core, HISTORY_LINK, "linked to the peer, %s there",
                   hello->active ? "active" : "standby");
    repl_core_counters(t->core)->reconnects++;
    loop_log(t, REPL_LOG_INFO, "linked to the peer at %s", l->name);
    t->last_dial_error[0] = '\0';
}
