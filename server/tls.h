/*
 * TLS of one connection: it reads and sends in the place of the socket's calls, and fails
 * as they do, so that the states of a connection are the same with and without it. The
 * handshake is a part of the first reads.
 *
 *   c->io.in, the item <-- tls_read <-- OpenSSL: a record or two <-- socket
 *   c->io.out, items   --> tls_send --> OpenSSL: a record        --> socket
 *
 * The worker's thread.
 */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/output.h"
#include "base/tls_context.h"

struct worker;

struct tls {
    struct worker *worker;
    SSL *ssl;
    int64_t memory; /* bytes that OpenSSL holds for it */
    short wants;    /* EV_READ, EV_WRITE: what a call that would block waits for */
    bool broken;    /* the session has failed: not even its end can be sent */
};

/* Both ends of the process: before any other call of OpenSSL; and of a worker. False:
 * why has the reason. */
bool tls_start(char *why, size_t nwhy);
bool tls_make_room(struct worker *w);
/* Counts a session that is not resumed; for certificates_load. */
int tls_count_session(SSL *ssl, SSL_SESSION *session);

/* NULL if memory is exhausted. The socket stays the caller's. */
struct tls *tls_open(struct worker *w, int fd);
/* Tells the client, if it can be told without waiting. */
void tls_close(struct tls *t);

/* As readv. *more: there may be more, although the socket has nothing. */
ssize_t tls_read(struct tls *t, const struct iovec *pieces, size_t n, bool *more);
/* As output_send_part, but whole runs: it may send somewhat more than `most`. */
enum output_result tls_send(struct tls *t, struct output *o, size_t most,
                            output_release release, void *context, size_t *nsent);

/* True if OpenSSL holds no part of a record or of a handshake. */
bool tls_rests(const struct tls *t);

#endif
