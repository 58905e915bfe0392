#include "repl/secure.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/tls_context.h"

enum {
    DEMAND = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    ROOM = 4 * TLS_RECORD,
    HEADER = 5,          /* of a record */
    BADGE_TYPE = 0xff6d, /* of an extension; this range is for private use */
};

/* AES-GCM's key may encrypt 2^24.5 records; this is far below. */
#define REKEY_BYTES (UINT64_C(1) << 36)

/* All with SHA-256, because the hash belongs to the shared key. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"

/* ---- the secret's names and keys */

static bool derive(const unsigned char *secret, const char *purpose,
                   const unsigned char *name, size_t nname,
                   unsigned char key[SECRET_SIZE])
{
    unsigned char text[8 + SECURE_NAME];
    unsigned n = SECRET_SIZE;
    size_t npurpose = strlen(purpose);
    memcpy(text, purpose, npurpose);
    if (nname > 0)
        memcpy(text + npurpose, name, nname); /* mutant: key-of-any-name */
    return HMAC(EVP_sha256(), secret, SECRET_SIZE, text, npurpose + nname, key, &n) !=
           NULL;
}

static bool make_tags(const struct secrets *secrets,
                      unsigned char tags[SECRETS_MAX][SECURE_TAG])
{
    unsigned char hash[SECRET_SIZE];
    bool ok = true;
    for (unsigned i = 0; secrets != NULL && i < secrets->n; i++) {
        ok = derive(secrets->of[i], "tag", NULL, 0, hash) && ok;
        memcpy(tags[i], hash, SECURE_TAG);
    }
    return ok;
}

static const unsigned char *find_secret(const struct secure *s, const unsigned char *name)
{
    for (unsigned i = 0; i < s->secrets->n; i++) { /* mutant: only-the-first-secret */
        if (memcmp(s->tags[i], name, SECURE_TAG) == 0)
            return s->secrets->of[i];
    }
    return NULL;
}

/* A session that was never held, with the key in the place of its master key: that is how
 * OpenSSL takes a shared key. NULL: out of memory. */
static SSL_SESSION *make_session(SSL *ssl, const unsigned char *secret,
                                 const unsigned char name[SECURE_NAME])
{
    static const unsigned char suite[] = { 0x13, 0x01 },
                               name_of_context[] = TLS_SESSION_CONTEXT;
    unsigned char key[SECRET_SIZE];
    SSL_SESSION *session = SSL_SESSION_new();
    bool ok = session != NULL && derive(secret, "key", name, SECURE_NAME, key) &&
              SSL_SESSION_set1_master_key(session, key, sizeof(key)) == 1 &&
              SSL_SESSION_set1_id_context(session, name_of_context,
                                          sizeof(name_of_context) - 1) == 1 &&
              SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, suite)) == 1 &&
              SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1;
    OPENSSL_cleanse(key, sizeof(key));
    if (ok)
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

/* The name stays the same if the peer asks for a second HELLO of TLS. */
static bool draw_name(struct secure_peer *peer)
{
    if (peer->is_named)
        return true;
    memcpy(peer->name, peer->secure->tags[0], SECURE_TAG);
    unsigned char *drawn = peer->name + SECURE_TAG;
    peer->is_named =
        RAND_bytes(drawn, SECURE_NAME - SECURE_TAG) == 1; /* mutant: same-name-for-all */
    return peer->is_named;
}

static int offer_secret(SSL *ssl, const EVP_MD *hash, const unsigned char **name,
                        size_t *nname, SSL_SESSION **session)
{
    struct secure_peer *peer = SSL_get_app_data(ssl);
    (void)hash;
    if (!draw_name(peer))
        return 0;
    *name = peer->name;
    *nname = SECURE_NAME;
    *session = make_session(ssl, peer->secure->secrets->of[0], peer->name);
    return *session != NULL;
}

/* 0 ends the handshake. A name of ours is checked before any costly work. */
static int accept_secret(SSL *ssl, const unsigned char *name, size_t nname,
                         SSL_SESSION **session)
{
    struct secure_peer *peer = SSL_get_app_data(ssl);
    const unsigned char *secret =
        nname == SECURE_NAME ? find_secret(peer->secure, name) : NULL;
    peer->is_known = secret != NULL;
    if (secret == NULL)
        return 0;
    *session = make_session(ssl, secret, name);
    return *session != NULL;
}

/* ---- the badge */

/* OpenSSL calls it for the first message of the side that dials. */
static int show_badge(SSL *ssl, unsigned type, unsigned context,
                      const unsigned char **badge, size_t *nbadge, X509 *certificate,
                      size_t chain, int *alert, void *arg)
{
    const struct secure_peer *peer = SSL_get_app_data(ssl);
    (void)type, (void)context, (void)certificate, (void)chain, (void)alert, (void)arg;
    *badge = peer->secure->badge;
    *nbadge = SECURE_BADGE;
    return peer->secure->has_badge;
}

void secure_remember(struct secure *s, SSL *ssl)
{
    static const char label[] = "EXPORTER-mcd-badge";
    s->has_badge = SSL_export_keying_material(ssl, s->badge, SECURE_BADGE, label,
                                              sizeof(label) - 1, NULL, 0, 0) == 1;
    ERR_clear_error();
}

bool secure_is_badged(const struct secure *s, const char *first, size_t n)
{
    return s->has_badge &&
           memmem(first, n, s->badge, SECURE_BADGE) != NULL; /* mutant: any-badge */
}

/* ---- the files */

static bool is_key_private(const char *path, char *why, size_t nwhy)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        snprintf(why, nwhy, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    bool ok = secret_is_private(fd, path, why, nwhy);
    close(fd);
    return ok;
}

static SSL_CTX *make_context(const struct secure_config *c, char *why, size_t nwhy)
{
    const struct tls_options options = {
        .chain = c->cert,
        .key = c->key,
        .ca = c->ca,
        .verify = DEMAND,              /* mutant: nothing-proved */
        .min_version = TLS1_3_VERSION, /* mutant: older-versions */
        .dials = true,
    };
    if (c->key != NULL && !is_key_private(c->key, why, nwhy))
        return NULL;
    SSL_CTX *x = tls_context_create(&options, why, nwhy);
    if (x == NULL)
        return NULL;
    SSL_CTX_clear_mode(x, SSL_MODE_RELEASE_BUFFERS); /* a link is seldom idle */
    SSL_CTX_set_default_read_buffer_len(x, ROOM);
    bool ok = SSL_CTX_add_custom_ext(x, BADGE_TYPE, SSL_EXT_CLIENT_HELLO, show_badge,
                                     NULL, NULL, NULL, NULL) == 1;
    if (c->secret_file != NULL) {
        SSL_CTX_set_psk_use_session_callback(x, offer_secret);
        SSL_CTX_set_psk_find_session_callback(x, accept_secret);
        ok = ok && SSL_CTX_set_ciphersuites(x, SUITES) == 1;
    }
    if (ok)
        return x;
    snprintf(why, nwhy, "OpenSSL lacks what the link needs: %s", tls_reason());
    SSL_CTX_free(x);
    return NULL;
}

static void stamp(const struct secure_config *c, struct secure_stamp stamps[SECURE_FILES])
{
    const char *const certificates[] = { c->cert, c->key, c->ca };
    const char *const secret[] = { c->secret_file, NULL, NULL };
    const char *const *paths = c->secret_file != NULL ? secret : certificates;
    struct stat st;
    for (unsigned i = 0; i < SECURE_FILES; i++) {
        stamps[i] = (struct secure_stamp){ .size = -1 };
        if (paths[i] != NULL && stat(paths[i], &st) == 0)
            stamps[i] = (struct secure_stamp){ st.st_mtim, st.st_size, st.st_ino };
    }
}

bool secure_has_changed(const struct secure *s)
{
    struct secure_stamp now[SECURE_FILES];
    bool same = true;
    stamp(&s->config, now);
    for (unsigned i = 0; i < SECURE_FILES; i++)
        same = same && now[i].changed.tv_sec == s->stamps[i].changed.tv_sec &&
               now[i].changed.tv_nsec == s->stamps[i].changed.tv_nsec &&
               now[i].size == s->stamps[i].size && now[i].inode == s->stamps[i].inode;
    return !same;
}

static int64_t end_of_certificate(const SSL_CTX *x)
{
    const X509 *certificate = SSL_CTX_get0_certificate(x);
    struct tm end;
    if (certificate == NULL ||
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return timegm(&end);
}

bool secure_renew(struct secure *s, char *why, size_t nwhy)
{
    const char *path = s->config.secret_file;
    unsigned char tags[SECRETS_MAX][SECURE_TAG] = { { 0 } };
    stamp(&s->config, s->stamps); /* first: a change while they are read shows later */
    struct secrets *secrets = path != NULL ? secrets_read(path, why, nwhy) : NULL;
    if (path != NULL && secrets == NULL)
        return false;
    SSL_CTX *context = make_context(&s->config, why, nwhy);
    if (context != NULL && !make_tags(secrets, tags)) {
        snprintf(why, nwhy, "OpenSSL cannot use the secret: %s", tls_reason());
        SSL_CTX_free(context);
        context = NULL;
    }
    if (context == NULL) {
        secrets_free(secrets);
        return false;
    }
    SSL_CTX_free(s->context);
    secrets_free(s->secrets);
    s->expires = end_of_certificate(context);
    s->context = context;
    s->secrets = secrets;
    memcpy(s->tags, tags, sizeof(tags));
    return true;
}

/* ---- life */

bool secure_open(struct secure *s, const struct secure_config *config, char *why,
                 size_t nwhy)
{
    *s = (struct secure){ .config = *config, .rekey_bytes = REKEY_BYTES };
    if (config->secret_file == NULL && config->cert == NULL)
        return true;
    s->room = (struct tls_room){ malloc(ROOM), ROOM };
    if (s->room.at != NULL)
        return secure_renew(s, why, nwhy);
    snprintf(why, nwhy, "out of memory for the encryption of the link");
    return false;
}

void secure_close(struct secure *s)
{
    SSL_CTX_free(s->context);
    secrets_free(s->secrets);
    free(s->room.at);
    *s = (struct secure){ 0 };
}

const char *secure_kind(const struct secure_config *config)
{
    if (config->secret_file != NULL)
        return "by secret";
    return config->cert != NULL ? "by certificates" : "not encrypted";
}

/* ---- one connection */

SSL *secure_begin(const struct secure *s, struct secure_peer *peer, int fd, bool dialled)
{
    SSL *ssl = SSL_new(s->context);
    *peer = (struct secure_peer){ .secure = s };
    if (ssl == NULL || SSL_set_app_data(ssl, peer) != 1 || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    if (dialled)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    return ssl;
}

bool secure_is_proved(const struct secure_peer *peer, SSL *ssl)
{
    if (peer->secure->secrets != NULL)
        return SSL_session_reused(ssl) == 1; /* the shared key was used */
    return SSL_get_verify_result(ssl) == X509_V_OK &&
           SSL_get0_peer_certificate(ssl) != NULL;
}

bool secure_is_strange(const struct secure *s, const char *first, size_t n)
{
    if (s->secrets == NULL || n < HEADER ||
        n < HEADER + ((size_t)(uint8_t)first[3] << 8) + (uint8_t)first[4])
        return false;
    for (unsigned i = 0; i < s->secrets->n; i++) { /* mutant: second-name-is-strange */
        if (memmem(first, n, s->tags[i], SECURE_TAG) != NULL)
            return false;
    }
    return true;
}

static const char *why_no_secret(const struct secure_peer *peer, const SSL *ssl)
{
    if (!SSL_is_server(ssl))
        return "it does not take the secret of this node";
    return peer->is_known ? "it knows the name of the secret, but not the secret"
                          : SECURE_NO_SECRET;
}

static const char *why_no_certificate(const SSL *ssl)
{
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    return "the certificates of the nodes do not satisfy each other";
}

void secure_explain(const struct secure_peer *peer, const SSL *ssl, int error, char *why,
                    size_t nwhy)
{
    if (error == ENOMEM)
        snprintf(why, nwhy, "%s", strerror(error));
    else if (ERR_peek_error() == 0)
        snprintf(why, nwhy, "the connection ended in the handshake of TLS (%s)",
                 error != 0 ? strerror(error) : "the peer closed it");
    else
        snprintf(why, nwhy, "%s (%s)",
                 peer->secure->secrets != NULL ? why_no_secret(peer, ssl)
                                               : why_no_certificate(ssl),
                 tls_reason());
    ERR_clear_error();
}
