/* Carries out the core's actions (repl/port.h) on the session's link. */
#include "base/check.h"
#include "repl/thread.h"

static struct buffer *port_out(void *port)
{
    struct repl_thread *t = port;
    CHECK(t->session != NULL);
    return &t->session->out.bytes;
}

static void port_send_value(void *port, struct repl_item *item)
{
    struct repl_thread *t = port;
    link_put_value(t->session, item);
}

static size_t port_backlog(void *port)
{
    struct repl_thread *t = port;
    return t->session != NULL ? output_length(&t->session->out) : 0;
}

static void port_close(void *port, const char *reason)
{
    struct repl_thread *t = port;
    struct link *l = t->session;
    if (l == NULL)
        return;
    t->session = NULL;
    slots_refuse(t, l, reason);
}

static void port_wake(void *port)
{
    struct repl_thread *t = port;
    if (atomic_load(&t->sleeping) && atomic_exchange(&t->sleeping, false))
        loop_wake(t);
}

static void port_changed(void *port)
{
    struct repl_thread *t = port;
    if (atomic_load(&t->sleeping) && atomic_exchange(&t->sleeping, false) &&
        !prompt_ship(t))
        loop_wake(t);
}

static void port_log(void *port, enum repl_log level, const char *text)
{
    loop_log(port, level, "%s", text);
}

const struct repl_port_ops repl_thread_port = {
    .out = port_out,
    .send_value = port_send_value,
    .backlog = port_backlog,
    .close = port_close,
    .wake = port_wake,
    .changed = port_changed,
    .log = port_log,
};
