#include "server/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/monotonic.h"
#include "server/address.h"
#include "server/log.h"
#include "server/settings.h"
#include "server/worker_loop.h"

enum {
    ACCEPTS_PER_EVENT = 64,
    PAUSE_US = 10000,    /* between two checks whether there is capacity again */
    STARVED_US = 1000000 /* then accepting is tried even if no connection has closed */
};

/* ---- accepting ---- */

static uint64_t closed_connections(const struct listeners *l)
{
    uint64_t closed = 0;
    for (unsigned i = 0; i < l->nworkers; i++)
        closed += __atomic_load_n(&l->workers[i].counters.closed, __ATOMIC_RELAXED);
    return closed;
}

static uint64_t open_connections(const struct listeners *l)
{
    return atomic_load(&l->accepted) - closed_connections(l);
}

/* Stops watching the first n, except UDP ports, which a worker reads. */
static void ignore_first(struct listeners *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (l->all[i].event != NULL)
            event_del(l->all[i].event);
    }
}

static bool watch_all(struct listeners *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->all[i].event != NULL && event_add(l->all[i].event, NULL) != 0) {
            ignore_first(l, i);
            return false;
        }
    }
    return true;
}

/* Does not pause if no timer could end the pause. */
static void pause_accepting(struct listeners *l, bool starved)
{
    static const struct timeval pause_time = { 0, PAUSE_US };
    if (event_add(l->retry, &pause_time) != 0)
        return;
    ignore_first(l, l->n);
    l->starved = starved;
    l->paused_us = monotonic_us();
    l->paused_closed = closed_connections(l);
    atomic_store(&l->accepting, false);
    atomic_fetch_add(&l->disabled_num, 1);
}

static bool may_accept(const struct listeners *l)
{
    if (l->starved)
        return closed_connections(l) != l->paused_closed ||
               monotonic_us() - l->paused_us >= STARVED_US;
    return open_connections(l) < l->settings->max_connections;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct listeners *l = arg;
    (void)fd, (void)what;
    if (!may_accept(l) || !watch_all(l))
        return;
    event_del(l->retry);
    atomic_store(&l->accepting, true);
    atomic_fetch_add(&l->disabled_us, monotonic_us() - l->paused_us);
}

/* Words that are not encrypted would tell a client of TLS nothing. */
static void refuse(struct listener *one, int fd)
{
    static const char words[] = "ERROR Too many open connections\r\n";
    atomic_fetch_add(&one->all->rejected, 1);
    if (!one->entrance.tls &&
        send(fd, words, sizeof(words) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("a refused client disconnected before it got the error");
    close(fd);
}

static bool deal_out(struct listeners *l, int fd, struct entrance from)
{
    struct worker *w = &l->workers[l->next_worker];
    l->next_worker = (l->next_worker + 1) % l->nworkers;
    atomic_fetch_add(&l->accepted, 1);
    if (worker_give(w, fd, from))
        return true;
    atomic_fetch_sub(&l->accepted, 1);
    close(fd);
    errno = ENOMEM;
    return false;
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Other errors concern one connection only, which is gone. */
static bool accept_failed(struct listeners *l)
{
    static struct log_pace pace, other_pace;
    if (errno == EAGAIN)
        return false;
    if (!is_shortage(errno)) {
        if (errno != EINTR && errno != ECONNABORTED)
            log_warning_paced(&other_pace,
                              "cannot accept a connection: %s; it is gone, others are "
                              "accepted: see the network, or a firewall's rules",
                              strerror(errno));
        return true;
    }
    log_warning_paced(
        &pace,
        "cannot accept connections until one closes: %s; %" PRIu64
        " are open. Raise the limit of descriptors (ulimit -n, LimitNOFILE=)",
        strerror(errno), open_connections(l));
    pause_accepting(l, true);
    return false;
}

static struct entrance entrance_of(const struct listener *one,
                                   const struct sockaddr_storage *peer)
{
    struct entrance from = one->entrance;
    from.origin = address_origin(peer);
    return from;
}

/* True if more connections may be waiting. */
static bool accept_one(struct listener *one)
{
    struct listeners *l = one->all;
    bool fast = l->settings->maxconns_fast;
    bool full = open_connections(l) >= l->settings->max_connections;
    if (full && !fast) {
        pause_accepting(l, false);
        return false;
    }
    struct sockaddr_storage peer = { 0 };
    socklen_t n = sizeof(peer);
    int fd = accept4(one->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return accept_failed(l);
    if (full)
        refuse(one, fd);
    else if (!deal_out(l, fd, entrance_of(one, &peer)))
        return accept_failed(l);
    return true;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    for (unsigned i = 0; i < ACCEPTS_PER_EVENT; i++) {
        if (!accept_one(arg))
            return;
    }
}

/* ---- start and end ---- */

const char *listener_advice(int error)
{
    if (error == EADDRINUSE)
        return ". Another process uses this port; end it or choose another port with -p";
    if (error == EACCES)
        return ". Only root can use ports below 1024; choose another port with -p";
    if (error == EADDRNOTAVAIL)
        return ". This machine does not have that address; see -l";
    return "";
}

static void tell_ports(const struct listeners *l)
{
    char text[ADDRESS_MAX];
    for (size_t i = 0; i < l->n; i++) {
        if (address_own(l->all[i].fd, text, sizeof(text)))
            log_info("listening on %s", text);
    }
}

static bool write_ports(const struct listeners *l, const char *path)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const struct listener *one = &l->all[i];
        struct sockaddr_storage sa = { 0 };
        socklen_t size = sizeof(sa);
        if (getsockname(one->fd, (struct sockaddr *)&sa, &size) == 0 &&
            sa.ss_family != AF_UNIX)
            fprintf(out, "%s %s: %u\n", one->entrance.datagram ? "UDP" : "TCP",
                    sa.ss_family == AF_INET6 ? "INET6" : "INET", address_port(one->fd));
    }
    bool ok = fclose(out) == 0 && file_replace(path, text);
    free(text);
    return ok;
}

static bool start_one(struct listener *one, struct event_base *base, char *why,
                      size_t nwhy)
{
    struct listeners *l = one->all;
    char text[ADDRESS_MAX];
    if (one->entrance.datagram) { /* it has no connections to accept: a worker reads it */
        int fd = fcntl(one->fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0 && deal_out(l, fd, one->entrance))
            return true;
        snprintf(why, nwhy, "cannot read the UDP port: %s", strerror(errno));
        return false;
    }
    if (listen(one->fd, (int)l->settings->backlog) == 0) {
        one->event = event_new(base, one->fd, EV_READ | EV_PERSIST, on_accept, one);
        if (one->event != NULL && event_add(one->event, NULL) == 0)
            return true;
    }
    int error = errno;
    address_own(one->fd, text, sizeof(text));
    snprintf(why, nwhy, "cannot listen on %s: %s%s", text, strerror(error),
             listener_advice(error));
    return false;
}

bool listeners_start(struct listeners *l, struct event_base *base, struct worker *workers,
                     unsigned nworkers, char *why, size_t nwhy)
{
    const char *path = getenv("MEMCACHED_PORT_FILENAME");
    l->workers = workers;
    l->nworkers = nworkers;
    l->retry = event_new(base, -1, EV_PERSIST, on_retry, l);
    if (l->retry == NULL) {
        snprintf(why, nwhy, "out of memory for the listening sockets");
        return false;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (!start_one(&l->all[i], base, why, nwhy))
            return false;
    }
    atomic_store(&l->accepting, true);
    tell_ports(l);
    if (path == NULL || write_ports(l, path))
        return true;
    snprintf(why, nwhy, "cannot write the ports to %s: %s", path, strerror(errno));
    return false;
}

void listeners_stop(struct listeners *l)
{
    atomic_store(&l->accepting, false);
    if (l->retry != NULL)
        event_free(l->retry);
    for (size_t i = 0; i < l->n; i++) {
        if (l->all[i].event != NULL)
            event_free(l->all[i].event);
        close(l->all[i].fd);
    }
    if (l->unix_path != NULL)
        unlink(l->unix_path);
    free(l->unix_path);
    free(l->all);
    l->all = NULL;
    l->n = 0;
    l->retry = NULL;
    l->unix_path = NULL;
}
