/*
 * The certificates of -Z, as a TLS context that new connections use. They can be loaded
 * again at any time: connections that are open keep the context with which they began.
 */
#ifndef SERVER_CERTIFICATES_H
#define SERVER_CERTIFICATES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <memcached/types.h>

#include "base/tls_context.h"

struct settings;

struct certificates {
    pthread_mutex_t lock; /* guards the rest */
    SSL_CTX *context;     /* NULL: not loaded */
    rel_time_t loaded;
};

void certificates_init(struct certificates *k);
void certificates_fini(struct certificates *k);

/* Any thread. False: why has the reason, and the former ones stay. opened: called for
 * each session that is not resumed. */
bool certificates_load(struct certificates *k, const struct settings *s,
                       int (*opened)(SSL *ssl, SSL_SESSION *session), char *why,
                       size_t nwhy);
/* Any thread. NULL if memory is exhausted. */
SSL *certificates_use(struct certificates *k);
/* Any thread: when they were loaded. */
rel_time_t certificates_loaded(struct certificates *k);

#endif
