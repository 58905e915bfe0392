#include "server/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/connection_states.h"
#include "server/events.h"
#include "server/log.h"
#include "server/server.h"
#include "server/udp.h"

enum {
    READ_CHUNK = 16 * 1024,      /* room of one read */
    READ_CHUNK_FULL = 64 * 1024, /* when the last one filled it */
    PARTIAL_KEEP = 2048          /* a waiting piece of a request may keep so much room */
};

static const struct state state_execute, state_write, state_parked;

const char *connection_state_name(const struct connection *c)
{
    return atomic_load_explicit(&c->state, memory_order_relaxed)->name;
}

/* ---- waiting ---- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    connection_drive(arg);
}

/* Rare: interest changes only when a write blocks or the engine does. False if the system
 * cannot watch it: nobody would ever hear of it again. */
static bool watch(struct connection *c, short what)
{
    static struct log_pace pace;
    if (c->interest == what)
        return true;
    if (c->interest != 0)
        event_del(&c->event);
    c->interest = what;
    if (what == 0)
        return true;
    event_assign(&c->event, c->worker->base, c->fd, what | EV_PERSIST, on_event, c);
    if (event_add(&c->event, NULL) == 0)
        return true;
    log_warning_paced(&pace, "%s is closed because it cannot be watched: %s",
                      c->udp != NULL ? "the UDP port" : "a connection", strerror(errno));
    count(&c->worker->counters.conn_unwatched);
    c->interest = 0;
    return false;
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

/* Idle connections hold no buffers, and slow ones no more than they need. */
static void settle(struct connection *c)
{
    struct io *io = c->io;
    if (buffer_length(&io->in) == 0 && output_empty(&io->out)) {
        c->io = NULL;
        worker_return_io(c->worker, io);
        return;
    }
    if (!connection_in(c, &state_parked)) /* whose request points into it */
        shrink_input(&io->in);
    worker_count_io(c->worker, io);
}

enum step connection_wait(struct connection *c, short what)
{
    if (watch(c, what))
        settle(c);
    else
        connection_close(c);
    return STEP_WAIT;
}

/* Most clients wait for the answer before they ask again: no read in vain. */
static enum step next_read(struct connection *c)
{
    connection_go(c, &state_read);
    if (c->read_full || c->worker->stopping)
        return STEP_AGAIN;
    return connection_wait(c, EV_READ);
}

enum step connection_flush(struct connection *c, const struct state *after)
{
    if (output_empty(&c->io->out))
        return connection_go(c, after);
    c->after = after;
    return connection_go(c, &state_write);
}

/* The engine will say when to go on. What is answered already is sent meanwhile. */
void connection_park(struct connection *c, const struct state *after)
{
    size_t sent = 0;
    if (c->udp == NULL)
        output_send(&c->io->out, c->fd, command_release_sent, c, &sent);
    count_bytes(&c->worker->counters.bytes_written, sent);
    connection_hold(c);
    c->after = after;
    connection_go(c, &state_parked);
}

static enum step run_parked(struct connection *c)
{
    return connection_wait(c, 0);
}

/* ---- reading ---- */

enum step connection_read_error(struct connection *c, ssize_t n)
{
    if (n < 0 && errno == EINTR)
        return STEP_AGAIN;
    if (n == 0 || errno != EAGAIN)
        return connection_go(c, &state_closing);
    c->read_full = false;
    if (!output_empty(&c->io->out))
        return connection_flush(c, atomic_load_explicit(&c->state, memory_order_relaxed));
    if (c->worker->stopping && connection_in(c, &state_read) &&
        buffer_length(&c->io->in) == 0)
        return connection_go(c, &state_closing);
    return connection_wait(c, EV_READ);
}

char *connection_room(struct connection *c, size_t *room)
{
    struct buffer *in = &c->io->in;
    size_t least = c->read_full ? READ_CHUNK_FULL : READ_CHUNK;
    if (c->parser.want > buffer_length(in) + least)
        least = c->parser.want - buffer_length(in);
    char *at = buffer_reserve(in, least);
    *room = buffer_room(in);
    return at;
}

static enum step run_read(struct connection *c)
{
    size_t room;
    if (c->worker->cutoff)
        return connection_go(c, &state_closing);
    if (c->udp != NULL)
        return datagram_read(c);
    char *at = connection_room(c, &room);
    if (at == NULL)
        return connection_go(c, &state_closing);
    ssize_t n = recv(c->fd, at, room, 0);
    if (n <= 0)
        return connection_read_error(c, n);
    buffer_commit(&c->io->in, (size_t)n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    c->read_full = (size_t)n == room;
    return connection_go(c, &state_parse);
}

/* ---- requests ---- */

/* True if the next request can be parsed at once; otherwise the state has changed. */
static bool handle(struct connection *c, enum verdict verdict)
{
    if (verdict == VERDICT_PARK) {
        connection_park(c, &state_execute);
        return false;
    }
    if (verdict == VERDICT_DROP) {
        connection_go(c, &state_closing);
        return false;
    }
    buffer_consume(&c->io->in, c->parser.used);
    if (verdict == VERDICT_VALUE)
        return receive_value(c);
    if (verdict == VERDICT_SWALLOW)
        return receive_nothing(c, (uint64_t)c->req.nvalue + c->codec->value_tail);
    if (verdict == VERDICT_QUIT)
        connection_flush(c, &state_closing);
    return verdict == VERDICT_DONE;
}

static enum step run_execute(struct connection *c)
{
    return handle(c, command_execute(c)) ? connection_go(c, &state_parse) : STEP_AGAIN;
}

/* What the codec refused: answered, dropped, and the stream goes on. */
static bool refuse(struct connection *c)
{
    enum verdict verdict = command_refuse(c);
    if (verdict == VERDICT_DROP)
        return handle(c, verdict);
    buffer_consume(&c->io->in, c->parser.used);
    return receive_nothing(c, c->parser.swallow);
}

static enum step give_way(struct connection *c)
{
    if (c->udp != NULL)
        return connection_flush(c, &state_closing);
    if (!output_empty(&c->io->out))
        return connection_flush(c, &state_parse);
    count(&c->worker->counters.conn_yields);
    worker_count_io(c->worker, c->io);
    worker_defer(c->worker, c);
    return STEP_WAIT;
}

/* The hot loop: all requests that have arrived, answered into one output. */
static enum step run_parse(struct connection *c)
{
    struct buffer *in = &c->io->in;
    bool more = true;
    if (c->codec == NULL)
        c->codec = codec_for_first_byte((uint8_t)*buffer_head(in));
    while (more) {
        if (c->budget == 0 && buffer_length(in) > 0)
            return give_way(c);
        if (output_full(&c->io->out)) /* of a datagram, the rest goes unanswered */
            return connection_flush(c, c->udp == NULL ? &state_parse : &state_closing);
        switch (c->codec->parse(&c->parser, in, &c->req)) {
        case PARSE_OK:
            c->budget--;
            c->phase = 0;
            if (c->req.meta != NULL)
                count(&c->worker->counters.cmd_meta);
            more = handle(c, command_execute(c));
            break;
        case PARSE_MORE:
            if (c->udp != NULL)
                return connection_flush(c, &state_closing);
            buffer_consume(in, c->parser.used);
            return output_empty(&c->io->out) ? next_read(c)
                                             : connection_flush(c, &state_read);
        case PARSE_ERROR:
            c->budget--;
            more = refuse(c);
            break;
        case PARSE_CLOSE:
            if (c->parser.why != OUTCOME_OK)
                command_refuse(c);
            return connection_flush(c, &state_closing);
        }
    }
    return STEP_AGAIN;
}

/* ---- writing and the end ---- */

static enum step run_write(struct connection *c)
{
    size_t sent;
    if (c->udp != NULL)
        return datagram_write(c);
    enum output_result result =
        output_send(&c->io->out, c->fd, command_release_sent, c, &sent);
    count_bytes(&c->worker->counters.bytes_written, sent);
    if (result == OUTPUT_BLOCKED)
        return connection_wait(c, EV_WRITE);
    if (result == OUTPUT_BROKEN)
        return connection_go(c, &state_closing);
    return c->after == &state_read ? next_read(c) : connection_go(c, c->after);
}

static enum step run_closing(struct connection *c)
{
    if (c->udp != NULL && !c->worker->stopping)
        return datagram_end(c);
    connection_close(c);
    return STEP_WAIT;
}

const struct state state_read = { "read", run_read };
const struct state state_parse = { "parse_cmd", run_parse };
static const struct state state_execute = { "execute", run_execute };
static const struct state state_write = { "write", run_write };
static const struct state state_parked = { "parked", run_parked };
const struct state state_closing = { "closing", run_closing };

void connection_drive(struct connection *c)
{
    CHECK_OBJ(c, CONNECTION_MAGIC);
    struct worker *w = c->worker;
    worker_undefer(w, c);
    c->budget = (unsigned)w->server->settings.requests_per_event;
    atomic_store_explicit(&c->last_active, clock_now(), memory_order_relaxed);
    if (c->io == NULL && (c->io = worker_take_io(w)) == NULL) {
        connection_close(c);
        return;
    }
    if (events_have_listener(ON_SWITCH_CONN))
        events_tell(ON_SWITCH_CONN, NULL, c);
    while (atomic_load_explicit(&c->state, memory_order_relaxed)->run(c) == STEP_AGAIN)
        ;
}

void connection_resume(struct connection *c, ENGINE_ERROR_CODE status)
{
    if (!connection_in(c, &state_parked))
        return;
    c->status = status;
    connection_go(c, c->after);
    connection_drive(c);
    /* that of the wait; the caller has one of its own, so c still stands */
    connection_unhold(c); /* NOLINT(clang-analyzer-unix.Malloc) */
}

bool connection_waits_for_client(const struct connection *c)
{
    return connection_in(c, &state_read) || connection_in(c, &state_value) ||
           connection_in(c, &state_swallow);
}

bool connection_can_time_out(const struct connection *c)
{
    return c->udp == NULL &&
           (connection_waits_for_client(c) || connection_in(c, &state_write));
}

bool connection_can_be_cut(const struct connection *c)
{
    return c->io != NULL && c->udp == NULL && !connection_in(c, &state_parked);
}

bool connection_idle(const struct connection *c)
{
    return connection_in(c, &state_read) && c->io == NULL;
}

bool connection_open(struct worker *w, int fd, bool datagram)
{
    static struct log_pace pace;
    struct connection *c = calloc(1, sizeof(*c));
    if (c != NULL && datagram)
        c->udp = calloc(1, sizeof(*c->udp));
    if (c == NULL || (datagram && c->udp == NULL)) {
        log_warning_paced(&pace, "out of memory: a new connection is closed");
        close(fd);
        free(c);
        return false;
    }
    c->magic = CONNECTION_MAGIC;
    c->fd = fd;
    c->worker = w;
    atomic_init(&c->refs, 1);
    atomic_init(&c->state, &state_read);
    atomic_init(&c->last_active, clock_now());
    worker_enlist(w, c);
    events_tell(ON_CONNECT, NULL, c);
    if (!watch(c, EV_READ))
        connection_close(c);
    return true;
}

void connection_close(struct connection *c)
{
    struct worker *w = c->worker;
    int fd = c->fd;
    watch(c, 0);
    worker_undefer(w, c);
    command_release_item(c);
    if (c->io != NULL) {
        output_clear(&c->io->out, command_release_sent, c);
        buffer_consume(&c->io->in, buffer_length(&c->io->in));
        worker_return_io(w, c->io);
        c->io = NULL;
    }
    events_tell(ON_DISCONNECT, NULL, c);
    connection_go(c, &state_closing);
    atomic_store(&c->fd, -1);
    close(fd);
    worker_closed(w);
    connection_unhold(c);
}

/* ---- references ---- */

void connection_hold(struct connection *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void connection_unhold(struct connection *c)
{
    unsigned before = atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1)
        return;
    worker_delist(c->worker, c);
    c->magic = 0;
    free(c->udp);
    free(c);
}

void connection_notify(struct connection *c, ENGINE_ERROR_CODE status)
{
    worker_notify(c->worker, c, status);
}
