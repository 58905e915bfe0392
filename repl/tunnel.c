#include "repl/tunnel.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GLANCE = 1024 }; /* bytes; the first message of TLS has some 300 */

bool tunnel_begin(struct tunnel *c, const struct secure *s, int fd, bool dialled)
{
    if (!secure_is_on(s))
        return true;
    c->tls.ssl = secure_begin(s, &c->peer, fd, dialled);
    c->shaking = true; /* mutant: hello-before-proof */
    return c->tls.ssl != NULL;
}

void tunnel_close(struct tunnel *c)
{
    if (c->tls.ssl != NULL)
        tls_stream_close(&c->tls);
    *c = (struct tunnel){ 0 };
}

/* ---- handshake */

/* A node is told in TLS why it is refused; one without a secret sees that this is TLS. */
static void send_alert(int fd, unsigned char description)
{
    const unsigned char alert[] = { 0x15, 3, 3, 0, 2, 2, description };
    (void)!send(fd, alert, sizeof(alert), MSG_NOSIGNAL);
}

const char *tunnel_glance(const struct secure *s, int fd, bool dialled,
                          struct tunnel_glance *seen)
{
    enum { PROTOCOL_VERSION = 70, HANDSHAKE_FAILURE = 40 };
    char first[GLANCE];
    ssize_t n = secure_is_on(s) ? recv(fd, first, sizeof(first), MSG_PEEK) : 0;
    *seen = (struct tunnel_glance){ .looked = n > 0 };
    if (n <= 0)
        return NULL;
    seen->badged = !dialled && secure_is_badged(s, first, (size_t)n);
    if (!tunnel_is_tls(first[0])) { /* mutant: plain-is-unseen */
        send_alert(fd, PROTOCOL_VERSION);
        return "it does not encrypt the link: it has no secret_file, or is of an older "
               "version";
    }
    if (dialled || !secure_is_strange(s, first, (size_t)n))
        return NULL;
    send_alert(fd, HANDSHAKE_FAILURE);
    return SECURE_NO_SECRET;
}

static enum tunnel_state refuse(struct tunnel *c)
{
    c->tls.broken = true;
    return TUNNEL_REFUSED;
}

static enum tunnel_state finish(struct tunnel *c, char *why, size_t nwhy)
{
    c->shaking = false;
    if (secure_is_proved(&c->peer, c->tls.ssl)) /* mutant: nothing-proved 2 */
        return TUNNEL_OPEN;
    snprintf(why, nwhy, "the peer has proved nothing");
    return refuse(c);
}

enum tunnel_state tunnel_shake(struct tunnel *c, int fd, char *why, size_t nwhy)
{
    if (!c->shaking)
        return TUNNEL_OPEN;
    const char *strange = NULL;
    if (!c->seen.looked)
        strange = tunnel_glance(c->peer.secure, fd, !SSL_is_server(c->tls.ssl), &c->seen);
    if (strange != NULL) {
        snprintf(why, nwhy, "%s", strange);
        return refuse(c);
    }
    errno = 0;
    if (SSL_do_handshake(c->tls.ssl) == 1)
        return finish(c, why, nwhy);
    if (tls_stream_fail(&c->tls) < 0 && !c->tls.broken)
        return TUNNEL_WAITS;
    bool unheard = !c->seen.looked && errno != ENOMEM && ERR_peek_error() == 0;
    secure_explain(&c->peer, c->tls.ssl, errno, why, nwhy);
    refuse(c);
    return unheard ? TUNNEL_UNHEARD : TUNNEL_REFUSED;
}

/* ---- bytes */

static void forget_errors(const struct tunnel *c)
{
    int error = errno;
    if (c->tls.broken)
        ERR_clear_error();
    errno = error;
}

ssize_t tunnel_read(struct tunnel *c, int fd, const struct iovec *pieces, size_t n)
{
    if (c->tls.ssl == NULL)
        return n == 1 ? read(fd, pieces->iov_base, pieces->iov_len)
                      : readv(fd, pieces, (int)n);
    ssize_t result = tls_stream_read(&c->tls, pieces, n, &c->has_more);
    forget_errors(c);
    return result;
}

/* Between two records only. The peer follows by itself. */
static void rekey(struct tunnel *c)
{
    if (c->sent < c->peer.secure->rekey_bytes || c->blocked ||
        SSL_key_update(c->tls.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
        return;
    c->sent = 0;
}

enum output_result tunnel_send(struct tunnel *c, int fd, struct output *o,
                               output_release release, void *context, size_t *nsent)
{
    if (c->tls.ssl == NULL)
        return output_send(o, fd, release, context, nsent);
    rekey(c);
    enum output_result result = tls_stream_send(&c->tls, &c->peer.secure->room, o,
                                                SIZE_MAX, release, context, nsent);
    c->blocked = result == OUTPUT_BLOCKED;
    c->sent += *nsent;
    forget_errors(c);
    return result;
}
