/*
 * Where the peer may connect, and who counts as the peer.
 *
 * Without an address in listen= the node listens only on those of its addresses from
 * which it reaches the peer: nobody else has a reason to connect. It looks them up
 * whenever it dials the peer, because the peer's addresses and its own may have
 * changed. While the peer's addresses are not known, or there is no route to them, the
 * node does not listen: it could not tell who is the peer anyway.
 */
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "repl/loop.h"

enum {
    BACKLOG = 1024,
    AT_ONCE = 32,     /* accepted in a row; then other events get their turn */
    GATHER_US = 2000, /* after somebody was turned away: whoever comes is gathered */
};

/* ---- accept */

static bool is_among(const struct address *a, const struct address *those, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (address_same_host(a, &those[i]))
            return true;
    }
    return false;
}

static bool is_peer(const struct repl_thread *t, const struct address *a)
{
    return is_among(a, t->peers, t->npeers) ||
           address_ranges_have(&t->config.peer_from, a);
}

/* It may be the peer after all, seen by another of its addresses. */
static void say_refused(struct repl_thread *t, const struct address *from)
{
    char name[ADDRESS_TEXT], host[ADDRESS_TEXT];
    repl_core_counters(t->core)->links_refused++;
    address_format(from, name);
    address_format_host(from, host);
    if (t->npeers == 0)
        loop_log(
            t, REPL_LOG_WARNING,
            "refused a connection from %s: the name '%.60s' has not been resolved yet, "
            "so nobody is known to be the peer",
            name, t->config.peer.host);
    else
        loop_log(
            t, REPL_LOG_WARNING,
            "refused a connection from %s: that is not an address of the peer; if "
            "it is the peer, give peer_from=%s here, or listen=ADDRESS:PORT there with "
            "the address that this node knows",
            name, host);
}

/* Without this pause the event loop would call on_acceptable again at once, for
 * ever. */
static void pause_accepting(struct repl_listener *l, int error)
{
    struct repl_thread *t = l->thread;
    event_del(l->acceptable);
    l->paused = true;
    repl_core_fault_until(t->core, CURE_ACCEPTED,
                          "cannot accept a connection: %s; trying again: if this goes "
                          "on, raise the limit on open files or free memory",
                          strerror(error));
}

static void adopt(struct repl_thread *t, int fd, const struct address *from)
{
    struct repl_slot *slot = slots_take(t);
    if (!link_adopt(&slot->link, t->base, fd, from, t->call.event, slot)) {
        repl_core_fault(t->core,
                        "cannot set up a connection: %s; the peer will try again",
                        strerror(errno));
        return;
    }
    t->call.accepted(t, &slot->link);
}

static bool admits(struct repl_thread *t, int fd, const struct address *from)
{
    if (is_peer(t, from))
        return proof_admits(t, fd, from);
    say_refused(t, from);
    return false;
}

enum accepted { ADOPTED, TURNED_AWAY, NOBODY };

static enum accepted accept_one(struct repl_listener *l)
{
    struct repl_thread *t = l->thread;
    struct address from = { .length = sizeof(from.room) };
    int fd = accept4(l->fd, &from.any, &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        repl_core_cured(t->core, CURE_ACCEPTED);
    if (fd >= 0 && admits(t, fd, &from)) {
        adopt(t, fd, &from);
        return ADOPTED;
    }
    if (fd >= 0) {
        close(fd);
        return TURNED_AWAY;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(l, errno);
    return NOBODY;
}

/* To be woken for each of a thousand strangers a second would cost more than they do: so
 * after one, wait a moment, and take those that have come by then together. */
static void gather(struct repl_listener *l)
{
    static const struct timeval moment = { .tv_usec = GATHER_US };
    if (event_add(l->gathered, &moment) == 0)
        event_del(l->acceptable);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    struct repl_listener *l = arg;
    struct repl_thread *t = l->thread;
    bool turned_away = false;
    (void)fd;
    repl_core_lock(t->core);
    for (int i = 0; i < AT_ONCE; i++) {
        enum accepted accepted = accept_one(l);
        turned_away = turned_away || accepted == TURNED_AWAY;
        if (accepted == NOBODY)
            break;
    }
    if (turned_away && !l->paused)
        gather(l);
    else if ((what & EV_TIMEOUT) && !l->paused)
        l->paused = event_add(l->acceptable, NULL) != 0;
    repl_core_unlock(t->core);
}

void listen_tick(struct repl_thread *t)
{
    for (unsigned i = 0; i < t->nlisteners; i++) {
        struct repl_listener *l = &t->listeners[i];
        if (l->paused)
            l->paused = event_add(l->acceptable, NULL) != 0;
    }
}

/* ---- one listener */

/* With TLS the side that dials speaks first: a connection that says nothing is not even
 * accepted before the kernel's patience ends. */
static void let_kernel_wait(const struct repl_thread *t, int fd)
{
    int seconds = 1;
    if (secure_is_on(&t->secure))
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
}

static int listen_on(const struct repl_thread *t, const struct address *a)
{
    int yes = 1, no = 0;
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (a->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    let_kernel_wait(t, fd);
    if (bind(fd, &a->any, a->length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void close_one(struct repl_listener *l)
{
    if (l->acceptable != NULL)
        event_free(l->acceptable);
    if (l->gathered != NULL)
        event_free(l->gathered);
    close(l->fd);
}

/* An event refers to its listener's place in the array, so listeners never move. */
static bool open_one(struct repl_thread *t, const struct address *at)
{
    struct repl_listener *l = &t->listeners[t->nlisteners];
    *l = (struct repl_listener){ .thread = t, .at = *at };
    l->fd = listen_on(t, at);
    if (l->fd < 0)
        return false;
    l->acceptable = event_new(t->base, l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
    l->gathered = event_new(t->base, -1, 0, on_acceptable, l);
    if (l->acceptable != NULL && l->gathered != NULL &&
        event_add(l->acceptable, NULL) == 0) {
        t->nlisteners++;
        return true;
    }
    close_one(l);
    errno = ENOMEM;
    return false;
}

void listen_close(struct repl_thread *t)
{
    for (unsigned i = 0; i < t->nlisteners; i++)
        close_one(&t->listeners[i]);
    t->nlisteners = 0;
}

/* ---- where */

/* Our address from which the kernel would send to `to`. Nothing is sent. */
static bool address_toward(const struct address *to, struct address *from)
{
    int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    address_prefer_lasting(fd, to->any.sa_family);
    from->length = sizeof(from->room);
    bool ok = fd >= 0 && connect(fd, &to->any, to->length) == 0 &&
              getsockname(fd, &from->any, &from->length) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static unsigned wanted(const struct repl_thread *t,
                       struct address at[REPL_PEER_ADDRESSES])
{
    unsigned n = 0;
    if (t->has_local)
        at[n++] = t->local;
    for (unsigned i = 0; !t->has_local && i < t->npeers; i++) {
        if (!address_toward(&t->peers[i], &at[n]) || is_among(&at[n], at, n))
            continue;
        at[n++].v4.sin_port = htons(t->config.listen.port); /* the same place in IPv6 */
    }
    return n;
}

static bool is_so(const struct repl_thread *t, const struct address *at, unsigned n)
{
    bool same = n == t->nlisteners;
    for (unsigned i = 0; same && i < n; i++)
        same = is_among(&t->listeners[i].at, at, n);
    return same;
}

static bool move(struct repl_thread *t, char *why, size_t nwhy)
{
    struct address at[REPL_PEER_ADDRESSES];
    char name[ADDRESS_TEXT];
    unsigned n = wanted(t, at);
    if (n == 0 || is_so(t, at, n))
        return true;
    listen_close(t);
    for (unsigned i = 0; i < n; i++) {
        if (open_one(t, &at[i]))
            continue;
        address_format(&at[i], name);
        snprintf(why, nwhy,
                 "cannot listen for the peer at %s: %s; choose another place with "
                 "listen=[ADDRESS:]PORT",
                 name, strerror(errno));
        return false;
    }
    return true;
}

void listen_follow(struct repl_thread *t)
{
    char why[200];
    if (move(t, why, sizeof(why)))
        repl_core_cured(t->core, CURE_LISTENS);
    else
        repl_core_fault_until(t->core, CURE_LISTENS, "%s", why);
}

bool listen_open(struct repl_thread *t, char *why, size_t nwhy)
{
    const struct host_port *h = &t->config.listen;
    t->has_local = h->host[0] != '\0';
    if (t->has_local && !address_numeric(h->host, h->port, &t->local)) {
        snprintf(why, nwhy, "option 'listen' needs a numeric address, not the name '%s'",
                 h->host);
        return false;
    }
    return move(t, why, nwhy);
}

uint16_t listen_port(const struct repl_thread *t)
{
    struct address a = { .length = sizeof(a.room) };
    if (t->nlisteners == 0 || getsockname(t->listeners[0].fd, &a.any, &a.length) != 0)
        return 0;
    return ntohs(a.v4.sin_port);
}
