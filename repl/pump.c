/* Bytes in, messages to the core, bytes out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "repl/thread.h"

enum {
    GREETING_MAX = 4096,     /* bytes of a message before the HELLO */
    MESSAGE_ROOM = 64 << 10, /* beyond the largest value or maps */
    READS_AT_ONCE = 4,       /* then the peer waits for other events */
};

/* The connection is lost or of no use; the peer is not told. */
void pump_drop(struct repl_thread *t, struct link *l, const char *why)
{
    if (l == t->session) {
        t->session = NULL;
        repl_core_closed(t->core);
    }
    meet_refuse(t, l, why);
}

/* What this node can take, whatever the peer can send. */
static uint64_t body_max(const struct repl_thread *t, const struct link *l)
{
    const struct repl_core *c = t->core;
    if (!l->greeted)
        return GREETING_MAX;
    uint64_t maps = 3 * ((UINT64_C(1) << c->session.map_bits) / 8);
    return (maps > c->config.item_max ? maps : c->config.item_max) + MESSAGE_ROOM;
}

/* The peer does not want this connection: no wonder, if there is another. */
static void on_refusal(struct repl_thread *t, struct link *l,
                       const struct link_message *m)
{
    char why[160];
    snprintf(why, sizeof(why), "the peer refuses it: %.*s",
             (int)(m->nrest < 120 ? m->nrest : 120), (const char *)m->rest);
    if (t->session == NULL)
        pump_drop(t, l, why);
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
        meet_hello(t, l, &m->hello);
        return l->fd >= 0;
    } else if (m->op == LINK_BYE) {
        on_refusal(t, l, m);
    } else {
        why = "it does not begin with a HELLO";
    }
    if (why != NULL)
        pump_drop(t, l, why);
    return l->fd >= 0;
}

/* False if the link is gone. */
static bool listen_to(struct repl_thread *t, struct link *l, bool enable)
{
    if (!link_read_enable(l, enable))
        pump_drop(t, l, strerror(errno));
    return l->fd >= 0;
}

static void take_messages(struct repl_thread *t, struct link *l)
{
    struct link_message m;
    const char *why;
    size_t used;
    for (;;) {
        switch (link_parse(buffer_head(&l->in), buffer_length(&l->in), body_max(t, l), &m,
                           &used, &why)) {
        case LINK_BAD:
            pump_drop(t, l, why);
            return;
        case LINK_MORE:
            return;
        case LINK_OK:
            if (l == t->session && !repl_core_takes(t->core, &m)) {
                listen_to(t, l, false); /* until the purge has come to its end */
                return;
            }
            if (!deliver(t, l, &m))
                return;
            t->core->count.bytes_in += used;
            link_consume(l, used);
        }
    }
}

static void pump_messages(struct repl_thread *t, struct link *l)
{
    take_messages(t, l);
    repl_core_delivered(t->core);
}

/* A purge has come to its end: take the messages that waited for it. */
void pump_resume(struct repl_thread *t)
{
    struct link *l = t->session;
    if (l == NULL || l->want_read || repl_core_busy(t->core))
        return;
    l->heard_us = l->frame_since_us = monotonic_us(); /* nobody listened meanwhile */
    if (listen_to(t, l, true))
        pump_messages(t, l);
}

static void pump_read(struct repl_thread *t, struct link *l)
{
    for (unsigned i = 0; i < READS_AT_ONCE && l->want_read; i++) {
        switch (link_read(l)) {
        case LINK_IO_OK:
            pump_messages(t, l);
            if (l->fd < 0)
                return;
            break;
        case LINK_IO_FULL:
            return;
        case LINK_IO_CLOSED:
            pump_drop(t, l, "the peer closed the connection");
            return;
        case LINK_IO_FAILED:
            pump_drop(t, l, strerror(errno));
            return;
        }
    }
}

static void write_out(struct repl_thread *t, struct link *l)
{
    if (link_write(l, &t->core->count.bytes_out) == LINK_IO_FAILED)
        pump_drop(t, l, strerror(errno));
}

static void connect_done(struct repl_thread *t, struct link *l)
{
    int error = link_connected(l);
    if (error == 0 && t->session == NULL)
        meet_greet(t, l);
    if (error == 0)
        return; /* else the other says first who it is */
    meet_dial_failed(t, l->name, strerror(error));
    link_close(l);
}

void pump_event(evutil_socket_t fd, short what, void *arg)
{
    struct repl_slot *slot = arg;
    struct repl_thread *t = slot->thread;
    struct link *l = &slot->link;
    (void)fd;
    AZ(pthread_mutex_lock(&t->core->lock));
    if (l->fd >= 0 && l->connecting)
        connect_done(t, l);
    else if (l->fd >= 0 && (what & EV_READ))
        pump_read(t, l);
    if (l->fd >= 0)
        write_out(t, l);
    AZ(pthread_mutex_unlock(&t->core->lock));
}

void pump_flush(struct repl_thread *t)
{
    /* With the writable event armed the network is full: it will tell. */
    if (t->session != NULL && !t->session->want_write)
        write_out(t, t->session);
}
