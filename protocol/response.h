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
    OUTCOME_OK,
    OUTCOME_NOT_FOUND,
    OUTCOME_EXISTS, /* the CAS did not match, or add found the key (binary) */
    OUTCOME_NOT_STORED,
    OUTCOME_TOO_LARGE,    /* object too large for cache */
    OUTCOME_NO_MEMORY,    /* out of memory storing object */
    OUTCOME_NOT_A_NUMBER, /* incr or decr of something else */
    OUTCOME_BAD_CHUNK,    /* text: the value does not end in CRLF */
    OUTCOME_BAD_FORMAT,   /* CLIENT_ERROR bad command line format */
    OUTCOME_BAD_DELTA,    /* CLIENT_ERROR invalid numeric delta argument */
    OUTCOME_BAD_EXPTIME,  /* CLIENT_ERROR invalid exptime argument */
    OUTCOME_LINE_TOO_LONG,
    OUTCOME_UNKNOWN, /* ERROR; unknown command */
    OUTCOME_NOT_SUPPORTED,
    OUTCOME_TEMPORARY, /* SERVER_ERROR temporary failure; try again */
    OUTCOME_DENIED,
    OUTCOME_INVALID,     /* binary EINVAL; text CLIENT_ERROR with `text` if set */
    OUTCOME_INTERNAL,    /* SERVER_ERROR; with `text` if set */
    OUTCOME_BAD_USAGE,   /* CLIENT_ERROR that tells how delete is written */
    OUTCOME_NO_SHUTDOWN, /* ERROR: shutdown not enabled */
    OUTCOME_BAD_FLAG,    /* the rest: of meta commands */
    OUTCOME_DUPLICATE_FLAG,
    OUTCOME_BAD_TOKEN,
    OUTCOME_BAD_MODE,
    OUTCOME_BAD_OPAQUE,
    OUTCOME_BAD_KEY,
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
