/*
 * TLS contexts: what all connections of a kind have in common, made from files. A context
 * is made anew when the files have changed, and replaces the former one only if all of
 * them are good; connections keep the context with which they began.
 *
 * This file, tls_stream.c and tls_memory.c are a library of their own (libtls.la), so
 * that the modules that do not encrypt need no OpenSSL.
 */
#ifndef BASE_TLS_CONTEXT_H
#define BASE_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* Of all sessions; OpenSSL uses a session only where it finds this. */
#define TLS_SESSION_CONTEXT "mcd"

struct tls_options {
    const char *chain;   /* PEM: the own certificate, and those up to the root's; NULL:
                            none, and no key */
    const char *key;     /* NULL: the key is in the chain's file */
    bool key_is_der;     /* otherwise PEM. Keys with a password are refused */
    const char *ca;      /* PEM: who may sign the peers' certificates; NULL: none */
    const char *ciphers; /* of TLS 1.2, as OpenSSL writes them; NULL: its default */
    int verify;          /* SSL_VERIFY_... */
    int min_version;     /* TLS1_2_VERSION or TLS1_3_VERSION */
    bool resumes;        /* peers may resume sessions, with less work */
    bool in_kernel;      /* let the kernel encrypt, if it can */
    bool dials;          /* connections of this context may also be the side that dials */
};

/* NULL: why has the reason, and names the file. */
SSL_CTX *tls_context_create(const struct tls_options *o, char *why, size_t nwhy);

/* What OpenSSL says about the failure of a call in this thread; forgets it. */
const char *tls_reason(void);

#endif
