#include "test/fake/wire.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { BODY_MAX = 64 << 20 };

static struct wire_connection *session_of(const struct wire_end *e)
{
    CHECK(e->session != WIRE_NONE);
    return &e->wire->connections[e->session];
}

/* ---- the port */

static struct buffer *port_out(void *port)
{
    const struct wire_end *e = port;
    return &session_of(e)->pipe[1 - e->number];
}

static void port_send_value(void *port, struct repl_item *item)
{
    const struct wire_end *e = port;
    (void)buffer_append(port_out(port), item->state.value, item->state.nvalue);
    e->core->store_ops->release(e->core->store, item->item);
}

static size_t port_backlog(void *port)
{
    const struct wire_end *e = port;
    return e->held ? buffer_length(port_out(port)) - e->taken : 0;
}

static void port_close(void *port, const char *reason)
{
    struct wire_end *e = port;
    (void)reason;
    e->session = WIRE_NONE;
    e->closed++;
}

static void port_wake(void *port)
{
    (void)port;
}

static void port_log(void *port, enum repl_log level, const char *text)
{
    const struct wire_end *e = port;
    (void)level;
    if (getenv("FAKE_LOG") != NULL)
        fprintf(stderr, "node %u: %s\n", e->number, text);
}

const struct repl_port_ops wire_port_ops = {
    .out = port_out,
    .send_value = port_send_value,
    .backlog = port_backlog,
    .close = port_close,
    .wake = port_wake,
    .changed = port_wake,
    .log = port_log,
};

/* ---- life */

void wire_init(struct wire *w)
{
    *w = (struct wire){ .newest = WIRE_NONE };
    for (unsigned i = 0; i < 2; i++)
        w->end[i] = (struct wire_end){ .wire = w, .number = i, .session = WIRE_NONE };
    for (unsigned i = 0; i < WIRE_CONNECTIONS; i++) {
        buffer_init(&w->connections[i].pipe[0]);
        buffer_init(&w->connections[i].pipe[1]);
    }
}

void wire_fini(struct wire *w)
{
    for (unsigned i = 0; i < WIRE_CONNECTIONS; i++) {
        buffer_fini(&w->connections[i].pipe[0]);
        buffer_fini(&w->connections[i].pipe[1]);
    }
}

void wire_attach(struct wire *w, unsigned end, struct repl_core *core)
{
    CHECK(w->end[end].core == NULL);
    w->end[end].core = core;
    w->end[end].held = false;
}

static void greeting_is_void(struct wire *w, unsigned end)
{
    if (w->newest != WIRE_NONE)
        w->connections[w->newest].greeted[end] = true;
}

void wire_detach(struct wire *w, unsigned end)
{
    w->end[end].core = NULL;
    w->end[end].session = WIRE_NONE;
    greeting_is_void(w, end);
}

static void drop_bytes(struct buffer *b)
{
    buffer_consume(b, buffer_length(b));
}

static int unused_connection(const struct wire *w)
{
    for (int i = 0; i < WIRE_CONNECTIONS; i++) {
        if (i != w->newest && i != w->end[0].session && i != w->end[1].session)
            return i;
    }
    CHECK(!"a connection is free");
    return WIRE_NONE;
}

void wire_connect(struct wire *w)
{
    int n = unused_connection(w);
    struct wire_connection *c = &w->connections[n];
    for (unsigned i = 0; i < 2; i++) {
        struct repl_core *core = w->end[i].core;
        drop_bytes(&c->pipe[1 - i]);
        c->greeted[i] = false;
        AZ(pthread_mutex_lock(&core->lock));
        repl_core_make_hello(core, &c->said[i], core->now_us);
        AZ(pthread_mutex_unlock(&core->lock));
        CHECK(link_put_hello(&c->pipe[1 - i], &c->said[i]));
    }
    w->newest = n;
}

/* ---- moving messages */

/* The next message in a pipe. Its bytes stay in the pipe until they are consumed. */
static bool next_message(const struct buffer *pipe, struct link_message *m, size_t *used)
{
    const char *why;
    enum link_result r =
        link_parse(buffer_head(pipe), buffer_length(pipe), BODY_MAX, m, used, &why);
    CHECK(r == LINK_OK || (r == LINK_MORE && buffer_length(pipe) == 0));
    return r == LINK_OK;
}

static void take_bytes(struct wire *w, unsigned to, struct buffer *pipe, size_t used)
{
    struct wire_end *from = &w->end[1 - to];
    buffer_consume(pipe, used);
    if (from->session != WIRE_NONE && port_out(from) == pipe)
        from->taken -= used < from->taken ? used : from->taken;
    w->delivered++;
}

static void fault(struct wire_end *e, const char *why)
{
    e->why = why;
    repl_core_closed(e->core);
    e->session = WIRE_NONE;
}

/* R1: a HELLO on a newer connection closes the older session first. */
static bool deliver_hello(struct wire *w, unsigned to)
{
    struct wire_end *e = &w->end[to];
    struct wire_connection *c = &w->connections[w->newest];
    struct link_message m;
    size_t used;
    CHECK(next_message(&c->pipe[to], &m, &used) && m.op == LINK_HELLO);
    struct link_hello hello = m.hello;
    c->greeted[to] = true;
    take_bytes(w, to, &c->pipe[to], used);
    AZ(pthread_mutex_lock(&e->core->lock));
    if (e->session != WIRE_NONE)
        repl_core_closed(e->core);
    e->session = w->newest;
    e->taken = 0;
    const char *why = repl_core_hello(e->core, &c->said[to], &hello);
    if (why != NULL) {
        e->turned_away++;
        fault(e, why);
    }
    AZ(pthread_mutex_unlock(&e->core->lock));
    return true;
}

static bool is_held(const struct wire *w, unsigned to)
{
    const struct wire_end *from = &w->end[1 - to], *e = &w->end[to];
    return from->held && from->session == e->session && from->taken == 0;
}

static bool deliver_next(struct wire *w, unsigned to)
{
    struct wire_end *e = &w->end[to];
    struct wire_connection *c = session_of(e);
    struct link_message m;
    size_t used;
    if (is_held(w, to) || !next_message(&c->pipe[to], &m, &used))
        return false;
    if (w->watch != NULL)
        w->watch(w->watch_context, to, &m);
    AZ(pthread_mutex_lock(&e->core->lock));
    const char *why = repl_core_message(e->core, &m);
    if (why != NULL) {
        e->refused++;
        fault(e, why);
    }
    AZ(pthread_mutex_unlock(&e->core->lock));
    take_bytes(w, to, &c->pipe[to], used);
    return true;
}

static bool has_newer(const struct wire *w, unsigned to)
{
    return w->newest != WIRE_NONE && !w->connections[w->newest].greeted[to];
}

bool wire_deliver(struct wire *w, unsigned to, bool newer)
{
    if (w->end[to].core == NULL)
        return false;
    if (newer)
        return has_newer(w, to) && deliver_hello(w, to);
    return w->end[to].session != WIRE_NONE && deliver_next(w, to);
}

bool wire_has_message(const struct wire *w, unsigned to)
{
    const struct wire_end *e = &w->end[to];
    struct link_message m;
    size_t used;
    if (e->core == NULL)
        return false;
    return has_newer(w, to) || (e->session != WIRE_NONE && !is_held(w, to) &&
                                next_message(&session_of(e)->pipe[to], &m, &used));
}

void wire_lose(struct wire *w, unsigned end)
{
    struct wire_end *e = &w->end[end];
    if (e->session == WIRE_NONE) {
        greeting_is_void(w, end);
        return;
    }
    AZ(pthread_mutex_lock(&e->core->lock));
    repl_core_closed(e->core);
    AZ(pthread_mutex_unlock(&e->core->lock));
    e->session = WIRE_NONE;
}

void wire_cut(struct wire *w)
{
    wire_lose(w, 0);
    wire_lose(w, 1);
    w->newest = WIRE_NONE;
}

bool wire_is_stale(const struct wire *w, unsigned end)
{
    int mine = w->end[end].session, other = w->end[1 - end].session;
    if (mine == WIRE_NONE || mine == other)
        return false;
    return mine != w->newest || w->connections[w->newest].greeted[1 - end];
}

void wire_hold(struct wire *w, unsigned end, bool hold)
{
    struct wire_end *e = &w->end[end];
    e->held = hold;
    e->taken = e->session != WIRE_NONE ? buffer_length(port_out(e)) : 0;
}
