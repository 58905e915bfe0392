#include "test/fake/certificate.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/check.h"

static void take_name(X509_NAME *to, const char *name)
{
    CHECK(X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                     -1, -1, 0) == 1);
}

static void extend(X509 *x, int what, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, what, value);
    AN(e);
    CHECK(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void sign_by_itself(X509 *x, EVP_PKEY *key)
{
    X509_set_issuer_name(x, X509_get_subject_name(x));
    extend(x, NID_basic_constraints, "critical,CA:TRUE");
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
}

static void sign(X509 *x, const char *issuer)
{
    FILE *file = fopen(issuer, "re");
    AN(file);
    X509 *by = PEM_read_X509(file, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    AN(by);
    AN(key);
    X509_set_issuer_name(x, X509_get_subject_name(by));
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    fclose(file);
    X509_free(by);
    EVP_PKEY_free(key);
}

static void save(const char *path, X509 *x, EVP_PKEY *key)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fdopen(fd, "w");
    AN(file);
    CHECK(PEM_write_X509(file, x) == 1);
    CHECK(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    AZ(fclose(file));
}

void certificate_make(const char *path, const struct certificate_wish *w)
{
    static long serial;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    AN(key);
    AN(x);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), w->from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), w->until_s);
    take_name(X509_get_subject_name(x), w->name);
    X509_set_pubkey(x, key);
    if (w->use != NULL)
        extend(x, NID_ext_key_usage, w->use);
    if (w->issuer == NULL)
        sign_by_itself(x, key);
    else
        sign(x, w->issuer);
    save(path, x, key);
    X509_free(x);
    EVP_PKEY_free(key);
}
