#include "server/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "server/clock.h"
#include "server/connection.h"
#include "server/log.h"
#include "server/server.h"
#include "server/server_api.h"

enum {
    WORKER_MAGIC = 0x574f524b,
    CUTOFF_MS = 300,   /* at the end: so long clients may still send ... */
    DEADLINE_MS = 5000 /* ... and so long they may take to read */
};

/* ---- the list of connections ---- */

void worker_enlist(struct worker *w, struct connection *c)
{
    AZ(pthread_mutex_lock(&w->list_lock));
    TAILQ_INSERT_TAIL(&w->connections, c, link);
    AZ(pthread_mutex_unlock(&w->list_lock));
    w->nopen++;
}

void worker_delist(struct worker *w, struct connection *c)
{
    AZ(pthread_mutex_lock(&w->list_lock));
    TAILQ_REMOVE(&w->connections, c, link);
    AZ(pthread_mutex_unlock(&w->list_lock));
}

void worker_closed(struct worker *w)
{
    count(&w->counters.closed);
    w->nopen--;
    if (w->stopping && w->nopen == 0)
        event_base_loopbreak(w->base);
}

/* Closed ones that the engine holds can leave the list at any time, open ones cannot. */
static struct connection *next_open(struct worker *w, struct connection *c)
{
    AZ(pthread_mutex_lock(&w->list_lock));
    do
        c = c == NULL ? TAILQ_FIRST(&w->connections) : TAILQ_NEXT(c, link);
    while (c != NULL && c->fd < 0);
    AZ(pthread_mutex_unlock(&w->list_lock));
    return c;
}

void worker_each_connection(struct worker *w, void (*visit)(struct connection *c))
{
    struct connection *next;
    for (struct connection *c = next_open(w, NULL); c != NULL; c = next) {
        next = next_open(w, c);
        visit(c);
    }
}

/* ---- turns ---- */

/* Without memory for it, now instead of never. */
static void arm(struct event *timer, unsigned ms)
{
    struct timeval t = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };
    if (event_add(timer, &t) != 0)
        event_active(timer, EV_TIMEOUT, 0);
}

void worker_defer(struct worker *w, struct connection *c)
{
    if (c->deferred)
        return;
    c->deferred = true;
    if (TAILQ_EMPTY(&w->deferred))
        arm(&w->deferral, 0);
    TAILQ_INSERT_TAIL(&w->deferred, c, deferred_link);
}

void worker_undefer(struct worker *w, struct connection *c)
{
    if (!c->deferred)
        return;
    c->deferred = false;
    TAILQ_REMOVE(&w->deferred, c, deferred_link);
}

/* One turn each: who defers again stands at the end and comes with the next call. */
static void on_deferral(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    struct connection *c;
    size_t n = 0;
    (void)fd, (void)what;
    for (c = TAILQ_FIRST(&w->deferred); c != NULL; c = TAILQ_NEXT(c, deferred_link))
        n++;
    while (n-- > 0 && (c = TAILQ_FIRST(&w->deferred)) != NULL)
        connection_drive(c);
    if (!TAILQ_EMPTY(&w->deferred))
        arm(&w->deferral, 0);
}

/* ---- the end ---- */

static void drain(struct connection *c)
{
    if (connection_idle(c))
        connection_drive(c);
}

static void cut(struct connection *c)
{
    if (connection_waits_for_client(c))
        connection_close(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd, (void)what;
    if (!w->cutoff) {
        w->cutoff = true;
        worker_each_connection(w, cut);
        arm(&w->deadline, DEADLINE_MS - CUTOFF_MS);
        return;
    }
    log_info("worker %u closes %zu connections that did not finish in time", w->id,
             w->nopen);
    worker_each_connection(w, connection_close);
    event_base_loopbreak(w->base);
}

static void begin_stop(struct worker *w)
{
    if (w->stopping)
        return;
    w->stopping = true;
    arm(&w->deadline, CUTOFF_MS);
    worker_each_connection(w, drain);
    if (w->nopen == 0)
        event_base_loopbreak(w->base);
}

/* ---- the inbox ---- */

void worker_wake(struct worker *w)
{
    static struct log_pace pace;
    uint64_t one = 1;
    /* It can only fail when the counter is full: then the worker wakes anyhow. */
    if (write(w->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_warning_paced(&pace, "worker %u cannot be woken: %s", w->id, strerror(errno));
}

bool worker_give(struct worker *w, int fd, bool datagram)
{
    bool ok = true;
    AZ(pthread_mutex_lock(&w->lock));
    if (w->narrivals == w->arrivals_size) {
        size_t size = w->arrivals_size > 0 ? 2 * w->arrivals_size : 64;
        struct arrival *more = realloc(w->arrivals, size * sizeof(*more));
        ok = more != NULL;
        if (ok) {
            w->arrivals = more;
            w->arrivals_size = size;
        }
    }
    if (ok)
        w->arrivals[w->narrivals++] = (struct arrival){ fd, datagram };
    AZ(pthread_mutex_unlock(&w->lock));
    if (ok)
        worker_wake(w);
    return ok;
}

void worker_notify(struct worker *w, struct connection *c, ENGINE_ERROR_CODE status)
{
    AZ(pthread_mutex_lock(&w->lock));
    c->notified_status = status;
    if (!c->notified) {
        c->notified = true;
        connection_hold(c);
        c->notified_next = w->notified;
        w->notified = c;
    }
    AZ(pthread_mutex_unlock(&w->lock));
    worker_wake(w);
}

static void take_arrivals(struct worker *w)
{
    AZ(pthread_mutex_lock(&w->lock));
    struct arrival *all = w->arrivals;
    size_t n = w->narrivals;
    w->arrivals = NULL;
    w->narrivals = w->arrivals_size = 0;
    AZ(pthread_mutex_unlock(&w->lock));
    for (size_t i = 0; i < n; i++) {
        if (!connection_open(w, all[i].fd, all[i].datagram))
            count(&w->counters.closed);
    }
    free(all);
}

/* Engines may notify one connection after the other: take the oldest first. */
static struct connection *take_notified(struct worker *w, ENGINE_ERROR_CODE *status)
{
    AZ(pthread_mutex_lock(&w->lock));
    struct connection **at = &w->notified, *c = *at;
    while (c != NULL && c->notified_next != NULL) {
        at = &c->notified_next;
        c = *at;
    }
    if (c != NULL) {
        *at = NULL;
        c->notified = false;
        *status = c->notified_status;
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return c;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    struct connection *c;
    ENGINE_ERROR_CODE status;
    static struct log_pace pace;
    uint64_t n;
    (void)what;
    if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        log_warning_paced(&pace, "worker %u: its inbox fails: %s", w->id,
                          strerror(errno));
    take_arrivals(w);
    while ((c = take_notified(w, &status)) != NULL) {
        connection_resume(c, status);
        connection_unhold(c);
    }
    AZ(pthread_mutex_lock(&w->lock));
    bool stop = w->stop;
    AZ(pthread_mutex_unlock(&w->lock));
    worker_relieve(w);
    if (stop)
        begin_stop(w);
}

/* ---- idle clients ---- */

static void kick_if_idle(struct connection *c)
{
    uint64_t limit = c->worker->server->settings.idle_timeout;
    rel_time_t now = clock_now(), last = atomic_load(&c->last_active);
    if (!connection_can_time_out(c) || now < last || now - last <= limit)
        return;
    count(&c->worker->counters.idle_kicks);
    connection_close(c);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    worker_each_connection(arg, kick_if_idle);
}

/* ---- life ---- */

static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool watch_inbox(struct worker *w)
{
    static const struct timeval second = { 1, 0 };
    event_assign(&w->wake, w->base, w->wake_fd, EV_READ | EV_PERSIST, on_wake, w);
    event_assign(&w->tick, w->base, -1, EV_PERSIST, on_tick, w);
    event_assign(&w->deferral, w->base, -1, 0, on_deferral, w);
    event_assign(&w->deadline, w->base, -1, 0, on_deadline, w);
    return event_add(&w->wake, NULL) == 0 &&
           (w->server->settings.idle_timeout == 0 || event_add(&w->tick, &second) == 0);
}

bool worker_init(struct worker *w, struct server *server, char *why, size_t nwhy)
{
    w->magic = WORKER_MAGIC;
    w->server = server;
    TAILQ_INIT(&w->connections);
    TAILQ_INIT(&w->deferred);
    AZ(pthread_mutex_init(&w->lock, NULL));
    AZ(pthread_mutex_init(&w->list_lock, NULL));
    w->base = make_base();
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->base != NULL && w->wake_fd >= 0 && watch_inbox(w))
        return true;
    snprintf(why, nwhy, "no event loop for a worker thread: %s", strerror(errno));
    return false;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    CHECK_OBJ(w, WORKER_MAGIC);
    if (event_base_loop(w->base, 0) >= 0)
        return NULL;
    log_warning("worker %u can wait for its connections no more (%s): mcd ends", w->id,
                strerror(errno));
    server_api_stop();
    return NULL;
}

bool worker_start(struct worker *w, char *why, size_t nwhy)
{
    char name[16];
    w->handle = w->server->engine.handle;
    w->api = w->server->engine.api;
    int error = pthread_create(&w->thread, NULL, run, w);
    if (error != 0) {
        snprintf(why, nwhy, "no worker thread can be started: %s", strerror(error));
        return false;
    }
    snprintf(name, sizeof(name), "mcd-worker-%u", w->id % 1000);
    pthread_setname_np(w->thread, name);
    return true;
}

void worker_stop(struct worker *w)
{
    AZ(pthread_mutex_lock(&w->lock));
    w->stop = true;
    AZ(pthread_mutex_unlock(&w->lock));
    worker_wake(w);
}

void worker_join(struct worker *w)
{
    AZ(pthread_join(w->thread, NULL));
}

void worker_fini(struct worker *w)
{
    struct connection *c;
    for (size_t i = 0; i < w->narrivals; i++)
        close(w->arrivals[i].fd);
    free(w->arrivals);
    AZ(pthread_mutex_lock(&w->list_lock));
    while ((c = TAILQ_FIRST(&w->connections)) != NULL) {
        TAILQ_REMOVE(&w->connections, c, link);
        free(c->udp);
        free(c);
    }
    AZ(pthread_mutex_unlock(&w->list_lock));
    worker_fini_io(w);
    if (w->base != NULL)
        event_base_free(w->base);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->list_lock);
}
