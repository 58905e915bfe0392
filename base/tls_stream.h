/*
 * One TLS connection as a stream of bytes: it reads and sends in the place of the
 * socket's calls, and fails as they do. The handshake is a part of the first calls.
 *
 *   pieces, where the caller wants them <-- tls_stream_read <-- a record or two <--
 * socket struct output, values and all       --> tls_stream_send --> a record        -->
 * socket
 *
 * A call that fails leaves OpenSSL's errors to its caller, who asks tls_reason or clears
 * them before the next call in this thread. Owned by one thread at a time.
 */
#ifndef BASE_TLS_STREAM_H
#define BASE_TLS_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/output.h"

enum { TLS_RECORD = 16 * 1024 }; /* bytes of data in a record, at most */

struct tls_stream {
    SSL *ssl;
    bool wants_write; /* what a call that would block waits for; otherwise to read */
    bool broken;      /* the session has failed: not even its end can be sent */
};

/* Where small pieces are put together into records; its owner shares it among streams. */
struct tls_room {
    char *at;
    size_t size;
};

/* As readv. *more: there may be more, although the socket has nothing. */
ssize_t tls_stream_read(struct tls_stream *t, const struct iovec *pieces, size_t n,
                        bool *more);
/* As output_send_part, but whole runs: it may send somewhat more than `most`. */
enum output_result tls_stream_send(struct tls_stream *t, const struct tls_room *room,
                                   struct output *o, size_t most, output_release release,
                                   void *context, size_t *nsent);

/* -1 and errno of a call of OpenSSL that returned no success; 0: the end of the session.
 */
ssize_t tls_stream_fail(struct tls_stream *t);

/* Ends the session, if the other end can be told without waiting, and frees ssl. */
void tls_stream_close(struct tls_stream *t);

/* True if OpenSSL holds no part of a record or of a handshake. */
bool tls_stream_rests(const struct tls_stream *t);

#endif
