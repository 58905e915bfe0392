#include "config.h"

#include "server/worker_loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "server/clock.h"
#include "server/connection.h"
#include "server/drive.h"
#include "server/log.h"
#include "server/relief.h"
#include "server/server.h"
#include "server/tls.h"
#include "server/watch_conns.h"
#include "server/engine_api.h"

enum {
    WORKER_MAGIC = 0x574f524b,
    TICK_MS = 1000,
    CUTOFF_MS = 300,   /* at shutdown: how long clients may still send ... */
    DEADLINE_MS = 5000 /* ... and how long they may take to read */
};

static void each_open(struct worker *w, void (*visit)(struct connection *c))
{
    struct connection *next;
    for (struct connection *c = connection_next_open(w, NULL); c != NULL; c = next) {
        next = connection_next_open(w, c);
        visit(c);
    }
}

/* ---- turns ---- */

/* One turn each: one that defers again goes to the end and waits for the next call. */
static void on_deferral(struct worker *w)
{
    struct connection *c;
    size_t n = 0;
    for (c = TAILQ_FIRST(&w->deferred); c != NULL; c = TAILQ_NEXT(c, deferred_link))
        n++;
    while (n-- > 0 && (c = TAILQ_FIRST(&w->deferred)) != NULL)
        drive_run(c);
    if (!TAILQ_EMPTY(&w->deferred))
        w->loop->arm(w, TIMER_DEFERRAL, 0);
}

/* ---- the end ---- */

static void drain(struct connection *c)
{
    if (connection_idles(c))
        drive_run(c);
}

/* Nobody waits for a watcher to read the rest of its lines. */
static void cut(struct connection *c)
{
    if (connection_hears(c) || c->watcher != NULL)
        connection_close(c);
}

static void on_deadline(struct worker *w)
{
    if (!w->cutoff) {
        w->cutoff = true;
        each_open(w, cut);
        w->loop->arm(w, TIMER_DEADLINE, DEADLINE_MS - CUTOFF_MS);
        return;
    }
    log_info("worker %u is closing %zu connections that did not finish in time", w->id,
             w->nopen);
    each_open(w, connection_close);
    w->loop->stop(w);
}

static void begin_stop(struct worker *w)
{
    if (w->stopping)
        return;
    w->stopping = true;
    w->loop->arm(w, TIMER_DEADLINE, CUTOFF_MS);
    each_open(w, drain);
    if (w->nopen == 0)
        w->loop->stop(w);
}

/* ---- the inbox ---- */

static void open_arrivals(struct worker *w, const struct mail *mail)
{
    for (size_t i = 0; i < mail->narrivals; i++) {
        if (!connection_open(w, mail->arrivals[i].fd, mail->arrivals[i].from))
            count(&w->counters.closed);
    }
    free(mail->arrivals);
}

static void on_wake(struct worker *w)
{
    struct wakeup *n;
    struct mail mail;
    ENGINE_ERROR_CODE status;
    inbox_take(&w->inbox, &mail);
    open_arrivals(w, &mail);
    while ((n = inbox_next_wakeup(&w->inbox, &mail, &status)) != NULL) {
        struct connection *c = connection_of_wakeup(n);
        drive_resume(c, status);
        connection_release(c);
    }
    watchers_run(&w->server->watch, w, drive_watcher);
    relief_run(w);
    if (mail.stop)
        begin_stop(w);
}

/* ---- idle clients ---- */

static void kick_if_idle(struct connection *c)
{
    uint64_t limit = c->worker->server->settings.idle_timeout;
    rel_time_t now = clock_now(), last = atomic_load(&c->last_active);
    if (!connection_expires(c) || now < last || now - last <= limit)
        return;
    count(&c->worker->counters.idle_kicks);
    c->ends = ENDS_AS_IDLE;
    connection_close(c);
}

static void on_tick(struct worker *w)
{
    each_open(w, kick_if_idle);
    w->loop->arm(w, TIMER_TICK, TICK_MS);
}

/* ---- life ---- */

static void on_timer(struct worker *w, enum worker_timer timer)
{
    static void (*const functions[TIMERS])(struct worker * w) = {
        [TIMER_TICK] = on_tick,
        [TIMER_DEFERRAL] = on_deferral,
        [TIMER_DEADLINE] = on_deadline,
    };
    functions[timer](w);
}

static bool open_with(struct worker *w, const struct loop_kind *loop)
{
    if (!loop->open(w))
        return false;
    w->loop = loop;
    return true;
}

static bool open_uring(struct worker *w)
{
#ifdef HAVE_LIBURING
    if (open_with(w, &uring_loop))
        return true;
#else
    errno = ENOSYS;
#endif
    log_warning(
        "worker %u waits by epoll, because io_uring is refused: %s; it needs Linux "
        "6.1, kernel.io_uring_disabled=0, a container or unit whose filter of "
        "system calls lets it through, and mcd built with liburing",
        w->id, strerror(errno));
    return false;
}

static bool open_loop(struct worker *w)
{
    return (w->server->settings.io_uring && open_uring(w)) || open_with(w, &event_loop);
}

bool worker_init(struct worker *w, struct server *server, char *why, size_t nwhy)
{
    w->magic = WORKER_MAGIC;
    w->server = server;
    TAILQ_INIT(&w->connections);
    TAILQ_INIT(&w->deferred);
    AZ(pthread_mutex_init(&w->list_lock, NULL));
    io_pool_init(&w->pool, &server->pools, &w->inbox);
    w->drive = drive_run;
    w->woken = on_wake;
    w->due = on_timer;
    if (!tls_make_room(w)) {
        snprintf(why, nwhy, "out of memory for ssl_wbuf_size");
        return false;
    }
    if (inbox_init(&w->inbox) && open_loop(w))
        return true;
    snprintf(why, nwhy, "cannot create a worker thread's event loop: %s",
             strerror(errno));
    return false;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    CHECK_OBJ(w, WORKER_MAGIC);
    watch_feed_bind(&w->feed);
    if (w->server->settings.idle_timeout != 0)
        w->loop->arm(w, TIMER_TICK, TICK_MS);
    if (w->loop->run(w))
        return NULL;
    log_warning(
        "worker %u cannot wait for its connections any more (%s): mcd ends; start it "
        "again, and give the machine more memory if this comes back",
        w->id, strerror(errno));
    server_api_stop();
    return NULL;
}

bool worker_start(struct worker *w, char *why, size_t nwhy)
{
    char name[16];
    w->handle = w->server->engine.handle;
    w->api = w->server->engine.api;
    w->meta = engine_meta_of(w->api->get_info(w->handle));
    int error = pthread_create(&w->thread, NULL, run, w);
    if (error != 0) {
        snprintf(why, nwhy, "cannot start a worker thread: %s", strerror(error));
        return false;
    }
    snprintf(name, sizeof(name), "mcd-worker-%u", w->id % 1000);
    pthread_setname_np(w->thread, name);
    return true;
}

void worker_stop(struct worker *w)
{
    inbox_stop(&w->inbox);
}

void worker_join(struct worker *w)
{
    AZ(pthread_join(w->thread, NULL));
}

void worker_fini(struct worker *w)
{
    if (w->loop != NULL)
        w->loop->close(w);
    connection_free_all(w);
    inbox_fini(&w->inbox);
    io_pool_free_spare(&w->pool);
    free(w->tls_room.at);
    AZ(pthread_mutex_destroy(&w->list_lock));
}

bool worker_give(struct worker *w, int fd, struct entrance from)
{
    return inbox_give(&w->inbox, fd, from);
}
