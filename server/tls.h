/*
 * TLS of one connection: a stream (base/tls_stream.h) whose memory and failures are
 * counted. The states of a connection are the same with and without it. The worker's
 * thread.
 */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/output.h"
#include "base/tls_context.h"
#include "base/tls_stream.h"

struct worker;

struct tls {
    struct worker *worker;
    struct tls_stream stream;
    int64_t memory; /* bytes that OpenSSL holds for it */
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

/* As those of a stream. */
ssize_t tls_read(struct tls *t, const struct iovec *pieces, size_t n, bool *more);
enum output_result tls_send(struct tls *t, struct output *o, size_t most,
                            output_release release, void *context, size_t *nsent);

#endif
