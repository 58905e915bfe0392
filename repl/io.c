/* Bytes in, messages to the core, bytes out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "repl/loop.h"

enum {
    GREETING_MAX = 4096,     /* bytes of a message before the HELLO */
    MESSAGE_ROOM = 64 << 10, /* bytes beyond the largest value or maps */
    READS_AT_ONCE = 4,       /* reads in a row; then other events get their turn */
    RUN_MAX = 100,           /* SETQs or FILLs delivered at once */
};

/* The longest body that this node takes, whatever the peer is able to send. */
static uint64_t body_max(const struct repl_thread *t, const struct link *l)
{
    return l->greeted ? repl_core_message_max(t->core) + MESSAGE_ROOM : GREETING_MAX;
}

/* The peer refuses this connection. That is as expected if there is a session
 * already. */
static void on_refusal(struct repl_thread *t, struct link *l,
                       const struct link_message *m)
{
    char why[160];
    snprintf(why, sizeof(why), "the peer refused the connection, saying '%.*s'",
             (int)(m->nrest < 120 ? m->nrest : 120), (const char *)m->rest);
    if (t->session == NULL)
        slots_drop(t, l, why);
    else
        link_close(l);
}

/* False if the link is gone. */
static bool deliver(struct repl_thread *t, struct link *l, const struct link_message *m)
{
    const char *why = NULL;
    if (l == t->session) {
        l->confirmed = true;
        why = repl_core_message(t->core, m);
    } else if (m->op == LINK_HELLO) {
        handshake_hello(t, l, &m->hello);
        return l->fd >= 0;
    } else if (m->op == LINK_BYE) {
        on_refusal(t, l, m);
    } else {
        why = "the first message was not a HELLO";
    }
    if (why != NULL)
        slots_drop(t, l, why);
    return l->fd >= 0;
}

static enum link_result parse(struct repl_thread *t, struct link *l, size_t at,
                              struct link_message *m, size_t *used, const char **why)
{
    return link_parse(buffer_head(&l->in) + at, buffer_length(&l->in) - at,
                      body_max(t, l), m, used, why);
}

/* Items that come one behind the other are delivered as a run: their cache misses
 * overlap. */
static bool comes_in_runs(const struct link_message *m)
{
    return m->op == LINK_SETQ || m->op == LINK_FILL;
}

/* Deliver all messages of this kind that are here, up to a bound, as one run. False if
 * the link is gone; else *used is their size in bytes. */
static bool deliver_run(struct repl_thread *t, struct link *l, enum link_op op,
                        size_t *used)
{
    struct link_change items[RUN_MAX];
    struct link_message m;
    size_t n = 0, at = 0, size;
    const char *why;
    while (n < RUN_MAX && at < buffer_length(&l->in) &&
           parse(t, l, at, &m, &size, &why) == LINK_OK && m.op == op) {
        items[n++] = m.change;
        at += size;
    }
    *used = at;
    l->confirmed = true;
    why = repl_core_run(t->core, op, items, n);
    if (why != NULL)
        slots_drop(t, l, why);
    return l->fd >= 0;
}

static const char *why_no_hello(const struct link *l, const char *why)
{
    if (!tunnel_is_tls(*buffer_head(&l->in)))
        return why;
    return "the peer encrypts the link, and this node has no secret_file";
}

static void io_messages(struct repl_thread *t, struct link *l)
{
    struct link_message m;
    const char *why;
    size_t used;
    for (;;) {
        switch (parse(t, l, 0, &m, &used, &why)) {
        case LINK_BAD:
            slots_drop(t, l, l->greeted ? why : why_no_hello(l, why));
            return;
        case LINK_MORE:
            return;
        case LINK_OK:
            if (l == t->session && comes_in_runs(&m) ? !deliver_run(t, l, m.op, &used)
                                                     : !deliver(t, l, &m))
                return;
            repl_core_counters(t->core)->bytes_in += used;
            link_consume(l, used);
        }
    }
}

static void io_read(struct repl_thread *t, struct link *l)
{
    for (unsigned i = 0; i < READS_AT_ONCE && l->want_read; i++) {
        switch (link_read(l)) {
        case LINK_IO_OK:
            repl_core_at(t->core, l->heard_us);
            io_messages(t, l);
            if (l->fd < 0 || l->is_read)
                return;
            break;
        case LINK_IO_FULL:
            return;
        case LINK_IO_CLOSED:
            slots_drop(t, l, "the peer closed the connection");
            return;
        case LINK_IO_FAILED:
            slots_drop(t, l, strerror(errno));
            return;
        }
    }
}

bool io_read_on(struct repl_thread *t, bool lingers)
{
    if (t->session == NULL || !(lingers || t->session->tunnel.has_more))
        return false;
    io_read(t, t->session);
    return t->session != NULL && t->session->tunnel.has_more;
}

static void connect_done(struct repl_thread *t, struct link *l)
{
    int error = link_connected(l);
    if (error == 0) {
        handshake_connected(t, l);
        return;
    }
    slots_dial_failed(t, l->name, strerror(error));
    link_close(l);
}

void io_event(evutil_socket_t fd, short what, void *arg)
{
    struct repl_slot *slot = arg;
    struct repl_thread *t = slot->thread;
    struct link *l = &slot->link;
    (void)fd;
    repl_core_lock(t->core);
    bool reads = what & EV_READ;
    if (l->fd >= 0 && l->connecting) {
        connect_done(t, l);
    } else if (l->fd >= 0 && l->tunnel.shaking) {
        handshake_go_on(t, l);
        reads = true; /* the peer's HELLO may be here */
    }
    if (l->fd >= 0 && reads && link_is_open(l))
        io_read(t, l);
    if (l->fd >= 0)
        slots_write(t, l);
    repl_core_unlock(t->core);
}
