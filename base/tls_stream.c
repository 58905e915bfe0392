#include "base/tls_stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

enum {
    READ_MOST = 16 * TLS_RECORD, /* by one read, so that other connections have a turn */
    RUN_MOST = 16 * TLS_RECORD
};

void tls_stream_close(struct tls_stream *t)
{
    if (t->ssl != NULL && !t->broken && SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    ERR_clear_error();
    *t = (struct tls_stream){ 0 };
}

bool tls_stream_rests(const struct tls_stream *t)
{
    return SSL_is_init_finished(t->ssl) && !SSL_has_pending(t->ssl);
}

/* ---- failing as a socket does */

static ssize_t would_block(struct tls_stream *t, bool wants_write)
{
    t->wants_write = wants_write;
    errno = EAGAIN;
    return -1;
}

static ssize_t break_off(struct tls_stream *t, int error)
{
    t->broken = true;
    errno = error != 0 ? error : EPROTO;
    return -1;
}

ssize_t tls_stream_fail(struct tls_stream *t)
{
    int error = errno;
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return would_block(t, false);
    case SSL_ERROR_WANT_WRITE:
        return would_block(t, true);
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return break_off(t, error);
    default:
        return break_off(t, EPROTO);
    }
}

/* ---- reading */

/* What is left of one record. */
static ssize_t read_record(struct tls_stream *t, char *to, size_t room)
{
    size_t n;
    if (t->broken)
        return break_off(t, EPROTO);
    errno = 0;
    return SSL_read_ex(t->ssl, to, room, &n) == 1 ? (ssize_t)n : tls_stream_fail(t);
}

/* Most clients wait for the answer before they send again: avoid a read in vain. */
static bool is_drained(const struct tls_stream *t, ssize_t last)
{
    return last > 0 && last < TLS_RECORD && !SSL_has_pending(t->ssl);
}

/* Fills a piece. *n grows by what was read. Returns false if there is no more: result is
 * that of the last read. */
static bool read_piece(struct tls_stream *t, const struct iovec *piece, size_t *n,
                       ssize_t *result)
{
    char *to = piece->iov_base, *end = to + piece->iov_len;
    for (; to < end && *n < READ_MOST; to += *result, *n += (size_t)*result) {
        *result = is_drained(t, *result) ? would_block(t, false)
                                         : read_record(t, to, (size_t)(end - to));
        if (*result <= 0)
            return false;
    }
    return true;
}

/* A short read must mean that the socket has nothing, as it does without TLS: what
 * OpenSSL has read ahead would wake nobody. */
ssize_t tls_stream_read(struct tls_stream *t, const struct iovec *pieces, size_t npieces,
                        bool *more)
{
    size_t n = 0;
    ssize_t result = 0;
    *more = true;
    for (size_t i = 0; i < npieces; i++) {
        if (read_piece(t, &pieces[i], &n, &result))
            continue;
        *more = !(result < 0 && errno == EAGAIN && !t->wants_write);
        return n > 0 ? (ssize_t)n : result;
    }
    return (ssize_t)n;
}

/* ---- sending */

/* The next bytes to send, one behind the other. They are copied only if they are pieces
 * of less than a record. A record that was cut is tried again with the same bytes: the
 * head of an output does not change, and more of it may be there then. */
static struct iovec next_run(const struct tls_room *room, const struct output *o)
{
    struct iovec pieces[OUTPUT_PIECES];
    size_t npieces = output_gather(o, pieces, OUTPUT_PIECES), n = 0;
    if (npieces == 1 || pieces[0].iov_len >= TLS_RECORD) {
        if (pieces[0].iov_len > RUN_MOST)
            pieces[0].iov_len = RUN_MOST;
        return pieces[0];
    }
    for (size_t i = 0; i < npieces && n < room->size; i++) {
        size_t left = room->size - n;
        size_t size = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        memcpy(room->at + n, pieces[i].iov_base, size);
        n += size;
    }
    return (struct iovec){ room->at, n };
}

/* Returns how many bytes were sent; all, unless it would block or has failed. */
static size_t send_run(struct tls_stream *t, const struct iovec *run)
{
    size_t sent = 0, n;
    while (!t->broken && sent < run->iov_len) {
        errno = 0;
        if (SSL_write_ex(t->ssl, (const char *)run->iov_base + sent, run->iov_len - sent,
                         &n) != 1) {
            if (tls_stream_fail(t) == 0)
                break_off(t, EPROTO);
            break;
        }
        sent += n;
    }
    return sent;
}

enum output_result tls_stream_send(struct tls_stream *t, const struct tls_room *room,
                                   struct output *o, size_t most, output_release release,
                                   void *context, size_t *nsent)
{
    for (*nsent = 0; !output_empty(o);) {
        if (*nsent >= most)
            return OUTPUT_PART;
        struct iovec run = next_run(room, o);
        size_t sent = send_run(t, &run);
        *nsent += sent;
        output_advance(o, sent, release, context);
        if (sent < run.iov_len)
            return t->broken ? OUTPUT_BROKEN : OUTPUT_BLOCKED;
    }
    return OUTPUT_SENT;
}
