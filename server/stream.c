/*
 * The states of a connection over TCP or a UNIX socket: reading, serving, writing, and
 * closing.
 */
#include "server/transport.h"

#include <errno.h>
#include <event2/event.h>

#include "server/channel.h"
#include "server/receive.h"
#include "server/requests.h"
#include "server/watch_conns.h"
#include "server/watcher.h"

enum {
    READ_CHUNK = 16 * 1024,      /* buffer space of one read */
    READ_CHUNK_FULL = 64 * 1024, /* if the last read filled it */
    SEND_TURN = 4 << 20          /* bytes to send before others have their turn */
};

/* ---- moving on ---- */

static enum state flush(struct connection *c, enum state after)
{
    if (output_empty(&c->io->out))
        return after;
    c->after = after;
    return STATE_WRITE;
}

/* Most clients wait for the answer before they send again: avoid a read in vain. */
static enum state next_read(struct connection *c)
{
    if (c->read_full || c->worker->stopping)
        return STATE_READ;
    return connection_wait(c, STATE_READ, EV_READ);
}

/* Goes on in `state` after the others have had their turn. */
static enum state yield(struct connection *c, enum state state)
{
    count(&c->worker->counters.conn_yields);
    io_pool_count(&c->worker->pool, c->io);
    return connection_defer(c, state);
}

static enum state give_way(struct connection *c, enum state state)
{
    return output_empty(&c->io->out) ? yield(c, state) : flush(c, state);
}

/* Answers that are ready need not wait for the engine. */
static enum state park(struct connection *c)
{
    size_t sent = 0;
    channel_send(c, SEND_TURN, &sent);
    count_bytes(&c->worker->counters.bytes_written, sent);
    return connection_park(c, STATE_EXECUTE);
}

/* The rest of a long answer is composed when the reader has taken this part. */
static enum state answer_on(struct connection *c)
{
    if (!output_empty(&c->io->out))
        return flush(c, STATE_TURN);
    return connection_defer(c, STATE_EXECUTE);
}

enum state stream_turn(struct connection *c)
{
    return connection_defer(c, STATE_EXECUTE);
}

static enum state follow(struct connection *c, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_AGAIN:
        return answer_on(c);
    case VERDICT_DONE:
        return STATE_PARSE;
    case VERDICT_PARK:
        return park(c);
    case VERDICT_VALUE:
        return STATE_VALUE;
    case VERDICT_DISCARD:
        return STATE_DISCARD;
    case VERDICT_MORE:
        return output_empty(&c->io->out) ? next_read(c) : flush(c, STATE_READ);
    case VERDICT_FULL:
        return flush(c, STATE_PARSE);
    case VERDICT_YIELD:
        return give_way(c, STATE_PARSE);
    case VERDICT_WATCH:
        return flush(c, STATE_WATCH);
    case VERDICT_QUIT:
        return flush(c, STATE_CLOSING);
    case VERDICT_DROP:
        break;
    }
    return STATE_CLOSING;
}

enum state stream_parse(struct connection *c)
{
    return follow(c, request_serve(c));
}

enum state stream_execute(struct connection *c)
{
    return follow(c, request_resume(c));
}

/* ---- reading ---- */

/* Makes room at the end of the input; NULL if memory is exhausted. What carriers have is
 * not longer than a chunk. */
static char *make_room(struct connection *c, size_t *room)
{
    struct buffer *in = &c->io->in;
    size_t least = c->read_full && c->carrier == NULL ? READ_CHUNK_FULL : READ_CHUNK;
    if (c->parser.want > buffer_length(in) + least)
        least = c->parser.want - buffer_length(in);
    char *at = buffer_reserve(in, least);
    *room = at != NULL ? buffer_room(in) : 0;
    return at;
}

/* A read returned n <= 0. */
static enum state read_failed(struct connection *c, ssize_t n)
{
    enum state state = connection_state(c);
    if (n < 0 && errno == EINTR)
        return state;
    if (n == 0)
        c->ends = ENDS_NORMALLY;
    if (n == 0 || errno != EAGAIN)
        return STATE_CLOSING;
    c->read_full = false;
    if (!output_empty(&c->io->out))
        return flush(c, state);
    if (c->worker->stopping && state == STATE_READ && buffer_length(&c->io->in) == 0 &&
        !channel_is_behind(c))
        return STATE_CLOSING;
    return connection_wait(c, state, channel_wants(c, EV_READ));
}

/* Reads the next bytes of the stream; state `next` handles them. */
static enum state read_some(struct connection *c, enum state next)
{
    size_t room;
    if (c->worker->cutoff)
        return STATE_CLOSING;
    char *at = make_room(c, &room);
    if (at == NULL)
        return STATE_CLOSING;
    ssize_t n = channel_read(c, at, room);
    if (n <= 0)
        return read_failed(c, n);
    buffer_commit(&c->io->in, (size_t)n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    return next;
}

enum state stream_read(struct connection *c)
{
    return read_some(c, STATE_PARSE);
}

/* A long value takes as many turns as short requests of its length would. */
static void charge(struct connection *c, size_t n)
{
    size_t cost = 1 + n / READ_CHUNK;
    c->budget -= cost < c->budget ? (unsigned)cost : c->budget;
}

enum state stream_value(struct connection *c)
{
    ssize_t n;
    size_t room;
    enum verdict verdict = request_value(c);
    if (verdict != VERDICT_VALUE)
        return follow(c, verdict);
    if (c->worker->cutoff)
        return STATE_CLOSING;
    if (c->budget == 0)
        return give_way(c, STATE_VALUE);
    char *at = make_room(c, &room);
    bool fits = receive_from_socket(c, at, room, &n);
    if (n <= 0)
        return read_failed(c, n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    charge(c, (size_t)n);
    return fits ? STATE_VALUE : STATE_CLOSING;
}

enum state stream_discard(struct connection *c)
{
    if (receive_discard(c, c->value.left))
        return STATE_PARSE;
    return read_some(c, STATE_DISCARD);
}

/* ---- watching ---- */

/* What a watcher sends is thrown away: it is read to learn of the client's end. One read
 * a turn, so that a watcher which sends without end keeps nobody waiting. */
static enum state ignore_input(struct connection *c)
{
    enum state state = read_some(c, STATE_WATCH);
    return state == STATE_WATCH ? connection_defer(c, STATE_WATCH) : state;
}

enum state stream_watch(struct connection *c)
{
    struct buffer *in = &c->io->in;
    buffer_consume(in, buffer_length(in));
    if (c->budget == 0)
        return yield(c, STATE_WATCH);
    if (!watcher_take(c->watcher, &c->io->out.bytes, ANSWER_FULL))
        return STATE_CLOSING;
    charge(c, output_length(&c->io->out));
    if (!output_empty(&c->io->out))
        return flush(c, STATE_WATCH);
    return c->worker->stopping ? STATE_CLOSING : ignore_input(c);
}

/* ---- writing and the end ---- */

/* They have their turn before it goes on. */
static enum state send_with_others(struct connection *c)
{
    if (c->budget == 0)
        count(&c->worker->counters.conn_yields);
    return connection_wait_for_send(c);
}

enum state stream_write(struct connection *c)
{
    size_t sent;
    enum output_result result = channel_post(c, SEND_TURN, &sent);
    count_bytes(&c->worker->counters.bytes_written, sent);
    if (result == OUTPUT_QUEUED)
        return send_with_others(c);
    if (result == OUTPUT_PART)
        return yield(c, STATE_WRITE);
    if (result == OUTPUT_BLOCKED)
        return connection_wait(c, STATE_WRITE, channel_wants(c, EV_WRITE));
    if (result == OUTPUT_BROKEN)
        return STATE_CLOSING;
    return c->after == STATE_READ ? next_read(c) : c->after;
}

enum state stream_close(struct connection *c)
{
    connection_close(c);
    return STATE_WAIT;
}
