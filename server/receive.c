/*
 * Values on their way in: from the input buffer, or straight from the socket, into the
 * item; and values that are refused, into nothing.
 */
#include "server/connection_states.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>

static bool next_piece(struct connection *c)
{
    union item_view view;
    c->piece_index++;
    if (!command_view_item(c, c->item, &view) || c->piece_index >= view.info.nvalue)
        return false;
    c->piece = command_pieces(&view.info)[c->piece_index];
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
        connection_park(c, &state_store);
    else
        connection_go(c, &state_closing);
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

bool receive_value(struct connection *c)
{
    if (!fill_value(c)) {
        connection_go(c, &state_closing);
        return false;
    }
    if (value_complete(c))
        return finish_value(c);
    connection_go(c, &state_value);
    return false;
}

/* Straight into the item; what follows the value goes to the input as usual. */
static ssize_t read_value(struct connection *c, size_t *direct)
{
    size_t room = 0;
    char *at = connection_room(c, &room);
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
        return finish_value(c) ? connection_go(c, &state_parse) : STEP_AGAIN;
    if (c->worker->cutoff || c->udp != NULL)
        return connection_go(c, &state_closing);
    if (c->budget == 0 && output_empty(&c->io->out))
        return connection_wait(c, EV_READ);
    ssize_t n = read_value(c, &direct);
    if (n <= 0)
        return connection_read_error(c, n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    c->budget -= c->budget > 0;
    size_t taken = (size_t)n < direct ? (size_t)n : direct;
    buffer_commit(&c->io->in, (size_t)n - taken);
    bool good = (taken == 0 || advance_value(c, taken)) && fill_value(c);
    return good ? STEP_AGAIN : connection_go(c, &state_closing);
}

static enum step run_store(struct connection *c)
{
    return after_store(c, command_store(c)) ? connection_go(c, &state_parse) : STEP_AGAIN;
}

bool receive_nothing(struct connection *c, uint64_t n)
{
    struct buffer *in = &c->io->in;
    size_t here = buffer_length(in) < n ? buffer_length(in) : (size_t)n;
    buffer_consume(in, here);
    c->value_left = n - here;
    if (c->value_left > 0)
        connection_go(c, &state_swallow);
    return c->value_left == 0;
}

static enum step run_swallow(struct connection *c)
{
    size_t room;
    if (c->udp != NULL)
        return connection_flush(c, &state_closing);
    if (c->worker->cutoff)
        return connection_go(c, &state_closing);
    char *at = connection_room(c, &room);
    if (at == NULL)
        return connection_go(c, &state_closing);
    ssize_t n = recv(c->fd, at, room, 0);
    if (n <= 0)
        return connection_read_error(c, n);
    count_bytes(&c->worker->counters.bytes_read, (size_t)n);
    buffer_commit(&c->io->in, (size_t)n);
    return receive_nothing(c, c->value_left) ? connection_go(c, &state_parse)
                                             : STEP_AGAIN;
}

const struct state state_value = { "nread", run_value };
const struct state state_store = { "store", run_store };
const struct state state_swallow = { "swallow", run_swallow };
