#include "server/certificates.h"

#include "base/check.h"
#include "server/clock.h"
#include "server/settings.h"

void certificates_init(struct certificates *k)
{
    k->context = NULL;
    k->loaded = 0;
    AZ(pthread_mutex_init(&k->lock, NULL));
}

void certificates_fini(struct certificates *k)
{
    SSL_CTX_free(k->context);
    AZ(pthread_mutex_destroy(&k->lock));
}

static int verify_bits(uint64_t mode)
{
    static const int bits[] = { SSL_VERIFY_NONE, SSL_VERIFY_PEER,
                                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT |
                                    SSL_VERIFY_CLIENT_ONCE };
    CHECK(mode < N_ELEMENTS(bits));
    return bits[mode];
}

static SSL_CTX *create(const struct settings *s, char *why, size_t nwhy)
{
    const struct tls_options options = {
        .chain = s->ssl_chain_cert,
        .key = s->ssl_key,
        .key_is_der = s->ssl_keyformat % 2 == 1, /* PEM, DER, 1, 2 */
        .ca = s->ssl_ca_cert,
        .ciphers = s->ssl_ciphers,
        .verify = verify_bits(s->ssl_verify_mode),
        .min_version = s->ssl_min_version == 2 ? TLS1_2_VERSION : TLS1_3_VERSION,
        .resumes = s->ssl_session_cache,
        .in_kernel = s->ssl_kernel_tls,
    };
    return tls_context_create(&options, why, nwhy);
}

bool certificates_load(struct certificates *k, const struct settings *s,
                       int (*opened)(SSL *ssl, SSL_SESSION *session), char *why,
                       size_t nwhy)
{
    SSL_CTX *fresh = create(s, why, nwhy);
    if (fresh == NULL)
        return false;
    SSL_CTX_sess_set_new_cb(fresh, opened);
    AZ(pthread_mutex_lock(&k->lock));
    SSL_CTX *former = k->context;
    k->context = fresh;
    k->loaded = clock_now();
    AZ(pthread_mutex_unlock(&k->lock));
    SSL_CTX_free(former);
    return true;
}

SSL *certificates_use(struct certificates *k)
{
    AZ(pthread_mutex_lock(&k->lock));
    SSL *ssl = SSL_new(k->context);
    AZ(pthread_mutex_unlock(&k->lock));
    return ssl;
}

rel_time_t certificates_loaded(struct certificates *k)
{
    AZ(pthread_mutex_lock(&k->lock));
    rel_time_t loaded = k->loaded;
    AZ(pthread_mutex_unlock(&k->lock));
    return loaded;
}
