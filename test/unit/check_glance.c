/* The first words of a link: the name of a secret, its key, the badge of the last link.
 */
#include <openssl/hmac.h>

#include "base/tls_context.h"
#include "test/unit/secure_rig.h"

static void part(void)
{
    disconnect_ends();
    close_ends();
}

/* The end without a word is told from a refusal. */
START_TEST(test_unheard)
{
    struct end *e = &ends[DIALS];
    open_ends(SECRET_A, SECRET_A);
    connect_ends();
    shake(e);
    ck_assert_int_eq(e->state, TUNNEL_WAITS);
    shutdown(e->wire, SHUT_WR);
    shake(e);
    ck_assert_int_eq(e->state, TUNNEL_UNHEARD);
    disconnect_ends();
    connect_ends();
    shake(e);
    carry(DIALS, NULL);
    shake(&ends[ACCEPTS]);
    char said[CARRY_MAX];
    ssize_t n = read(ends[ACCEPTS].wire, said, sizeof(said));
    ck_assert_int_gt(n, 10);
    ck_assert_int_eq(write(e->wire, said, 10), 10);
    shake(e);
    shutdown(e->wire, SHUT_WR);
    shake(e);
    ck_assert_int_eq(e->state, TUNNEL_REFUSED);
    part();
}
END_TEST

/* What end 1 sees of the first message of end 0. */
static bool glance_badge(void)
{
    struct tunnel_glance seen;
    connect_ends();
    shake(&ends[DIALS]);
    ck_assert(carry(DIALS, NULL));
    ck_assert_ptr_null(
        tunnel_glance(&ends[ACCEPTS].secure, ends[ACCEPTS].fd, false, &seen));
    ck_assert(seen.looked);
    disconnect_ends();
    return seen.badged;
}

START_TEST(test_badge)
{
    unsigned char before[SECURE_BADGE] = { 0 };
    open_ends(SECRET_A, SECRET_A);
    ck_assert(!glance_badge());
    for (int round = 0; round < 3; round++) {
        connect_ends();
        shake_hands(NULL);
        ck_assert(are_open());
        secure_remember(&ends[DIALS].secure, ends[DIALS].tunnel.tls.ssl);
        secure_remember(&ends[ACCEPTS].secure, ends[ACCEPTS].tunnel.tls.ssl);
        ck_assert_mem_ne(before, ends[DIALS].secure.badge, SECURE_BADGE);
        memcpy(before, ends[DIALS].secure.badge, SECURE_BADGE);
        disconnect_ends();
        ck_assert(glance_badge()); /* as often as it likes, until the next link */
        ck_assert(glance_badge());
    }
    ends[ACCEPTS].secure.badge[SECURE_BADGE - 1] ^= 1;
    ck_assert(!glance_badge());
    close_ends();
}
END_TEST

/* ---- the name and its key */

static const unsigned char *name_in(const struct end *e)
{
    return memmem(e->said, e->nsaid, e->secure.tags[0], SECURE_TAG);
}

/* Or what was recorded could be said again. */
START_TEST(test_name_is_drawn)
{
    unsigned char before[SECURE_NAME] = { 0 };
    open_ends(SECRET_A, SECRET_A);
    for (int round = 0; round < 3; round++) {
        connect_ends();
        shake_hands(NULL);
        const unsigned char *name = name_in(&ends[DIALS]);
        ck_assert_ptr_nonnull(name);
        ck_assert_mem_ne(name + SECURE_TAG, before + SECURE_TAG,
                         SECURE_NAME - SECURE_TAG);
        memcpy(before, name, SECURE_NAME);
        disconnect_ends();
    }
    close_ends();
}
END_TEST

static unsigned char a_name[SECURE_NAME], a_key[SECRET_SIZE];

static int offer_key(SSL *ssl, const EVP_MD *hash, const unsigned char **name,
                     size_t *nname, SSL_SESSION **session)
{
    static const unsigned char suite[] = { 0x13, 0x01 };
    static const char context[] = TLS_SESSION_CONTEXT;
    (void)hash;
    *name = a_name;
    *nname = sizeof(a_name);
    *session = SSL_SESSION_new();
    return SSL_SESSION_set1_id_context(*session, (const unsigned char *)context,
                                       strlen(context)) == 1 &&
           SSL_SESSION_set1_master_key(*session, a_key, sizeof(a_key)) == 1 &&
           SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite)) == 1 &&
           SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION) == 1;
}

/* As repl/secure.h describes it, by other code: HMAC-SHA-256(secret, "key" name). */
static bool opens_with_key_of(const unsigned char name[SECURE_NAME])
{
    unsigned char text[3 + SECURE_NAME] = "key";
    unsigned n = sizeof(a_key);
    open_ends(SECRET_A, SECRET_A);
    memcpy(text + 3, name, SECURE_NAME);
    memcpy(a_name, ends[DIALS].secure.tags[0], SECURE_TAG);
    memcpy(text + 3, ends[DIALS].secure.tags[0], SECURE_TAG);
    HMAC(EVP_sha256(), ends[DIALS].secure.secrets->of[0], SECRET_SIZE, text, sizeof(text),
         a_key, &n);
    SSL_CTX_set_psk_use_session_callback(ends[DIALS].secure.context, offer_key);
    connect_ends();
    shake_hands(NULL);
    bool opened = are_open();
    part();
    return opened;
}

START_TEST(test_key_of_a_name)
{
    unsigned char other[SECURE_NAME];
    memset(a_name, 'n', sizeof(a_name));
    memset(other, 'o', sizeof(other));
    ck_assert(opens_with_key_of(a_name));
    ck_assert(!opens_with_key_of(other));
}
END_TEST

/* A connection that names the other secret of a file is no stranger. */
START_TEST(test_second_name)
{
    struct tunnel_glance seen;
    open_ends(SECRET_B, SECRET_A SECRET_B);
    connect_ends();
    shake(&ends[DIALS]);
    ck_assert(carry(DIALS, NULL));
    ck_assert_ptr_null(
        tunnel_glance(&ends[ACCEPTS].secure, ends[ACCEPTS].fd, false, &seen));
    part();
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_unheard, test_badge, test_name_is_drawn,
                             test_key_of_a_name, test_second_name };
    return unit_run("glance", tests, N_ELEMENTS(tests));
}
