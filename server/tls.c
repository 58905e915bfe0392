#include "server/tls.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tls_memory.h"
#include "server/address.h"
#include "server/log.h"
#include "server/server.h"

enum {
    READ_MOST = 16 * TLS_RECORD, /* by one read, so that other connections have a turn */
    RUN_MOST = 16 * TLS_RECORD
};

bool tls_start(char *why, size_t nwhy)
{
    if (tls_memory_count())
        return true;
    snprintf(why, nwhy, "TLS: OpenSSL was in use before its memory could be counted");
    return false;
}

bool tls_make_room(struct worker *w)
{
    const struct settings *s = &w->server->settings;
    if (!s->enable_ssl)
        return true;
    w->tls_room_size = s->ssl_wbuf_size << 10;
    w->tls_room = malloc(w->tls_room_size);
    return w->tls_room != NULL;
}

int tls_count_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls *t = SSL_get_app_data(ssl);
    (void)session;
    count(&t->worker->counters.ssl_new_sessions);
    return 0; /* we keep no reference */
}

/* ---- life ---- */

static bool set_up(struct tls *t, int fd)
{
    t->ssl = certificates_use(&t->worker->server->certificates);
    if (t->ssl == NULL || SSL_set_app_data(t->ssl, t) != 1 || SSL_set_fd(t->ssl, fd) != 1)
        return false;
    SSL_set_accept_state(t->ssl);
    return true;
}

struct tls *tls_open(struct worker *w, int fd)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    int64_t before = tls_memory_taken();
    *t = (struct tls){ .worker = w, .wants = EV_READ };
    bool ok = set_up(t, fd);
    t->memory = tls_memory_taken() - before;
    if (ok)
        return t;
    ERR_clear_error();
    t->broken = true;
    tls_close(t);
    return NULL;
}

void tls_close(struct tls *t)
{
    if (!t->broken && SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t);
}

bool tls_rests(const struct tls *t)
{
    return SSL_is_init_finished(t->ssl) && !SSL_has_pending(t->ssl);
}

/* ---- failing as a socket does ---- */

static void tell_of_handshake(const struct tls *t)
{
    char text[ADDRESS_MAX] = "a client that has disconnected";
    (void)address_peer(SSL_get_fd(t->ssl), text, sizeof(text));
    log_info("TLS: the handshake with %s failed: %s", text, tls_reason());
}

static ssize_t break_off(struct tls *t)
{
    if (!t->broken && !SSL_is_init_finished(t->ssl)) {
        count(&t->worker->counters.ssl_handshake_errors);
        tell_of_handshake(t);
    }
    t->broken = true;
    ERR_clear_error();
    errno = EPROTO;
    return -1;
}

static ssize_t would_block(struct tls *t, short wants)
{
    t->wants = wants;
    errno = EAGAIN;
    return -1;
}

/* 0: the client has ended the session. -1: errno has the reason. */
static ssize_t fail(struct tls *t)
{
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return would_block(t, EV_READ);
    case SSL_ERROR_WANT_WRITE:
        return would_block(t, EV_WRITE);
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return break_off(t);
    }
}

/* ---- reading ---- */

/* What is left of one record. */
static ssize_t read_record(struct tls *t, char *to, size_t room)
{
    size_t n;
    if (t->broken)
        return break_off(t);
    return SSL_read_ex(t->ssl, to, room, &n) == 1 ? (ssize_t)n : fail(t);
}

/* Most clients wait for the answer before they send again: avoid a read in vain. */
static bool is_drained(const struct tls *t, ssize_t last)
{
    return last > 0 && last < TLS_RECORD && !SSL_has_pending(t->ssl);
}

/* Fills a piece. *n grows by what was read. Returns false if there is no more: result is
 * that of the last read. */
static bool read_piece(struct tls *t, const struct iovec *piece, size_t *n,
                       ssize_t *result)
{
    char *to = piece->iov_base, *end = to + piece->iov_len;
    for (; to < end && *n < READ_MOST; to += *result, *n += (size_t)*result) {
        *result = is_drained(t, *result) ? would_block(t, EV_READ)
                                         : read_record(t, to, (size_t)(end - to));
        if (*result <= 0)
            return false;
    }
    return true;
}

/* A short read must mean that the socket has nothing, as it does without TLS: what
 * OpenSSL has read ahead would wake nobody. */
static ssize_t read_pieces(struct tls *t, const struct iovec *pieces, size_t npieces,
                           bool *more)
{
    size_t n = 0;
    ssize_t result = 0;
    *more = true;
    for (size_t i = 0; i < npieces; i++) {
        if (read_piece(t, &pieces[i], &n, &result))
            continue;
        *more = !(result < 0 && errno == EAGAIN && t->wants == EV_READ);
        return n > 0 ? (ssize_t)n : result;
    }
    return (ssize_t)n;
}

ssize_t tls_read(struct tls *t, const struct iovec *pieces, size_t n, bool *more)
{
    int64_t before = tls_memory_taken();
    ssize_t result = read_pieces(t, pieces, n, more);
    int error = errno;
    t->memory += tls_memory_taken() - before;
    errno = error;
    return result;
}

/* ---- sending ---- */

/* The next bytes to send, one behind the other. They are copied only if they are pieces
 * of less than a record. A record that was cut is tried again with the same bytes: the
 * head of an output does not change, and more of it may be there then. */
static struct iovec next_run(const struct worker *w, const struct output *o)
{
    struct iovec pieces[OUTPUT_PIECES];
    size_t npieces = output_gather(o, pieces, OUTPUT_PIECES), n = 0;
    if (npieces == 1 || pieces[0].iov_len >= TLS_RECORD) {
        if (pieces[0].iov_len > RUN_MOST)
            pieces[0].iov_len = RUN_MOST;
        return pieces[0];
    }
    for (size_t i = 0; i < npieces && n < w->tls_room_size; i++) {
        size_t left = w->tls_room_size - n;
        size_t size = pieces[i].iov_len < left ? pieces[i].iov_len : left;
        memcpy(w->tls_room + n, pieces[i].iov_base, size);
        n += size;
    }
    return (struct iovec){ w->tls_room, n };
}

/* Returns how many bytes were sent; all, unless it would block or has failed. */
static size_t send_run(struct tls *t, const struct iovec *run)
{
    size_t sent = 0, n;
    while (!t->broken && sent < run->iov_len) {
        if (SSL_write_ex(t->ssl, (const char *)run->iov_base + sent, run->iov_len - sent,
                         &n) != 1) {
            if (fail(t) == 0)
                break_off(t);
            break;
        }
        sent += n;
    }
    return sent;
}

static enum output_result send_runs(struct tls *t, struct output *o, size_t most,
                                    output_release release, void *context, size_t *nsent)
{
    for (*nsent = 0; !output_empty(o);) {
        if (*nsent >= most)
            return OUTPUT_PART;
        struct iovec run = next_run(t->worker, o);
        size_t sent = send_run(t, &run);
        *nsent += sent;
        output_advance(o, sent, release, context);
        if (sent < run.iov_len)
            return t->broken ? OUTPUT_BROKEN : OUTPUT_BLOCKED;
    }
    return OUTPUT_SENT;
}

enum output_result tls_send(struct tls *t, struct output *o, size_t most,
                            output_release release, void *context, size_t *nsent)
{
    int64_t before = tls_memory_taken();
    enum output_result result = send_runs(t, o, most, release, context, nsent);
    t->memory += tls_memory_taken() - before;
    return result;
}
