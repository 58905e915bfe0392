#include "server/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "server/address.h"
#include "server/log.h"
#include "server/server.h"

enum { ACCEPTS_PER_EVENT = 64, PAUSE_US = 10000 };

/* ---- accepting ---- */

static uint64_t open_connections(const struct server *server)
{
    uint64_t closed = 0;
    for (unsigned i = 0; i < server->nworkers; i++)
        closed += __atomic_load_n(&server->workers[i].counters.closed, __ATOMIC_RELAXED);
    return atomic_load(&server->listeners.accepted) - closed;
}

static uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void set_accepting(struct server *server, bool on)
{
    struct listeners *l = &server->listeners;
    static const struct timeval pause_time = { 0, PAUSE_US };
    if (!on)
        event_add(l->retry, &pause_time);
    if (atomic_load(&l->accepting) == on)
        return;
    atomic_store(&l->accepting, on);
    if (on) {
        atomic_fetch_add(&l->disabled_us, monotonic_us() - l->paused_us);
    } else {
        l->paused_us = monotonic_us();
        atomic_fetch_add(&l->disabled_num, 1);
    }
    for (size_t i = 0; i < l->n; i++) {
        if (on)
            event_add(l->all[i].event, NULL);
        else
            event_del(l->all[i].event);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    (void)fd, (void)what;
    bool room = open_connections(server) < server->settings.max_connections;
    set_accepting(server, room || server->settings.maxconns_fast);
}

static void refuse(struct server *server, int fd)
{
    static const char words[] = "ERROR Too many open connections\r\n";
    atomic_fetch_add(&server->listeners.rejected, 1);
    if (send(fd, words, sizeof(words) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("a refused client did not wait for the reason");
    close(fd);
}

static void deal_out(struct server *server, int fd, bool datagram)
{
    struct worker *w = &server->workers[server->next_worker];
    server->next_worker = (server->next_worker + 1) % server->nworkers;
    atomic_fetch_add(&server->listeners.accepted, 1);
    if (worker_give(w, fd, datagram))
        return;
    log_warning("out of memory: a new connection is closed");
    atomic_fetch_sub(&server->listeners.accepted, 1);
    close(fd);
}

static bool accept_failed(struct server *server)
{
    if (errno == EINTR || errno == ECONNABORTED)
        return true;
    if (errno == EAGAIN)
        return false;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        log_warning("a connection could not be accepted: %s", strerror(errno));
    else
        log_info("accepting pauses: %s", strerror(errno));
    set_accepting(server, false);
    return false;
}

/* True if there may be another one. */
static bool accept_one(struct server *server, int listening)
{
    bool fast = server->settings.maxconns_fast;
    bool full = open_connections(server) >= server->settings.max_connections;
    if (full && !fast) {
        set_accepting(server, false);
        return false;
    }
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return accept_failed(server);
    if (full)
        refuse(server, fd);
    else
        deal_out(server, fd, false);
    return true;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;
    (void)what;
    for (unsigned i = 0; i < ACCEPTS_PER_EVENT; i++) {
        if (!accept_one(l->server, fd))
            return;
    }
}

/* ---- start and end ---- */

static void tell_ports(const struct server *server)
{
    char text[ADDRESS_MAX];
    bool chosen = server->settings.port == 0;
    for (size_t i = 0; i < server->listeners.n; i++) {
        if (!address_own(server->listeners.all[i].fd, text, sizeof(text)))
            continue;
        /* Who left the choice to the kernel needs to know it. */
        if (chosen)
            log_warning("listening on %s", text);
        else
            log_info("listening on %s", text);
    }
}

static bool write_ports(const struct server *server, const char *path)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        return false;
    for (size_t i = 0; i < server->listeners.n; i++) {
        const struct listener *l = &server->listeners.all[i];
        struct sockaddr_storage sa = { 0 };
        socklen_t size = sizeof(sa);
        if (getsockname(l->fd, (struct sockaddr *)&sa, &size) == 0 &&
            sa.ss_family != AF_UNIX)
            fprintf(out, "%s %s: %u\n", l->datagram ? "UDP" : "TCP",
                    sa.ss_family == AF_INET6 ? "INET6" : "INET", address_port(l->fd));
    }
    bool ok = fclose(out) == 0 && file_replace(path, text);
    free(text);
    return ok;
}

static bool start_one(struct server *server, struct listener *l, char *why, size_t nwhy)
{
    char text[ADDRESS_MAX];
    if (l->datagram) { /* no connections to wait for: a worker reads it */
        int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0)
            deal_out(server, fd, true);
        snprintf(why, nwhy, "no descriptor for the UDP port: %s", strerror(errno));
        return fd >= 0;
    }
    if (listen(l->fd, (int)server->settings.backlog) == 0) {
        l->event = event_new(server->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
        if (l->event != NULL && event_add(l->event, NULL) == 0)
            return true;
    }
    int error = errno;
    address_own(l->fd, text, sizeof(text));
    snprintf(why, nwhy, "cannot listen on %s: %s%s", text, strerror(error),
             listener_advice(error));
    return false;
}

bool listeners_start(struct server *server, char *why, size_t nwhy)
{
    struct listeners *l = &server->listeners;
    const char *path = getenv("MEMCACHED_PORT_FILENAME");
    l->retry = event_new(server->base, -1, 0, on_retry, server);
    for (size_t i = 0; i < l->n; i++) {
        if (!start_one(server, &l->all[i], why, nwhy))
            return false;
    }
    atomic_store(&l->accepting, true);
    tell_ports(server);
    if (path == NULL || write_ports(server, path))
        return true;
    snprintf(why, nwhy, "cannot write the ports to %s: %s", path, strerror(errno));
    return false;
}

void listeners_stop(struct server *server)
{
    struct listeners *l = &server->listeners;
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
