#include "base/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

const char *tls_reason(void)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    if (ERR_SYSTEM_ERROR(error))
        reason = strerror(ERR_GET_REASON(error));
    ERR_clear_error();
    return reason != NULL ? reason : "no reason given";
}

static bool fail(const char *what, const char *file, char *why, size_t nwhy)
{
    snprintf(why, nwhy, "TLS: %s%s%s: %s", what, file != NULL ? " " : "",
             file != NULL ? file : "", tls_reason());
    return false;
}

/* Nobody is there to type a password. */
static int no_password(char *room, int size, int writing, void *context)
{
    (void)room, (void)size, (void)writing, (void)context;
    return -1;
}

static bool load_files(SSL_CTX *x, const struct tls_options *o, char *why, size_t nwhy)
{
    const char *key = o->key != NULL ? o->key : o->chain;
    int form = o->key_is_der ? SSL_FILETYPE_ASN1 : SSL_FILETYPE_PEM;
    if (o->chain == NULL)
        return true;
    SSL_CTX_set_default_passwd_cb(x, no_password);
    if (SSL_CTX_use_certificate_chain_file(x, o->chain) != 1)
        return fail("cannot load the certificate chain", o->chain, why, nwhy);
    if (SSL_CTX_use_PrivateKey_file(x, key, form) != 1)
        return fail("cannot load the key", key, why, nwhy);
    if (SSL_CTX_check_private_key(x) != 1)
        return fail("the key does not belong to the certificate", o->chain, why, nwhy);
    return true;
}

/* The names of the authorities are sent to peers, which choose a certificate by them. */
static bool load_authorities(SSL_CTX *x, const struct tls_options *o, char *why,
                             size_t nwhy)
{
    STACK_OF(X509_NAME) * names;
    if (o->ca == NULL)
        return true;
    if (SSL_CTX_load_verify_file(x, o->ca) != 1 ||
        (names = SSL_load_client_CA_file(o->ca)) == NULL)
        return fail("cannot load the certificates of the authorities", o->ca, why, nwhy);
    SSL_CTX_set_client_CA_list(x, names);
    return true;
}

/* Sessions are resumed in this context only: a new one asks for certificates again. */
static bool set_resumption(SSL_CTX *x, bool resumes)
{
    static const unsigned char name[] = TLS_SESSION_CONTEXT;
    if (SSL_CTX_set_session_id_context(x, name, sizeof(name) - 1) != 1)
        return false;
    if (!resumes) {
        SSL_CTX_set_options(x, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
        return SSL_CTX_set_num_tickets(x, 0) == 1;
    }
    SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_SERVER);
    return true;
}

/* A record that was cut by a full socket may be repeated from another address, because
 * output queues move. Idle connections hold no buffers. */
static bool set_manners(SSL_CTX *x, const struct tls_options *o)
{
    SSL_CTX_set_mode(x, SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(x, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (o->in_kernel)
        SSL_CTX_set_options(x, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_read_ahead(x, !o->in_kernel);
    SSL_CTX_set_verify(x, o->verify, NULL);
    return SSL_CTX_set_min_proto_version(x, o->min_version) == 1 &&
           set_resumption(x, o->resumes);
}

SSL_CTX *tls_context_create(const struct tls_options *o, char *why, size_t nwhy)
{
    ERR_clear_error();
    SSL_CTX *x = SSL_CTX_new(o->dials ? TLS_method() : TLS_server_method());
    bool ok = x != NULL && set_manners(x, o);
    if (!ok)
        fail("cannot set up OpenSSL", NULL, why, nwhy);
    if (ok && o->ciphers != NULL && SSL_CTX_set_cipher_list(x, o->ciphers) != 1)
        ok = fail("there are no such ciphers:", o->ciphers, why, nwhy);
    ok = ok && load_files(x, o, why, nwhy) && load_authorities(x, o, why, nwhy);
    ERR_clear_error();
    if (ok)
        return x;
    SSL_CTX_free(x);
    return NULL;
}
