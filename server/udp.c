#include "server/udp.h"

#include <errno.h>
#include <string.h>

enum { DATAGRAM_MAX = 65536 };

static void put16(uint8_t *to, unsigned n)
{
    to[0] = (uint8_t)(n >> 8);
    to[1] = (uint8_t)n;
}

static bool send_one(const struct udp *u, int fd, unsigned sequence, unsigned total,
                     const char *answer, size_t n)
{
    uint8_t header[UDP_HEADER] = { u->id[0], u->id[1] };
    struct iovec pieces[2] = { { header, sizeof(header) }, { (char *)answer, n } };
    struct msghdr message = { .msg_name = (void *)&u->peer,
                              .msg_namelen = u->npeer,
                              .msg_iov = pieces,
                              .msg_iovlen = 2 };
    put16(header + 2, sequence);
    put16(header + 4, total);
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

void udp_send(const struct udp *u, int fd, const char *answer, size_t n)
{
    unsigned total = (unsigned)((n + UDP_PAYLOAD - 1) / UDP_PAYLOAD);
    for (unsigned i = 0; i < total; i++) {
        size_t size = n < UDP_PAYLOAD ? n : UDP_PAYLOAD;
        if (!send_one(u, fd, i, total, answer, size))
            return;
        answer += size;
        n -= size;
    }
}

static void refuse(const struct udp *u, int fd)
{
    static const char words[] = "SERVER_ERROR multi-packet request not supported\r\n";
    udp_send(u, fd, words, sizeof(words) - 1);
}

enum udp_result udp_receive(struct udp *u, int fd, struct buffer *in, size_t *n)
{
    uint8_t header[UDP_HEADER];
    char *room = buffer_reserve(in, DATAGRAM_MAX);
    struct iovec to[2] = { { header, sizeof(header) }, { room, DATAGRAM_MAX } };
    struct msghdr message = { .msg_name = &u->peer,
                              .msg_namelen = sizeof(u->peer),
                              .msg_iov = to,
                              .msg_iovlen = 2 };
    *n = 0;
    if (room == NULL)
        return UDP_NOTHING;
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0)
        return errno == EINTR ? UDP_IGNORED : UDP_NOTHING;
    *n = (size_t)got;
    if (got <= UDP_HEADER)
        return UDP_IGNORED;
    u->npeer = message.msg_namelen;
    memcpy(u->id, header, sizeof(u->id));
    if (header[4] != 0 || header[5] != 1) {
        refuse(u, fd);
        return UDP_IGNORED;
    }
    buffer_commit(in, (size_t)got - UDP_HEADER);
    return UDP_REQUEST;
}
