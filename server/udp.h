/*
 * Requests in datagrams, in memcached's framing: an 8-byte header in network byte order
 * precedes the text or the packet.
 *
 *      0..1      2..3      4..5        6..7
 *      request   sequence  datagrams   0
 *      id        number    in all
 *
 * A request is one datagram. An answer may be several, with the id of its request; those
 * that do not fit the socket's buffer are lost, as datagrams are. One worker's thread.
 *
 * The sender's address may be forged, so a long answer could be used to flood a victim.
 * Answers therefore have a limit. Statistics and the usual requests of UDP clients stay
 * below it; a longer answer is replaced with an error that says so.
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
    UDP_ANSWER_MAX = 16 * UDP_PAYLOAD /* bytes of an answer, without headers */
};

struct udp {
    struct sockaddr_storage peer; /* of the last request */
    socklen_t npeer;
    uint8_t id[2];
};

enum udp_result { UDP_REQUEST, UDP_NOTHING, UDP_IGNORED };

/* Reads one datagram and appends it without the header. UDP_IGNORED: it was not a valid
 * request, or it has been answered already. */
enum udp_result udp_receive(struct udp *u, int fd, struct buffer *in, size_t *n);

/* Sends an answer to the last request's peer; what cannot be sent is lost. */
void udp_send(const struct udp *u, int fd, const char *answer, size_t n);

#endif
