/*
 * Requests in datagrams, in memcached's framing: 8 bytes stand before the text or the
 * packet, in network byte order.
 *
 *      0..1      2..3      4..5        6..7
 *      request   sequence  datagrams   0
 *      id        number    in all
 *
 * A request is one datagram; an answer may be several, with the id of its request. What
 * does not fit the socket's buffer is lost, as datagrams are. One worker's thread.
 *
 * Who asked may be somebody else than the sender's address says, so that a long answer is
 * a weapon. It has a limit, which statistics and what such clients ask for stay below; in
 * place of a longer one goes an error that says so.
 */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buffer.h"

enum {
    UDP_HEADER = 8,
    UDP_PAYLOAD = 1400 - UDP_HEADER,
    UDP_ANSWER_MAX = 8 * UDP_PAYLOAD /* bytes of an answer, without headers */
};

struct udp {
    struct sockaddr_storage peer; /* of the last request */
    socklen_t npeer;
    uint8_t id[2];
};

enum udp_result { UDP_REQUEST, UDP_NOTHING, UDP_IGNORED };

/* Read one datagram and append it, without the header. UDP_IGNORED: it was none of
 * ours, or got its answer already. */
enum udp_result udp_receive(struct udp *u, int fd, struct buffer *in, size_t *n);

/* Send an answer to the last request's peer; what could not be sent is lost. */
void udp_send(const struct udp *u, int fd, const char *answer, size_t n);

#endif
