/*
 * Certificates for tests that link with OpenSSL: each with its key, in one PEM file of
 * mode 0600. test/harness/certificates.py is the same for tests in Python.
 */
#ifndef TEST_FAKE_CERTIFICATE_H
#define TEST_FAKE_CERTIFICATE_H

#include <stdbool.h>

struct certificate_wish {
    const char *name;
    long from_s, until_s; /* from now on */
    const char *use;      /* extendedKeyUsage; NULL: any */
    const char *issuer;   /* the file of whoever signs it; NULL: itself */
};

/* Writes the file anew. Aborts if it cannot. */
void certificate_make(const char *path, const struct certificate_wish *w);

#endif
