/* A link by certificates: which are refused, by which side, and what the log says. */
#include <sys/stat.h>
#include <time.h>

#include "test/fake/certificate.h"
#include "test/unit/secure_rig.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

static const char *const no_issuer = NULL;
static char folder[] = "/tmp/check_certificates.XXXXXX";
static char authority[64], stranger[64], paths[ENDS][64];

static void setup(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(authority, sizeof(authority), "%s/authority", folder);
    snprintf(stranger, sizeof(stranger), "%s/stranger", folder);
    for (int i = 0; i < ENDS; i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/end%d", folder, i);
    certificate_make(authority, &(struct certificate_wish){ "authority", -HOUR, DAY, NULL,
                                                            no_issuer });
    certificate_make(
        stranger, &(struct certificate_wish){ "stranger", -HOUR, DAY, NULL, no_issuer });
}

static void teardown(void)
{
    unlink(authority);
    unlink(stranger);
    for (int i = 0; i < ENDS; i++)
        unlink(paths[i]);
    rmdir(folder);
}

static void issue(int end, const char *use, const char *issuer, long from_s, long until_s)
{
    certificate_make(paths[end],
                     &(struct certificate_wish){ "node", from_s, until_s, use, issuer });
}

static void open_by_certificate(int end)
{
    struct end *e = &ends[end];
    const struct secure_config config = { NULL, paths[end], paths[end], authority };
    ck_assert_msg(secure_open(&e->secure, &config, e->why, sizeof(e->why)), "%s", e->why);
}

static void shake_by_certificates(void)
{
    for (int i = 0; i < ENDS; i++)
        open_by_certificate(i);
    connect_ends();
    shake_hands(NULL);
}

static void part(void)
{
    disconnect_ends();
    close_ends();
}

/* In TLS 1.3 the side that dials is done before the other one has seen its certificate:
 * it opens, and hears the refusal when it reads. */
static const char *what_it_reads(struct end *e)
{
    static char why[200];
    char byte;
    const struct iovec to = { &byte, 1 };
    if (e->state != TUNNEL_OPEN)
        return e->why;
    ck_assert_int_le(tunnel_read(&e->tunnel, e->fd, &to, 1), 0);
    snprintf(why, sizeof(why), "%s", strerror(errno));
    return why;
}

START_TEST(test_good)
{
    static const char *const uses[] = { NULL, "serverAuth,clientAuth" };
    for (size_t i = 0; i < N_ELEMENTS(uses); i++) {
        issue(DIALS, uses[i], authority, -HOUR, DAY);
        issue(ACCEPTS, uses[i], authority, -HOUR, DAY);
        shake_by_certificates();
        ck_assert_msg(are_open(), "%s / %s", ends[DIALS].why, ends[ACCEPTS].why);
        part();
    }
}
END_TEST

/* The good end refuses the bad one, whichever dials, and says why; it never opens. */
START_TEST(test_bad)
{
    static const struct {
        const char *use, *issuer;
        long from_s, until_s;
        const char *why;
        int only; /* which end must not have it */
    } bad[] = {
        { NULL, authority, -DAY, -HOUR, "certificate has expired", ENDS },
        { NULL, authority, HOUR, DAY, "certificate is not yet valid", ENDS },
        { NULL, stranger, -HOUR, DAY, "unable to get local issuer certificate", ENDS },
        { NULL, NULL, -HOUR, DAY, "self-signed certificate", ENDS },
        { "serverAuth", authority, -HOUR, DAY, "un", DIALS },
        { "clientAuth", authority, -HOUR, DAY, "un", ACCEPTS },
    };
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        for (int end = 0; end < ENDS; end++) {
            if (bad[i].only != ENDS && bad[i].only != end)
                continue;
            issue(end, bad[i].use, bad[i].issuer, bad[i].from_s, bad[i].until_s);
            issue(1 - end, NULL, authority, -HOUR, DAY);
            shake_by_certificates();
            struct end *good = &ends[1 - end];
            ck_assert_int_eq(good->state, TUNNEL_REFUSED);
            ck_assert_msg(strstr(good->why, bad[i].why) != NULL, "%zu: %s", i, good->why);
            ck_assert_str_ne(what_it_reads(&ends[end]), "");
            part();
        }
    }
}
END_TEST

/* Whoever knows the authority, and has no certificate. */
START_TEST(test_none)
{
    issue(DIALS, NULL, authority, -HOUR, DAY);
    issue(ACCEPTS, NULL, authority, -HOUR, DAY);
    for (int i = 0; i < ENDS; i++)
        open_by_certificate(i);
    SSL_CTX *bare = SSL_CTX_new(TLS_method());
    ck_assert_int_eq(SSL_CTX_load_verify_file(bare, authority), 1);
    SSL_CTX_free(ends[DIALS].secure.context);
    ends[DIALS].secure.context = bare;
    connect_ends();
    shake_hands(NULL);
    ck_assert_int_eq(ends[ACCEPTS].state, TUNNEL_REFUSED);
    part();
}
END_TEST

/* A peer that speaks nothing newer, with a good certificate. */
START_TEST(test_downgrade)
{
    for (int old = 0; old < ENDS; old++) {
        issue(DIALS, NULL, authority, -HOUR, DAY);
        issue(ACCEPTS, NULL, authority, -HOUR, DAY);
        for (int i = 0; i < ENDS; i++)
            open_by_certificate(i);
        SSL_CTX *x = ends[old].secure.context;
        ck_assert_int_eq(SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION), 1);
        ck_assert_int_eq(SSL_CTX_set_max_proto_version(x, TLS1_2_VERSION), 1);
        connect_ends();
        shake_hands(NULL);
        ck_assert_int_eq(ends[DIALS].state, TUNNEL_REFUSED);
        ck_assert_int_eq(ends[ACCEPTS].state, TUNNEL_REFUSED);
        part();
    }
}
END_TEST

/* A server with any certificate is not one that has the secret; nor is a client. */
START_TEST(test_certificate_for_a_secret)
{
    for (int end = 0; end < ENDS; end++) {
        open_end(&ends[end], SECRET_A);
        issue(1 - end, NULL, authority, -HOUR, DAY);
        open_by_certificate(1 - end);
        connect_ends();
        shake_hands(NULL);
        ck_assert_int_eq(ends[end].state, TUNNEL_REFUSED);
        part();
        unlink(ends[end].path);
    }
}
END_TEST

/* ---- files that change */

static void spoil(const char *path)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, "spoilt", 6), 6);
    close(fd);
}

START_TEST(test_renewal_to_a_bad_file)
{
    struct end *e = &ends[ACCEPTS];
    issue(DIALS, NULL, authority, -HOUR, DAY);
    issue(ACCEPTS, NULL, authority, -HOUR, DAY);
    shake_by_certificates();
    ck_assert(are_open());
    int64_t expires = e->secure.expires;
    disconnect_ends();
    spoil(paths[ACCEPTS]);
    ck_assert(secure_has_changed(&e->secure));
    ck_assert(!secure_renew(&e->secure, e->why, sizeof(e->why)));
    ck_assert_msg(strstr(e->why, paths[ACCEPTS]) != NULL, "%s", e->why);
    ck_assert(!secure_has_changed(&e->secure));
    ck_assert_int_eq(e->secure.expires, expires);
    connect_ends();
    shake_hands(NULL);
    ck_assert(are_open()); /* with the one before */
    disconnect_ends();
    issue(ACCEPTS, NULL, authority, -HOUR, 10 * DAY);
    ck_assert(chmod(paths[ACCEPTS], 0640) == 0);
    ck_assert(!secure_renew(&e->secure, e->why, sizeof(e->why)));
    ck_assert_msg(strstr(e->why, "chmod 600") != NULL, "%s", e->why);
    ck_assert(chmod(paths[ACCEPTS], 0600) == 0);
    ck_assert_msg(secure_renew(&e->secure, e->why, sizeof(e->why)), "%s", e->why);
    ck_assert_int_ge(e->secure.expires, expires + 8 * DAY);
    connect_ends();
    shake_hands(NULL);
    ck_assert(are_open());
    part();
}
END_TEST

START_TEST(test_expires)
{
    issue(DIALS, NULL, authority, -HOUR, 5 * DAY);
    open_by_certificate(DIALS);
    ck_assert_int_ge(ends[DIALS].secure.expires, time(NULL) + 5 * DAY - 60);
    ck_assert_int_le(ends[DIALS].secure.expires, time(NULL) + 5 * DAY);
    open_end(&ends[ACCEPTS], SECRET_A);
    ck_assert_int_eq(ends[ACCEPTS].secure.expires, 0);
    close_ends();
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_good,
                             test_bad,
                             test_none,
                             test_downgrade,
                             test_certificate_for_a_secret,
                             test_renewal_to_a_bad_file,
                             test_expires };
    return unit_run_with("certificates", setup, teardown, tests, N_ELEMENTS(tests));
}
