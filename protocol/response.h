/*
 * The server's answer, independent of the protocol. Plain data; it owns nothing. A
 * codec turns it into bytes. The server itself puts the value between compose_head and
 * compose_tail, so that the value can be sent directly from item memory.
 */
#ifndef PROTOCOL_RESPONSE_H
#define PROTOCOL_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/request.h"

enum outcome {
#define OUTCOME(NAME, ...) OUTCOME_##NAME,
#include "protocol/outcome_table.h"
    OUTCOME_COUNT
};

/* Answers to COMMAND_STATS: one response with a key for each statistic, then
 * compose_end; or a single response without a key, which says that a reset was done
 * (with `text`: what else was done, a line of its own in the text protocol). */
struct response {
    enum outcome outcome;
    uint32_t flags; /* host byte order */
    uint32_t nvalue;
    uint64_t cas;
    uint64_t number; /* incr, decr */
    /* For meta commands. */
    int64_t ttl;     /* seconds left, -1: does not expire */
    uint32_t idle;   /* seconds since the item was used */
    bool read;       /* it was read before */
    bool base64;     /* its key came as base64 */
    bool created;    /* ma has added it */
    bool stale, won; /* it is stale; this client is to refresh it, */
    bool taken;      /* or another one was told to */
    const char *key; /* stats: the name; get: the key, NULL: use the request's */
    uint16_t nkey;
    const char *text; /* version, stats value, or the text of an error; NULL if none */
    uint32_t ntext;
};

#endif
