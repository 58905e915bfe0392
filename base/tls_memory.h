/*
 * How much memory OpenSSL holds. It has many allocations for each connection, and says
 * the size of none; so each thread adds up what its calls have taken and given back.
 */
#ifndef BASE_TLS_MEMORY_H
#define BASE_TLS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before any other call of OpenSSL. False: it has been used before. */
bool tls_memory_count(void);

/* Bytes that calls of this thread have taken, less those that they gave back. Only
 * differences mean something: others may give back what this thread took. */
int64_t tls_memory_taken(void);

#endif
