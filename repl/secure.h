/*
 * How a node proves that it belongs to the pair, and demands the same of its peer:
 * TLS 1.3 with a secret that both share, or with a certificate on each side. With
 * neither, the link is plain.
 *
 *   secret   each connection gets a key of its own, derived from the secret and from a
 *            name that the side that dials draws: OpenSSL never holds the secret. The key
 *            goes into an exchange of fresh (EC)DHE shares, so who learns the secret
 * later cannot read what was recorded.
 *
 *     the name   | tag, 8 bytes: which secret | drawn, 16 bytes |
 *     the tag    HMAC-SHA-256(secret, "tag"), its head
 *     the key    HMAC-SHA-256(secret, "key" name)
 *
 *   certificates   both sides show one that the authority in tls_ca has signed.
 *
 * Nodes that were linked know each other again before any proof, by a badge: a key that
 * both have drawn from their last link (RFC 8446, exporters), in an extension of the
 * first message of the side that dials. It proves nothing, and saves the peer from being
 * taken for one of many strangers; each link makes a new one.
 *
 * No sessions are resumed, nothing is sent early, and there is no fall-back. The nodes'
 * runs are told in HELLO, which only the other holder of the secret can read or write: so
 * they need no other binding, and a node that is led back to itself sees its own run.
 *
 * The replication thread, under the core lock.
 */
#ifndef REPL_SECURE_H
#define REPL_SECURE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/secret.h"
#include "base/tls_stream.h"

/* Either the secret's file, or all of the others, or none. The paths stay the caller's.
 */
struct secure_config {
    const char *secret_file;
    const char *cert, *key, *ca;
};

enum { SECURE_FILES = 3, SECURE_TAG = 8, SECURE_NAME = 24, SECURE_BADGE = 16 };

/* What shows that a file is another one than before. */
struct secure_stamp {
    struct timespec changed;
    int64_t size;
    uint64_t inode;
};

struct secure {
    struct secure_config config;
    SSL_CTX *context;                            /* NULL: the link is plain */
    struct secrets *secrets;                     /* NULL: it goes by certificates */
    unsigned char tags[SECRETS_MAX][SECURE_TAG]; /* which secret */
    struct secure_stamp stamps[SECURE_FILES];
    unsigned char badge[SECURE_BADGE]; /* of the last link */
    bool has_badge;
    int64_t expires;      /* this node's certificate, as Unix time; 0: it has none */
    struct tls_room room; /* where small pieces of output are put together */
    uint64_t rekey_bytes; /* a connection's key encrypts so much, then the next one */
};

/* What is known about one connection's handshake. It must not move. */
struct secure_peer {
    const struct secure *secure;
    unsigned char name[SECURE_NAME];
    bool is_named; /* our name is drawn */
    bool is_known; /* the peer named a secret that we have */
};

/* False: why has the reason. secure_close may be called in either case. */
bool secure_open(struct secure *s, const struct secure_config *config, char *why,
                 size_t nwhy);
void secure_close(struct secure *s);

static inline bool secure_is_on(const struct secure *s)
{
    return s->context != NULL;
}

/* For the operator: "not encrypted", "by secret", "by certificates". */
const char *secure_kind(const struct secure_config *config);

/* Have the files changed since they were read, or since that failed? */
bool secure_has_changed(const struct secure *s);
/* Reads the files again. False: why has the reason, and the former ones stay. Connections
 * keep what they began with. */
bool secure_renew(struct secure *s, char *why, size_t nwhy);

/* One connection's TLS. NULL: out of memory. */
SSL *secure_begin(const struct secure *s, struct secure_peer *peer, int fd, bool dialled);
/* After a handshake that OpenSSL calls complete: has the peer proved what it must? */
bool secure_is_proved(const struct secure_peer *peer, SSL *ssl);
#define SECURE_NO_SECRET "it names no secret that this node has"
/* Draw the badge from a link that is open. */
void secure_remember(struct secure *s, SSL *ssl);
/* Does the first message of the side that dials show it? */
bool secure_is_badged(const struct secure *s, const char *first, size_t n);
/* Is the first message of the side that dials from somebody who does not even know the
 * name of a secret of ours? A message that is not whole yet may be from anybody. */
bool secure_is_strange(const struct secure *s, const char *first, size_t n);
/* Why a handshake has failed, for the log; forgets OpenSSL's errors. */
void secure_explain(const struct secure_peer *peer, const SSL *ssl, int error, char *why,
                    size_t nwhy);

#endif
