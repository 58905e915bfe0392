#include "server/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/commands.h"
#include "server/log.h"
#include "server/server.h"
#include "server/server_api.h"

enum {
    READ_CHUNK = 16 * 1024,      /* room of one read */
    READ_CHUNK_FULL = 64 * 1024, /* when the last one filled it */
    PARTIAL_KEEP = 2048          /* a waiting piece of a request may keep so much */
};

static const struct state state_read, state_parse, state_execute, state_value,
    state_store, state_swallow, state_write, state_parked, state_closing;

static enum step go(struct connection *c, const struct state *state)
{
    atomic_store_explicit(&c->state, state, memory_order_relaxed);
    return STEP_AGAIN;
}

static bool in_state(const struct connection *c, const struct state *state)
{
    return atomic_load_explicit(&c->state, memory_order_relaxed) == state;
}

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

/* Rare: interest changes only when a write blocks or the engine does. */
static void watch(struct connection *c, short what)
{
    if (c->interest == what)
        return;
    if (c->interest != 0)
        event_del(&c->event);
    c->interest = what;
    if (what == 0)
        return;
    event_assign(&c->event, c->worker->base, c->fd, what | EV_PERSIST, on_event, c);
    if (event_add(&c->event, NULL) != 0) {
        log_warning("a connection cannot be watched: %s", strerror(errno));
        c->interest = 0;
    }
}

/* Idle connections hold no buffers, and slow ones no more than they need. */
static void settle(struct connection *c)
{
    struct io *io = c->io;
    size_t n = buffer_length(&io->in);
    if (n == 0 && output_empty(&io->out)) {
        c->io = NULL;
        worker_return_io(c->worker, io);
        return;
    }
    if (!in_state(c, &state_read) || n > PARTIAL_KEEP / 2 || io->in.size <= PARTIAL_KEEP)
        return;
    struct buffer small;
    buffer_init(&small);
    if (buffer_append(&small, buffer_head(&io->in), n)) {
        buffer_fini(&io->in);
        io->in = small;
    }
}

static enum step wait_for(struct connection *c, short what)
{
    watch(c, what);
    settle(c);
    return STEP_WAIT;
}

/* Most clients wait for the answer before they ask again: no read in vain. */
static enum step next_read(struct connection *c)
{
    go(c, &state_read);
    if (c->read_full || c->worker->stopping)
        return STEP_AGAIN;
    return wait_for(c, EV_READ);
}

/* Send what is queued, then go on in another state. */
static enum step flush(struct connection *c, const struct state *after)
{
    if (output_empty(&c->io->out))
        return go(c, after);
    c->after = after;
    return go(c, &state_write);
}

/* The engine will say when to go on. What is answered already is sent meanwhile. */
static void park(struct connection *c, const struct state *after)
{
    size_t sent;
    output_send(&c->io->out, c->fd, command_release_sent, c, &sent);
    count_bytes(&c->worker->counters.bytes_written, sent);
    connection_hold(c);
    c->after = after;
    go(c, &state_parked);
}

static enum step run_parked(struct connection *c)
{
    return wait_for(c, 0);
}

/* ---- reading ---- */

static enum step after_read_error(struct connection *c, ssize_t n)
{
    if (n < 0 && errno == EINTR)
        return STEP_AGAIN;
    if (n == 0 || errno != EAGAIN)
        return go(c, &state_closing);
    c->read_full = false;
    if (!output_empty(&c->io->out))
        return flush(c, atomic_load_explicit(&c->state, memory_order_relaxed));
    if (c->worker->stopping && in_state(c, &state_read) && buffer_length(&c->io->in) == 0)
        return go(c, &state_closing);
    return wait_for(c, EV_READ);
}

/* Room for the next read at the end of the input, NULL if memory is out. */
static char *read_room(struct connection *c, size_t *room)
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
        return go(c, &state_closing);
    char *at = read_room(c, &room);
    if (at == NULL)
        return go(c, &state_closing);
    ssize_t n = recv(c->fd, at, room, 0);
    if (n <= 0)
        return after_read_error(c, n);
    buffer_commit(&c->io->in, (size_t)n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    c->read_full = (size_t)n == room;
    return go(c, &state_parse);
}

/* ---- values ---- */

static bool next_piece(struct connection *c)
{
    union item_view view;
    c->piece_index++;
    if (!command_view_item(c, c->item, &view) || c->piece_index >= view.info.nvalue)
        return false;
    c->piece = view.info.value[c->piece_index];
    return c->piece.iov_len > 0;
}

/* n bytes have been put at the current piece. False if the engine gave too little. */
static bool advance_value(struct connection *c, size_t n)
{
    c->piece.iov_base = (char *)c->piece.iov_base + n;
    c->piece.iov_len -= n;
    c->value_left -= n;
    return c->value_left == 0 || c->piece.iov_len > 0 || next_piece(c);
}

/* How much of the value the current piece takes. */
static size_t piece_room(const struct connection *c)
{
    return c->piece.iov_len < c->value_left ? c->piece.iov_len : (size_t)c->value_left;
}

static bool fill_value(struct connection *c)
{
    struct buffer *in = &c->io->in;
    while (c->value_left > 0 && buffer_length(in) > 0) {
        size_t n = piece_room(c);
        if (n > buffer_length(in))
            n = buffer_length(in);
        memcpy(c->piece.iov_base, buffer_head(in), n);
        buffer_consume(in, n);
        if (!advance_value(c, n))
            return false;
    }
    return true;
}

/* True if the next request can be parsed at once. */
static bool after_store(struct connection *c, enum verdict verdict)
{
    if (verdict == VERDICT_DONE)
        return true;
    if (verdict == VERDICT_PARK)
        park(c, &state_store);
    else
        go(c, &state_closing);
    return false;
}

static bool value_complete(const struct connection *c)
{
    return c->value_left == 0 && buffer_length(&c->io->in) >= c->codec->value_tail;
}

static bool finish_value(struct connection *c)
{
    struct buffer *in = &c->io->in;
    unsigned tail = c->codec->value_tail;
    bool good = tail == 0 || memcmp(buffer_head(in), "\r\n", tail) == 0;
    buffer_consume(in, tail);
    return after_store(c, good ? command_store(c) : command_bad_chunk(c));
}

static bool take_value(struct connection *c)
{
    if (!fill_value(c)) {
        go(c, &state_closing);
        return false;
    }
    if (value_complete(c))
        return finish_value(c);
    go(c, &state_value);
    return false;
}

/* Straight into the item; what follows the value goes to the input as usual. */
static ssize_t read_value(struct connection *c, size_t *direct)
{
    size_t room = 0;
    char *at = read_room(c, &room);
    *direct = piece_room(c);
    struct iovec to[2] = { { c->piece.iov_base, *direct },
                           { at, at != NULL ? room : 0 } };
    ssize_t n = readv(c->fd, to, 2);
    c->read_full = n > 0 && (size_t)n == *direct + room;
    return n;
}

static enum step run_value(struct connection *c)
{
    size_t direct;
    if (value_complete(c))
        return finish_value(c) ? go(c, &state_parse) : STEP_AGAIN;
    if (c->worker->cutoff)
        return go(c, &state_closing);
    if (c->budget == 0 && output_empty(&c->io->out))
        return wait_for(c, EV_READ);
    ssize_t n = read_value(c, &direct);
    if (n <= 0)
        return after_read_error(c, n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    c->budget -= c->budget > 0;
    size_t taken = (size_t)n < direct ? (size_t)n : direct;
    buffer_commit(&c->io->in, (size_t)n - taken);
    bool good = (taken == 0 || advance_value(c, taken)) && fill_value(c);
    return good ? STEP_AGAIN : go(c, &state_closing);
}

static enum step run_store(struct connection *c)
{
    return after_store(c, command_store(c)) ? go(c, &state_parse) : STEP_AGAIN;
}

/* True if it was all there. */
static bool swallow(struct connection *c, uint64_t n)
{
    struct buffer *in = &c->io->in;
    size_t here = buffer_length(in) < n ? buffer_length(in) : (size_t)n;
    buffer_consume(in, here);
    c->value_left = n - here;
    if (c->value_left > 0)
        go(c, &state_swallow);
    return c->value_left == 0;
}

static enum step run_swallow(struct connection *c)
{
    size_t room;
    if (c->worker->cutoff)
        return go(c, &state_closing);
    char *at = read_room(c, &room);
    if (at == NULL)
        return go(c, &state_closing);
    ssize_t n = recv(c->fd, at, room, 0);
    if (n <= 0)
        return after_read_error(c, n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    buffer_commit(&c->io->in, (size_t)n);
    return swallow(c, c->value_left) ? go(c, &state_parse) : STEP_AGAIN;
}

/* ---- requests ---- */

/* True if the next request can be parsed at once; otherwise the state has changed. */
static bool handle(struct connection *c, enum verdict verdict)
{
    if (verdict == VERDICT_PARK) {
        park(c, &state_execute);
        return false;
    }
    if (verdict == VERDICT_DROP) {
        go(c, &state_closing);
        return false;
    }
    buffer_consume(&c->io->in, c->parser.used);
    if (verdict == VERDICT_VALUE)
        return take_value(c);
    if (verdict == VERDICT_SWALLOW)
        return swallow(c, (uint64_t)c->req.nvalue + c->codec->value_tail);
    if (verdict == VERDICT_QUIT)
        flush(c, &state_closing);
    return verdict == VERDICT_DONE;
}

static enum step run_execute(struct connection *c)
{
    return handle(c, command_execute(c)) ? go(c, &state_parse) : STEP_AGAIN;
}

/* What the codec refused: answered, dropped, and the stream goes on. */
static bool refuse(struct connection *c)
{
    enum verdict verdict = command_refuse(c);
    if (verdict == VERDICT_DROP)
        return handle(c, verdict);
    buffer_consume(&c->io->in, c->parser.used);
    return swallow(c, c->parser.swallow);
}

static enum step give_way(struct connection *c)
{
    if (!output_empty(&c->io->out))
        return flush(c, &state_parse);
    count(&c->worker->counters.conn_yields);
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
        if (output_full(&c->io->out))
            return flush(c, &state_parse);
        switch (c->codec->parse(&c->parser, in, &c->req)) {
        case PARSE_OK:
            c->budget--;
            c->phase = 0;
            more = handle(c, command_execute(c));
            break;
        case PARSE_MORE:
            buffer_consume(in, c->parser.used);
            return output_empty(&c->io->out) ? next_read(c) : flush(c, &state_read);
        case PARSE_ERROR:
            c->budget--;
            more = refuse(c);
            break;
        case PARSE_CLOSE:
            if (c->parser.why != OUTCOME_OK)
                command_refuse(c);
            return flush(c, &state_closing);
        }
    }
    return STEP_AGAIN;
}

/* ---- writing and the end ---- */

static enum step run_write(struct connection *c)
{
    size_t sent;
    enum output_result result =
        output_send(&c->io->out, c->fd, command_release_sent, c, &sent);
    count_bytes(&c->worker->counters.bytes_written, sent);
    if (result == OUTPUT_BLOCKED)
        return wait_for(c, EV_WRITE);
    if (result == OUTPUT_BROKEN)
        return go(c, &state_closing);
    return c->after == &state_read ? next_read(c) : go(c, c->after);
}

static enum step run_closing(struct connection *c)
{
    connection_close(c);
    return STEP_WAIT;
}

static const struct state state_read = { "read", run_read };
static const struct state state_parse = { "parse", run_parse };
static const struct state state_execute = { "execute", run_execute };
static const struct state state_value = { "value", run_value };
static const struct state state_store = { "store", run_store };
static const struct state state_swallow = { "swallow", run_swallow };
static const struct state state_write = { "write", run_write };
static const struct state state_parked = { "parked", run_parked };
static const struct state state_closing = { "closing", run_closing };

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
    if (server_api_has_listener(ON_SWITCH_CONN))
        server_api_tell(ON_SWITCH_CONN, NULL, c);
    while (atomic_load_explicit(&c->state, memory_order_relaxed)->run(c) == STEP_AGAIN)
        ;
}

void connection_resume(struct connection *c, ENGINE_ERROR_CODE status)
{
    if (!in_state(c, &state_parked))
        return;
    c->status = status;
    go(c, c->after);
    connection_unhold(c);
    connection_drive(c);
}

bool connection_waits_for_client(const struct connection *c)
{
    return in_state(c, &state_read) || in_state(c, &state_value) ||
           in_state(c, &state_swallow);
}

bool connection_idle(const struct connection *c)
{
    return in_state(c, &state_read) && c->io == NULL;
}

struct connection *connection_open(struct worker *w, int fd)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        log_warning("out of memory: a new connection is closed");
        close(fd);
        return NULL;
    }
    c->magic = CONNECTION_MAGIC;
    c->fd = fd;
    c->worker = w;
    atomic_init(&c->refs, 1);
    atomic_init(&c->state, &state_read);
    atomic_init(&c->last_active, clock_now());
    worker_enlist(w, c);
    server_api_tell(ON_CONNECT, NULL, c);
    watch(c, EV_READ);
    return c;
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
    server_api_tell(ON_DISCONNECT, NULL, c);
    go(c, &state_closing);
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
    free(c);
}

void connection_notify(struct connection *c, ENGINE_ERROR_CODE status)
{
    worker_notify(c->worker, c, status);
}
