/* Waiting by libevent, which waits by epoll. */
#include "server/loop_kind.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "server/connection.h"

/* w->waiting */
struct event_loop {
    struct event_base *base;
    struct event wake, timers[TIMERS];
};

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct worker *w = arg;
    (void)fd, (void)what;
    w->woken(w);
}

#define ON_TIMER(TIMER, name)                                                            \
    static void on_##name(evutil_socket_t fd, short what, void *arg)                     \
    {                                                                                    \
        struct worker *w = arg;                                                          \
        (void)fd, (void)what;                                                            \
        w->due(w, TIMER);                                                                \
    }
ON_TIMER(TIMER_TICK, tick)
ON_TIMER(TIMER_DEFERRAL, deferral)
ON_TIMER(TIMER_DEADLINE, deadline)

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

static bool set_up(struct worker *w, struct event_loop *e)
{
    e->base = make_base();
    if (e->base == NULL)
        return false;
    event_assign(&e->wake, e->base, w->inbox.wake_fd, EV_READ | EV_PERSIST, on_wake, w);
    event_assign(&e->timers[TIMER_TICK], e->base, -1, 0, on_tick, w);
    event_assign(&e->timers[TIMER_DEFERRAL], e->base, -1, 0, on_deferral, w);
    event_assign(&e->timers[TIMER_DEADLINE], e->base, -1, 0, on_deadline, w);
    return event_add(&e->wake, NULL) == 0;
}

static void tear_down(struct event_loop *e)
{
    if (e->base != NULL)
        event_base_free(e->base);
    free(e);
}

static bool open_events(struct worker *w)
{
    struct event_loop *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return false;
    if (set_up(w, e)) {
        w->waiting = e;
        return true;
    }
    tear_down(e);
    return false;
}

static void close_events(struct worker *w)
{
    tear_down(w->waiting);
}

static bool run(struct worker *w)
{
    struct event_loop *e = w->waiting;
    return event_base_loop(e->base, 0) >= 0;
}

static void stop(struct worker *w)
{
    struct event_loop *e = w->waiting;
    event_base_loopbreak(e->base);
}

static void arm(struct worker *w, enum worker_timer timer, unsigned ms)
{
    struct event_loop *e = w->waiting;
    struct timeval t = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };
    if (event_add(&e->timers[timer], &t) != 0)
        event_active(&e->timers[timer], EV_TIMEOUT, 0);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct connection *c = arg;
    (void)fd, (void)what;
    c->worker->drive(c);
}

/* Called rarely: the interest changes only when a write or the engine blocks. */
static bool watch(struct connection *c, short before)
{
    const struct event_loop *e = c->worker->waiting;
    if (before != 0)
        event_del(&c->event);
    if (c->interest == 0)
        return true;
    event_assign(&c->event, e->base, c->fd, c->interest | EV_PERSIST, on_event, c);
    return event_add(&c->event, NULL) == 0;
}

static void forget(struct connection *c)
{
    if (c->interest != 0)
        event_del(&c->event);
}

const struct loop_kind event_loop = {
    .open = open_events,
    .close = close_events,
    .run = run,
    .stop = stop,
    .arm = arm,
    .watch = watch,
    .forget = forget,
};
