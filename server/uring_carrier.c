/*
 * The bytes of a connection at a ring. While the kernel receives for it, they are read
 * from the ring's buffers; otherwise from the socket. Small answers are sent by the next
 * submission, with those of all other connections; the rest by system calls.
 */
#include <errno.h>
#include <sys/socket.h>

#include "server/connection.h"
#include "server/uring.h"

enum { QUEUED_MOST = 64 * 1024 }; /* bytes of an answer that is sent by the ring */

static size_t length_of(const struct iovec *to, unsigned n)
{
    size_t length = 0;
    for (unsigned i = 0; i < n; i++)
        length += to[i].iov_len;
    return length;
}

/* The kernel tells an error once: it has told the ring. */
static ssize_t failed(const struct uring_share *s)
{
    errno = s->error;
    return -1;
}

static ssize_t read_socket(struct connection *c, const struct iovec *to, unsigned n)
{
    ssize_t got = readv(c->fd, to, (int)n);
    if (got > 0)
        c->read_full = (size_t)got == length_of(to, n);
    return got;
}

bool uring_end_receiving(struct connection *c)
{
    struct uring_share *s = &c->share;
    if (!s->ends_receiving)
        s->ends_receiving = uring_cancel(c->worker->waiting, c, URING_RECEIVED);
    return s->ends_receiving;
}

/* Whoever leaves reads until there is nothing more, and only the socket tells that. */
static ssize_t carrier_read(struct connection *c, const struct iovec *to, unsigned n)
{
    struct uring_share *s = &c->share;
    size_t got = uring_take(c->worker->waiting, &s->portions, to, n);
    if (got > 0) {
        c->read_full = s->portions.n > 0 || !s->receives;
        return (ssize_t)got;
    }
    if (!s->receives)
        return s->error != 0 ? failed(s) : read_socket(c, to, n);
    if (c->worker->stopping)
        (void)uring_end_receiving(c);
    c->read_full = false;
    errno = EAGAIN;
    return -1;
}

static bool is_behind(const struct connection *c)
{
    return c->share.receives;
}

/* When its answer is sent, it does nothing but wait for what the kernel receives. */
static bool may_wait(const struct connection *c)
{
    return c->after == STATE_READ && !c->read_full && c->share.receives &&
           !c->worker->stopping;
}

/* The kernel sends at once what fits, and reports only if that is not all. */
static bool queue(struct connection *c, struct uring *r)
{
    struct iovec piece[2];
    struct uring_share *s = &c->share;
    if (output_length(&c->io->out) > QUEUED_MOST ||
        output_gather(&c->io->out, piece, 2) != 1)
        return false;
    s->request = uring_request(r);
    if (s->request == NULL)
        return false;
    io_uring_prep_send(s->request, c->fd, piece[0].iov_base, piece[0].iov_len,
                       MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    s->request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    uring_label(s->request, c, URING_SENT);
    connection_reference(c);
    s->round = r->round;
    s->send = URING_SEND_QUEUED;
    s->sent = (int)piece[0].iov_len;
    TAILQ_INSERT_TAIL(&r->senders, c, share.link);
    r->hurry |= !may_wait(c);
    return true;
}

static enum output_result carrier_send(struct connection *c, size_t most, size_t *sent)
{
    struct uring_share *s = &c->share;
    size_t before = 0;
    *sent = 0;
    if (s->send == URING_SEND_QUEUED ||
        (s->send == URING_SEND_NONE && queue(c, c->worker->waiting)))
        return OUTPUT_QUEUED;
    if (s->send == URING_SEND_DONE) {
        s->send = URING_SEND_NONE;
        if (s->sent < 0 && s->sent != -EAGAIN)
            return OUTPUT_BROKEN;
        before = s->sent > 0 ? (size_t)s->sent : 0;
        output_advance(&c->io->out, before, connection_release_sent, c);
    }
    enum output_result result =
        output_send_part(&c->io->out, c->fd, most, connection_release_sent, c, sent);
    *sent += before;
    return result;
}

const struct carrier uring_carrier = {
    .read = carrier_read,
    .send = carrier_send,
    .is_behind = is_behind,
};
