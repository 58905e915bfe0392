/*
 * Another address for the peer, while the node runs. What may stand there, and what
 * follows from it (where this node listens, whom it lets in), is as with peer= at the
 * start.
 *
 * The data is as safe as at any meeting of two nodes (doc/replication.md). Refused is
 * what would leave this node without something that only the present peer has, or would
 * link two nodes that are both active.
 */
#include <stdio.h>
#include <string.h>

#include "repl/loop.h"

/* It goes to the log, and to other operators' terminals. */
static bool is_one_word(const char *text)
{
    while (*text > ' ' && *text <= '~')
        text++;
    return *text == '\0';
}

static bool is_own(const struct repl_thread *t, const struct address *a)
{
    for (unsigned i = 0; i < t->nlisteners; i++) {
        const struct address *own = &t->listeners[i].at;
        /* The port is at the same place in IPv6. */
        if (address_same_host(a, own) && a->v4.sin_port == own->v4.sin_port)
            return true;
    }
    return false;
}

/* What a number tells. A name is looked up later, and what is wrong with it shows then.
 */
static const char *address_fault(const struct repl_thread *t,
                                 const struct host_port *peer)
{
    struct address a;
    if (!address_numeric(peer->host, peer->port, &a))
        return NULL;
    if (address_is_vague(&a))
        return "this is the address of no single machine: name the peer's own";
    if (is_own(t, &a))
        return "this node itself listens at that address: name the other node";
    if (t->has_local && t->local.any.sa_family != a.any.sa_family)
        return "listen= binds this node to an address of the other family, IPv4 or IPv6, "
               "and that one cannot be reached from there";
    return NULL;
}

/* Nothing of the former peer counts any more: connections, look-ups, addresses. */
static void forget_peer(struct repl_thread *t)
{
    if (t->session != NULL)
        slots_drop(t, t->session, "an operator has named another address for the peer");
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        if (t->slots[i].link.fd >= 0)
            link_close(&t->slots[i].link);
    }
    resolve_cancel(t);
    t->npeers = t->next_peer = 0;
    t->last_dial_error[0] = '\0';
}

bool retarget(struct repl_thread *t, const char *text, char *why, size_t nwhy)
{
    struct host_port peer;
    if (!is_one_word(text)) {
        snprintf(why, nwhy, "a name or an address is one word of plain characters");
        return false;
    }
    if (!address_parse_peer(text, &peer, why, nwhy))
        return false;
    const char *fault = address_fault(t, &peer);
    if (fault == NULL)
        fault = repl_core_parting_fault(t->core);
    if (fault != NULL) {
        snprintf(why, nwhy, "%s", fault);
        return false;
    }
    forget_peer(t);
    t->config.peer = peer;
    t->is_retargeted = true;
    snprintf(t->peer_text, sizeof(t->peer_text), "%s", text);
    if (resolve_number(t))
        listen_follow(t);
    proof_warn(t);
    repl_core_note(t->core, HISTORY_LINK, "an operator named another peer: %s", text);
    loop_log(t, REPL_LOG_WARNING, "the peer is %s now, by command", text);
    slots_dial_at_once(t);
    return true;
}
