#include "server/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/tls_memory.h"
#include "server/address.h"
#include "server/log.h"
#include "server/server.h"

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
    w->tls_room.size = s->ssl_wbuf_size << 10;
    w->tls_room.at = malloc(w->tls_room.size);
    return w->tls_room.at != NULL;
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
    SSL *ssl = certificates_use(&t->worker->server->certificates);
    t->stream.ssl = ssl;
    if (ssl == NULL || SSL_set_app_data(ssl, t) != 1 || SSL_set_fd(ssl, fd) != 1)
        return false;
    SSL_set_accept_state(ssl);
    return true;
}

struct tls *tls_open(struct worker *w, int fd)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    int64_t before = tls_memory_taken();
    t->worker = w;
    bool ok = set_up(t, fd);
    t->memory = tls_memory_taken() - before;
    if (ok)
        return t;
    t->stream.broken = true;
    tls_close(t);
    return NULL;
}

void tls_close(struct tls *t)
{
    tls_stream_close(&t->stream);
    free(t);
}

/* ---- bytes ---- */

static void tell_of_handshake(const struct tls *t)
{
    static struct log_pace pace;
    char text[ADDRESS_MAX] = "a client that has disconnected";
    (void)address_peer(SSL_get_fd(t->stream.ssl), text, sizeof(text));
    log_info_paced(&pace, "TLS: the handshake with %s failed: %s", text, tls_reason());
}

/* After a call: was_broken is how it was before. Keeps errno. */
static void note_call(struct tls *t, int64_t memory_before, bool was_broken)
{
    int error = errno;
    if (t->stream.broken && !was_broken && !SSL_is_init_finished(t->stream.ssl)) {
        count(&t->worker->counters.ssl_handshake_errors);
        tell_of_handshake(t);
    }
    if (t->stream.broken)
        ERR_clear_error();
    t->memory += tls_memory_taken() - memory_before;
    errno = error;
}

ssize_t tls_read(struct tls *t, const struct iovec *pieces, size_t n, bool *more)
{
    int64_t before = tls_memory_taken();
    bool was_broken = t->stream.broken;
    ssize_t result = tls_stream_read(&t->stream, pieces, n, more);
    note_call(t, before, was_broken);
    return result;
}

enum output_result tls_send(struct tls *t, struct output *o, size_t most,
                            output_release release, void *context, size_t *nsent)
{
    int64_t before = tls_memory_taken();
    bool was_broken = t->stream.broken;
    enum output_result result = tls_stream_send(&t->stream, &t->worker->tls_room, o, most,
                                                release, context, nsent);
    note_call(t, before, was_broken);
    return result;
}
