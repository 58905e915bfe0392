/*
 * The bytes of a stream: from and to its socket, by TLS if the connection has it, or by
 * its carrier. The worker's thread; c->io must be set.
 */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server/connection.h"
#include "server/tls.h"

/* As recv. c->read_full: there may be more. */
static inline ssize_t channel_read(struct connection *c, char *at, size_t room)
{
    struct iovec to = { at, room };
    if (c->tls != NULL)
        return tls_read(c->tls, &to, 1, &c->read_full);
    if (c->carrier != NULL)
        return c->carrier->read(c, &to, 1);
    ssize_t n = recv(c->fd, at, room, 0);
    if (n > 0)
        c->read_full = (size_t)n == room;
    return n;
}

/* The same into two pieces, as readv. */
static inline ssize_t channel_read_both(struct connection *c, const struct iovec to[2])
{
    if (c->tls != NULL)
        return tls_read(c->tls, to, 2, &c->read_full);
    if (c->carrier != NULL)
        return c->carrier->read(c, to, 2);
    ssize_t n = readv(c->fd, to, 2);
    c->read_full = n > 0 && (size_t)n == to[0].iov_len + to[1].iov_len;
    return n;
}

/* As output_send_part. */
static inline enum output_result channel_send(struct connection *c, size_t most,
                                              size_t *sent)
{
    if (c->tls != NULL)
        return tls_send(c->tls, &c->io->out, most, connection_release_sent, c, sent);
    return output_send_part(&c->io->out, c->fd, most, connection_release_sent, c, sent);
}

/* The same, but OUTPUT_QUEUED: the carrier will send, drive c, and must be asked again.
 */
static inline enum output_result channel_post(struct connection *c, size_t most,
                                              size_t *sent)
{
    if (c->carrier != NULL)
        return c->carrier->send(c, most, sent);
    return channel_send(c, most, sent);
}

/* Bytes may have arrived although a read says that it would block. */
static inline bool channel_is_behind(const struct connection *c)
{
    return c->carrier != NULL && c->carrier->is_behind(c);
}

/* What a call waits for that would block: `what`, unless TLS has something of its own to
 * read or to send first. */
static inline short channel_wants(const struct connection *c, short what)
{
    if (c->tls == NULL)
        return what;
    return c->tls->stream.wants_write ? EV_WRITE : EV_READ;
}

#endif
