/*
 * Who may say HELLO: with a secret or certificates, both ends prove themselves first
 * (repl/secure.h). A stranger costs no place for longer than it takes to refuse it, and
 * does not move the time of the next dial.
 *
 * Handshakes are costly, so there is a budget for those of accepted connections that end
 * without a proof: a share of this thread's time (PRICE), some of it at once. It is
 * counted in time, not in handshakes, because a key of RSA takes ten times as long as one
 * of a curve. Who comes when it is used up is dropped before any work. The peer is seldom
 * among them:
 *
 *   - it shows the badge of the last link (repl/secure.h), for which there is a budget of
 *     its own;
 *   - it is dialled from here, which takes nothing from the budget;
 *   - a node that was dropped dials again at once (slots_dial_dropped), so one that was
 *     started anew, while both are besieged, gets one of the next places. For a moment
 *     after a start, and after the end of a link, there are more of them (PRICE_ALONE).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/monotonic.h"
#include "repl/loop.h"

enum {
    PRICE = 100,       /* so failed handshakes take 1% of a core */
    PRICE_ALONE = 16,  /* 6%, for ALONE_US */
    BURST_US = 400000, /* at that price: 4 ms, some ten handshakes */
    ALONE_US = 2000000,
    TELL_US = 10000000, /* between two lines about drops */
    LOOK_US = 10000000, /* between two looks at the files */
    WARN_DAYS = 14,     /* before a certificate expires */
};

#define DAY_US (UINT64_C(86400) * 1000000)

/* ---- the secret and the certificates */

static void warn_of_expiry(struct repl_thread *t)
{
    int64_t end = t->secure.expires, now = time(NULL);
    if (end == 0 || end - now > WARN_DAYS * INT64_C(86400))
        return;
    loop_log(
        t, REPL_LOG_WARNING,
        "the certificate %s %s %lld hours%s; without a new one the nodes cannot link "
        "anew",
        t->config.secure.cert, end > now ? "expires in" : "expired",
        (long long)(end > now ? end - now : now - end) / 3600, end > now ? "" : " ago");
}

static void note_read(struct repl_thread *t)
{
    loop_log(t, REPL_LOG_INFO, "the secret or the certificates were read again");
    repl_core_cured(t->core, CURE_SECRET_READ);
    warn_of_expiry(t);
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

/* A link may last for months, and nobody would read the files. */
static void look_at_files(struct repl_thread *t, uint64_t now)
{
    if (now - t->looked_at_us > LOOK_US) {
        t->looked_at_us = now;
        renew_if_changed(t);
    }
    if (now - t->warned_at_us > DAY_US) {
        t->warned_at_us = now;
        warn_of_expiry(t);
    }
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
    t->strangers.alone_us = t->looked_at_us = t->warned_at_us = monotonic_us();
    warn_of_expiry(t);
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

/* By how much more time the budget is used up than a handshake takes. */
static uint64_t price(struct repl_thread *t, uint64_t now)
{
    struct repl_strangers *s = &t->strangers;
    bool is_linked = t->session != NULL;
    if (s->was_linked && !is_linked) {
        s->alone_us = now;
        s->others_us = s->badged_us = 0;
    }
    s->was_linked = is_linked;
    return !is_linked && now - s->alone_us < ALONE_US ? PRICE_ALONE : PRICE;
}

static uint64_t *budget_of(struct repl_thread *t, const struct tunnel_glance *seen)
{
    return seen->badged ? &t->strangers.badged_us : &t->strangers.others_us;
}

static bool may_shake(struct repl_thread *t, const struct tunnel_glance *seen)
{
    uint64_t now = monotonic_us();
    (void)price(t, now); /* a budget that is whole again */
    return *budget_of(t, seen) < now + BURST_US &&
           (seen->badged || slots_have_room(t, now));
}

static uint64_t cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void charge(struct repl_thread *t, struct link *l, uint64_t took_us)
{
    uint64_t now = monotonic_us(), *whole_at = budget_of(t, &l->tunnel.seen);
    uint64_t due = took_us * price(t, now);
    if (*whole_at < now)
        *whole_at = now;
    *whole_at += due;
    l->charged_us += due;
}

static void give_back(struct repl_thread *t, const struct link *l)
{
    uint64_t *whole_at = budget_of(t, &l->tunnel.seen);
    *whole_at -= *whole_at > l->charged_us ? l->charged_us : *whole_at;
}

static void tell_of_drops(struct repl_thread *t, uint64_t now)
{
    struct repl_strangers *s = &t->strangers;
    uint64_t all = repl_core_counters(t->core)->links_dropped;
    if (all == s->told || (s->told > 0 && now - s->told_at_us < TELL_US))
        return;
    loop_log(t, REPL_LOG_WARNING,
             "dropped %llu connections from the peer's address: too many prove nothing; "
             "find out who opens them, or let a firewall limit them",
             (unsigned long long)(all - s->told));
    s->told = all;
    s->told_at_us = now;
}

void proof_tick(struct repl_thread *t, uint64_t now)
{
    tell_of_drops(t, now);
    look_at_files(t, now);
}

bool proof_admits(struct repl_thread *t, int fd, const struct address *from)
{
    char name[ADDRESS_TEXT];
    struct tunnel_glance seen;
    const char *why = tunnel_glance(&t->secure, fd, false, &seen);
    if (why == NULL && (!secure_is_on(&t->secure) || may_shake(t, &seen)))
        return true;
    if (why == NULL) {
        repl_core_counters(t->core)->links_dropped++;
        return false;
    }
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
    uint64_t begun = cpu_us();
    enum tunnel_state state = tunnel_shake(&l->tunnel, l->fd, why, sizeof(why));
    bool accepted = secure_is_on(&t->secure) && !l->dialled;
    if (accepted)
        charge(t, l, cpu_us() - begun);
    if (state == TUNNEL_UNHEARD && l->dialled)
        slots_dial_dropped(t, l);
    else if (state == TUNNEL_REFUSED || state == TUNNEL_UNHEARD)
        slots_turn_away(t, l, why);
    else if (state == TUNNEL_OPEN && accepted)
        give_back(t, l);
    return state == TUNNEL_OPEN;
}

void proof_remember(struct repl_thread *t, struct link *l)
{
    if (secure_is_on(&t->secure) && l->tunnel.tls.ssl != NULL)
        secure_remember(&t->secure, l->tunnel.tls.ssl);
}
