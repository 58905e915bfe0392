#include "server/receive.h"

#include <string.h>

#include "server/channel.h"
#include "server/item_view.h"

enum { DIRECT_MOST = 128 * 1024 }; /* of a value, by one read: others wait meanwhile */

bool receive_start(struct connection *c)
{
    union item_view view;
    struct worker *w = c->worker;
    struct reception *value = &c->value;
    if (!item_view_get(c, value->item, &view) || view.info.nbytes < c->req.nvalue)
        return false;
    w->api->item_set_cas(w->handle, c, value->item, c->req.cas);
    value->piece_index = 0;
    value->piece = view.info.nvalue > 0 ? view.info.value[0] : (struct iovec){ 0 };
    value->left = c->req.nvalue;
    value->tail = c->codec->value_tail;
    return true;
}

static bool next_piece(struct connection *c)
{
    union item_view view;
    struct reception *value = &c->value;
    value->piece_index++;
    if (!item_view_get(c, value->item, &view) || value->piece_index >= view.info.nvalue)
        return false;
    value->piece = item_view_pieces(&view.info)[value->piece_index];
    return value->piece.iov_len > 0;
}

/* n bytes have been written to the current piece. */
static bool advance(struct connection *c, size_t n)
{
    struct reception *value = &c->value;
    value->piece.iov_base = (char *)value->piece.iov_base + n;
    value->piece.iov_len -= n;
    value->left -= n;
    return value->left == 0 || value->piece.iov_len > 0 || next_piece(c);
}

/* How many bytes of the value fit the current piece. */
static size_t piece_room(const struct reception *value)
{
    return value->piece.iov_len < value->left ? value->piece.iov_len
                                              : (size_t)value->left;
}

bool receive_from_input(struct connection *c)
{
    struct buffer *in = &c->io->in;
    while (c->value.left > 0 && buffer_length(in) > 0) {
        size_t n = piece_room(&c->value);
        if (n > buffer_length(in))
            n = buffer_length(in);
        memcpy(c->value.piece.iov_base, buffer_head(in), n);
        buffer_consume(in, n);
        if (!advance(c, n))
            return false;
    }
    return true;
}

bool receive_from_socket(struct connection *c, char *at, size_t room, ssize_t *n)
{
    size_t direct = piece_room(&c->value);
    if (direct > DIRECT_MOST) {
        direct = DIRECT_MOST;
        room = 0;
    }
    struct iovec to[2] = { { c->value.piece.iov_base, direct }, { at, room } };
    *n = channel_read_both(c, to);
    if (*n <= 0)
        return true;
    size_t taken = (size_t)*n < direct ? (size_t)*n : direct;
    buffer_commit(&c->io->in, (size_t)*n - taken);
    return (taken == 0 || advance(c, taken)) && receive_from_input(c);
}

bool receive_is_complete(const struct connection *c)
{
    return c->value.left == 0 && buffer_length(&c->io->in) >= c->value.tail;
}

bool receive_end(struct connection *c)
{
    struct buffer *in = &c->io->in;
    unsigned tail = c->value.tail;
    bool good = tail == 0 || memcmp(buffer_head(in), "\r\n", tail) == 0;
    buffer_consume(in, tail);
    return good;
}

bool receive_discard(struct connection *c, uint64_t n)
{
    struct buffer *in = &c->io->in;
    size_t here = buffer_length(in) < n ? buffer_length(in) : (size_t)n;
    buffer_consume(in, here);
    c->value.left = n - here;
    return c->value.left == 0;
}
