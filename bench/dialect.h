/*
 * How to say get and set to a cache, and what it answers: memcached's text protocol, and
 * redis's. Pure: bytes in, bytes out.
 */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { DIALECT_ROOM = 160 }; /* bytes of a command beside its value, at most */

struct dialect_answer {
    bool good;     /* to a get: a hit; to a set: stored */
    uint64_t size; /* of the value, to a hit */
};

struct dialect {
    const char *name;
    /* Write to `to` and give the bytes written. life: seconds, 0 for ever. */
    size_t (*compose_get)(char *to, uint64_t key);
    size_t (*compose_set)(char *to, uint64_t key, const char *value, uint32_t size,
                          uint32_t life);
    /* Give the bytes that the first answer in `text` has, 0 if it is not whole yet, -1 if
     * the server says something else. */
    ssize_t (*parse_get)(const char *text, size_t length, struct dialect_answer *answer);
    ssize_t (*parse_set)(const char *text, size_t length, struct dialect_answer *answer);
};

/* NULL if there is none of that name: "memcached" and "redis" there are. */
const struct dialect *dialect_find(const char *name);

#endif
