/*
 * Composes gets and sets for a cache, and parses its answers, in memcached's text
 * protocol or in redis's. Pure functions: bytes in, bytes out.
 */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { DIALECT_ROOM = 160 }; /* most bytes of a command, without its value */

struct dialect_answer {
    bool good;     /* to a get: a hit; to a set: stored */
    uint64_t size; /* of the value, if it is a hit */
};

struct dialect {
    const char *name;
    /* Writes to `to` and returns the bytes written. life: seconds, 0 for ever. */
    size_t (*compose_get)(char *to, uint64_t key);
    size_t (*compose_set)(char *to, uint64_t key, const char *value, uint32_t size,
                          uint32_t life);
    /* Returns the length of the first answer in `text`, 0 if it is not complete yet, -1
     * if the server says something else. */
    ssize_t (*parse_get)(const char *text, size_t length, struct dialect_answer *answer);
    ssize_t (*parse_set)(const char *text, size_t length, struct dialect_answer *answer);
};

/* The dialect "memcached" or "redis"; NULL for any other name. */
const struct dialect *dialect_find(const char *name);

#endif
