#include "server/drive.h"

#include "server/clock.h"
#include "server/events.h"
#include "server/server.h"
#include "server/transport.h"

typedef enum state (*state_function)(struct connection *c);

static const state_function functions[STATE_COUNT] = {
#define STATE(NAME, name, function, flags) [STATE_##NAME] = (function),
#include "server/state_table.h"
#undef STATE
};

static void go_on(struct connection *c, enum state state)
{
    do {
        atomic_store_explicit(&c->state, state, memory_order_relaxed);
        state = functions[state](c);
    } while (state != STATE_WAIT);
}

static void drive(struct connection *c, enum state state)
{
    struct worker *w = c->worker;
    connection_undefer(c);
    c->budget = (unsigned)w->server->settings.requests_per_event;
    atomic_store_explicit(&c->last_active, clock_now(), memory_order_relaxed);
    if (c->io == NULL && (c->io = io_pool_take(&w->pool)) == NULL) {
        connection_close(c);
        return;
    }
    if (events_have_listener(ON_SWITCH_CONN))
        events_tell(ON_SWITCH_CONN, NULL, c);
    go_on(c, state);
}

void drive_run(struct connection *c)
{
    CHECK_OBJ(c, CONNECTION_MAGIC);
    drive(c, connection_state(c));
}

void drive_watcher(struct connection *c)
{
    if (connection_state(c) == STATE_WATCH)
        drive_run(c);
}

void drive_resume(struct connection *c, ENGINE_ERROR_CODE status)
{
    if (connection_state(c) != STATE_PARKED)
        return;
    c->status = status;
    drive(c, c->after);
    /* the wait's reference; the caller holds one of its own, so c is still valid */
    connection_release(c); /* NOLINT(clang-analyzer-unix.Malloc) */
}
