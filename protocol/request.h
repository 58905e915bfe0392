/*
 * A client's request, in either protocol: the output of a codec's parse and the input
 * of the server's dispatch. Plain data; it owns nothing.
 *
 * A request has one key: `get a b c` of the text protocol yields three requests, and
 * the last one is marked `last`. So a line of any length is handled key by key, as the
 * quiet gets of the binary protocol are.
 */
#ifndef PROTOCOL_REQUEST_H
#define PROTOCOL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_MAX = 250 };

/* What only meta commands say: the flags that ask for something in the answer, in the
 * client's order, the client's opaque token, and what the classic commands do not know.
 * It lives in the parser, until that parses again. */
enum {
    FOR_NONE,
    FOR_GET = 1, /* mg, and so on */
    FOR_SET = 2,
    FOR_DELETE = 4,
    FOR_ARITH = 8,
    FOR_ALL = 15,
    META_OPAQUE = 31,
    /* One character for each flag: a request cannot have a flag twice. */
    META_RETURNS = sizeof(""
#define META_FLAG(...) "."
#include "protocol/meta_table.h"
                          ),
};

struct meta {
    bool base64;        /* b: the key came as base64, and is returned as base64 */
    bool unread;        /* u: this is no read */
    bool wants_facts;   /* h, l: what is known of the item beside its value */
    bool invalid;       /* I: make stale; store as stale */
    bool has_cas;       /* C: request.cas counts, also if it is 0 */
    bool touches;       /* T: give the item this expiry */
    bool vivifies;      /* N: if there is none, add one with vivify_exptime */
    bool refreshes;     /* R: win if fewer than `recache` seconds remain, */
    bool touches_first; /* counted after T */
    bool wants_ttl;     /* t: as it is */
    bool ttl_touched;   /* after T */
    bool bad_opaque;    /* O: its token is too long */
    char mode;          /* M; 0: none */
    uint8_t nreturns, nopaque;
    int64_t exptime, vivify_exptime, recache; /* as the client sent them */
    int64_t newest,
        ttl_new; /* the last of T and N; the same before t, which a new item shows */
    char returns[META_RETURNS]; /* letters */
    char opaque[META_OPAQUE];
};

enum command {
#define COMMAND(NAME, ...) COMMAND_##NAME,
#include "protocol/command_table.h"
    COMMAND_COUNT
};

struct request {
    enum command command;
    uint8_t opcode;   /* binary: as on the wire, for the response header */
    bool quiet;       /* text: noreply; binary: the quiet opcodes */
    bool with_key;    /* binary GETK, GATK: the response repeats the key */
    bool with_cas;    /* text gets, gats: the response carries the CAS */
    bool last;        /* text get: no key follows on this line */
    bool create;      /* incr, decr: make the item if it is missing (binary) */
    bool has_exptime; /* flush_all: a delay was given */
    bool no_value;    /* get, gat: the client wants no value, only facts about the item */
    uint16_t nkey;
    uint16_t vbucket; /* binary; 0 in text */
    uint32_t flags;   /* host byte order */
    uint32_t nvalue;  /* set family: bytes of value that follow in the stream */
    uint32_t opaque;  /* binary: as on the wire */
    int64_t exptime;  /* as the client sent it: 0 never, negative at once */
    uint64_t cas;     /* expected CAS, 0 for none */
    uint64_t delta, initial;
    uint32_t verbosity;
    const char *key;    /* points into the input buffer, or the stats sub-command */
    const char *packet; /* in the input buffer. COMMAND_ENGINE: header and body;
                           COMMAND_EXTENSION: the line, without its CRLF;
                           COMMAND_AUTH: the password. The user is the key */
    uint32_t npacket;
    const struct meta *meta; /* NULL except for meta commands. A meta get is not a list:
                                it gets its own answer, also for a miss, and no END */
};

#endif
