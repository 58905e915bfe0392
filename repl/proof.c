/*
 * Who may say HELLO: with a secret or certificates, both ends prove themselves first
 * (repl/secure.h). A stranger costs no place for longer than it takes to refuse it, and
 * does not move the time of the next dial.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "repl/loop.h"

/* ---- the secret and the certificates */

static void note_read(struct repl_thread *t)
{
    loop_log(t, REPL_LOG_INFO, "the secret or the certificates were read again");
    repl_core_cured(t->core, CURE_SECRET_READ);
}

static void renew_if_changed(struct repl_thread *t)
{
    char why[300];
    if (!secure_is_on(&t->secure) || !secure_has_changed(&t->secure))
        return;
    if (secure_renew(&t->secure, why, sizeof(why)))
        note_read(t);
    else
        repl_core_fault_until(t->core, CURE_SECRET_READ, "%s; what was read before stays",
                              why);
}

bool proof_renew(struct repl_thread *t, char *why, size_t nwhy)
{
    if (!secure_is_on(&t->secure)) {
        snprintf(why, nwhy, "this node has neither a secret_file nor certificates");
        return false;
    }
    if (!secure_renew(&t->secure, why, nwhy))
        return false;
    note_read(t);
    if (t->session != NULL)
        slots_drop(t, t->session, "a command renewed the secret or the certificates");
    slots_dial_at_once(t);
    return true;
}

static bool is_on_this_host(const char *host)
{
    struct address a;
    return strcmp(host, "localhost") == 0 ||
           (address_numeric(host, 0, &a) && address_is_loopback(&a));
}

bool proof_open(struct repl_thread *t, char *why, size_t nwhy)
{
    if (!secure_open(&t->secure, &t->config.secure, why, nwhy))
        return false;
    proof_warn(t);
    return true;
}

void proof_warn(struct repl_thread *t)
{
    if (!secure_is_on(&t->secure) && !is_on_this_host(t->config.peer.host))
        loop_log(t, REPL_LOG_WARNING,
                 "the link is not encrypted: whoever can take the peer's address, or "
                 "listen on the way, can read and change all items; give secret_file=");
}

/* ---- one connection */

bool proof_admits(struct repl_thread *t, int fd, const struct address *from)
{
    char name[ADDRESS_TEXT];
    bool looked;
    const char *why = tunnel_glance(&t->secure, fd, false, &looked);
    if (why == NULL)
        return true;
    address_format(from, name);
    slots_say_refused(t, name, why);
    return false;
}

bool proof_begin(struct repl_thread *t, struct link *l)
{
    renew_if_changed(t);
    if (tunnel_begin(&l->tunnel, &t->secure, l->fd, l->dialled))
        return true;
    slots_turn_away(t, l, strerror(ENOMEM));
    return false;
}

bool proof_pass(struct repl_thread *t, struct link *l)
{
    char why[200];
    enum tunnel_state state = tunnel_shake(&l->tunnel, l->fd, why, sizeof(why));
    if (state == TUNNEL_REFUSED)
        slots_turn_away(t, l, why);
    return state == TUNNEL_OPEN;
}
