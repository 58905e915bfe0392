#include "server/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/dump_state.h"
#include "server/events.h"
#include "server/log.h"
#include "server/tls.h"
#include "server/udp.h"
#include "server/watch_conns.h"
#include "server/watchers.h"

enum { PARTIAL_KEEP = 2048 }; /* a waiting partial request may keep a buffer this large */

/* ---- states ---- */

enum { IDLES = 1, HEARS = 2, EXPIRES = 4, GIVES_ROOM = 8 };

static const struct {
    const char *name;
    unsigned flags;
} states[] = {
#define STATE(NAME, name, function, flags) [STATE_##NAME] = { name, flags },
#include "server/state_table.h"
#undef STATE
};

static bool is_any(const struct connection *c, unsigned flags)
{
    return (states[connection_state(c)].flags & flags) != 0;
}

const char *connection_state_name(const struct connection *c)
{
    return states[connection_state(c)].name;
}

bool connection_idles(const struct connection *c)
{
    return c->io == NULL && is_any(c, IDLES);
}

bool connection_hears(const struct connection *c)
{
    return is_any(c, HEARS);
}

bool connection_expires(const struct connection *c)
{
    return is_any(c, EXPIRES);
}

bool connection_gives_room(const struct connection *c)
{
    return c->io != NULL && is_any(c, GIVES_ROOM);
}

/* ---- the worker's lists ---- */

static void enlist(struct worker *w, struct connection *c)
{
    AZ(pthread_mutex_lock(&w->list_lock));
    TAILQ_INSERT_TAIL(&w->connections, c, link);
    AZ(pthread_mutex_unlock(&w->list_lock));
    w->nopen++;
}

static void delist(struct worker *w, struct connection *c)
{
    AZ(pthread_mutex_lock(&w->list_lock));
    TAILQ_REMOVE(&w->connections, c, link);
    AZ(pthread_mutex_unlock(&w->list_lock));
}

/* Closed connections that the engine holds can leave the list at any time; open ones
 * cannot. */
struct connection *connection_next_open(struct worker *w, struct connection *c)
{
    AZ(pthread_mutex_lock(&w->list_lock));
    do
        c = c == NULL ? TAILQ_FIRST(&w->connections) : TAILQ_NEXT(c, link);
    while (c != NULL && c->fd < 0);
    AZ(pthread_mutex_unlock(&w->list_lock));
    return c;
}

void connection_undefer(struct connection *c)
{
    if (!c->deferred)
        return;
    c->deferred = false;
    TAILQ_REMOVE(&c->worker->deferred, c, deferred_link);
}

/* ---- waiting ---- */

/* Returns false if the system cannot watch the socket: no event would ever arrive for
 * it. */
static bool change_watch(struct connection *c, short before)
{
    static struct log_pace pace;
    if (c->worker->loop->watch(c, before))
        return true;
    log_warning_paced(
        &pace,
        "closing %s because the system cannot watch it: %s; " LOG_MORE_MEMORY
        ", and see fs.epoll.max_user_watches",
        c->udp != NULL ? "the UDP port" : "a connection", strerror(errno));
    count(&c->worker->counters.conn_unwatched);
    c->interest = 0;
    return false;
}

static bool watch(struct connection *c, short what)
{
    short before = c->interest;
    c->interest = what;
    return before == what || change_watch(c, before);
}

void connection_watch_again(struct connection *c)
{
    if (!change_watch(c, c->interest))
        connection_close(c);
}

static void shrink_input(struct buffer *in)
{
    struct buffer small;
    size_t n = buffer_length(in);
    if (in->size <= PARTIAL_KEEP || n > in->size / 2)
        return;
    buffer_init(&small);
    if (n > 0 && !buffer_append(&small, buffer_head(in), n))
        return;
    buffer_fini(in);
    *in = small;
}

static bool is_done(const struct connection *c)
{
    return buffer_length(&c->io->in) == 0 && output_empty(&c->io->out) &&
           (c->tls == NULL || tls_stream_rests(&c->tls->stream));
}

/* Idle connections hold no buffers; slow ones hold no more than they need. */
static void come_to_rest(struct connection *c)
{
    struct io *io = c->io;
    if (is_done(c)) {
        c->io = NULL;
        io_pool_return(&c->worker->pool, io);
        return;
    }
    if (connection_state(c) != STATE_PARKED) /* a parked request points into the input */
        shrink_input(&io->in);
    if (c->tls != NULL)
        io->beside = c->tls->memory > 0 ? (size_t)c->tls->memory : 0;
    io_pool_count(&c->worker->pool, io);
}

static void enter(struct connection *c, enum state state)
{
    atomic_store_explicit(&c->state, state, memory_order_relaxed);
}

enum state connection_wait(struct connection *c, enum state state, short what)
{
    enter(c, state);
    if (watch(c, what))
        come_to_rest(c);
    else
        connection_close(c);
    return STATE_WAIT;
}

enum state connection_wait_for_send(struct connection *c)
{
    (void)watch(c, 0);
    return STATE_WAIT;
}

enum state connection_defer(struct connection *c, enum state state)
{
    struct worker *w = c->worker;
    enter(c, state);
    if (c->deferred)
        return STATE_WAIT;
    c->deferred = true;
    if (TAILQ_EMPTY(&w->deferred))
        w->loop->arm(w, TIMER_DEFERRAL, 0);
    TAILQ_INSERT_TAIL(&w->deferred, c, deferred_link);
    return STATE_WAIT;
}

enum state connection_park(struct connection *c, enum state after)
{
    connection_reference(c);
    c->after = after;
    return STATE_PARKED;
}

enum state connection_stay_parked(struct connection *c)
{
    return connection_wait(c, STATE_PARKED, 0);
}

void connection_notify(struct connection *c, ENGINE_ERROR_CODE status)
{
    connection_reference(c);
    if (!inbox_notify(&c->worker->inbox, &c->notice, status))
        connection_release(c); /* the notice that is already pending has a reference */
}

/* ---- life ---- */

static struct connection *create(struct worker *w, int fd, struct entrance from)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct udp *udp = from.datagram ? calloc(1, sizeof(*udp)) : NULL;
    struct tls *tls = from.tls ? tls_open(w, fd) : NULL;
    if (c == NULL || (from.datagram && udp == NULL) || (from.tls && tls == NULL)) {
        if (tls != NULL)
            tls_close(tls);
        free(udp);
        free(c);
        return NULL;
    }
    c->magic = CONNECTION_MAGIC;
    c->worker = w;
    c->udp = udp;
    c->tls = tls;
    c->from = from;
    if (udp == NULL && tls == NULL)
        c->carrier = w->loop->carrier;
    c->copy_max = from.datagram ? (size_t)UDP_ANSWER_MAX : (size_t)ANSWER_COPY_MAX;
    atomic_init(&c->fd, fd);
    atomic_init(&c->refs, 1);
    atomic_init(&c->state, from.datagram ? STATE_DATAGRAM_READ : STATE_READ);
    atomic_init(&c->last_active, clock_now());
    return c;
}

static void destroy(struct connection *c)
{
    c->magic = 0;
    free(c->udp);
    free(c);
}

bool connection_open(struct worker *w, int fd, struct entrance from)
{
    static struct log_pace pace;
    struct connection *c = create(w, fd, from);
    if (c == NULL) {
        log_warning_paced(&pace,
                          "out of memory: closing a new connection; " LOG_MORE_MEMORY);
        close(fd);
        return false;
    }
    enlist(w, c);
    watch_conn_opened(&w->feed, fd, &from);
    events_tell(ON_CONNECT, NULL, c);
    if (!watch(c, EV_READ))
        connection_close(c);
    return true;
}

static void drop_io(struct connection *c)
{
    if (c->io == NULL)
        return;
    output_clear(&c->io->out, connection_release_sent, c);
    buffer_consume(&c->io->in, buffer_length(&c->io->in));
    io_pool_return(&c->worker->pool, c->io);
    c->io = NULL;
}

static void count_closed(struct worker *w)
{
    count(&w->counters.closed);
    w->nopen--;
    if (w->stopping && w->nopen == 0)
        w->loop->stop(w);
}

static enum watch_end end_of(const struct connection *c)
{
    return c->ends == ENDS_BY_ERROR && c->worker->stopping ? ENDS_BY_SHUTDOWN : c->ends;
}

void connection_close(struct connection *c)
{
    struct worker *w = c->worker;
    int fd = c->fd;
    w->loop->forget(c);
    c->interest = 0;
    connection_undefer(c);
    connection_release_value(c);
    dump_drop(c->dump);
    c->dump = NULL;
    watchers_leave(c->watcher);
    c->watcher = NULL;
    watch_conn_closed(&w->feed, fd, &c->from, end_of(c));
    drop_io(c);
    events_tell(ON_DISCONNECT, NULL, c);
    enter(c, STATE_CLOSING);
    if (c->tls != NULL)
        tls_close(c->tls);
    c->tls = NULL;
    atomic_store(&c->fd, -1);
    close(fd);
    count_closed(w);
    connection_release(c);
}

void connection_free_all(struct worker *w)
{
    struct connection *c;
    while ((c = TAILQ_FIRST(&w->connections)) != NULL) {
        delist(w, c);
        destroy(c);
    }
}

void connection_release_value(struct connection *c)
{
    const EXTENSION_ASCII_PROTOCOL_DESCRIPTOR *x = c->value.extension;
    if (c->value.item != NULL)
        c->worker->api->release(c->worker->handle, c, c->value.item);
    if (x != NULL && x->abort != NULL)
        x->abort(x->cookie, c);
    c->value.item = NULL;
    c->value.extension = NULL;
}

void connection_release_sent(void *context, void *it)
{
    struct connection *c = context;
    c->worker->api->release(c->worker->handle, c, it);
}

/* ---- references ---- */

void connection_reference(struct connection *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void connection_release(struct connection *c)
{
    unsigned before = atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1)
        return;
    delist(c->worker, c);
    destroy(c);
}
