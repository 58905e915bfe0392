/*
 * What the server answers, before it is words or bytes. Plain data; it owns
 * nothing. A codec turns it into bytes; the value itself is placed by the
 * server between compose_head and compose_tail, so that it can be sent
 * straight from item memory.
 */
#ifndef PROTOCOL_RESPONSE_H
#define PROTOCOL_RESPONSE_H

#include <stdint.h>

#include "protocol/request.h"

enum outcome {
#define OUTCOME(NAME, ...) OUTCOME_##NAME,
#include "protocol/outcome_table.h"
    OUTCOME_COUNT
};

/* Answers to COMMAND_STATS: one with a key for every statistic, then compose_end; or
 * a single one without a key, which says that a reset was done (with `text`: what
 * else was done, a line of its own in the text protocol). */
struct response {
    enum outcome outcome;
    uint32_t flags; /* host byte order */
    uint32_t nvalue;
    uint64_t cas;
    uint64_t number; /* incr, decr */
    int64_t ttl;     /* seconds that are left, -1 without end; only meta commands ask */
    const char *key; /* stats: the name; get: the key, NULL to take the request's */
    uint16_t nkey;
    const char *text; /* version, stats value, or the text of an error; NULL if none */
    uint32_t ntext;
};

#endif
