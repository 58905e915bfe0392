/*
 * What a client asked, in either protocol: the output of a codec's parse, the
 * input of the server's dispatch. Plain data; it owns nothing.
 *
 * One request is one key: `get a b c` of the text protocol yields three
 * requests, the last one marked `last`. So a line of any length is handled key
 * by key, as the quiet gets of the binary protocol are.
 */
#ifndef PROTOCOL_REQUEST_H
#define PROTOCOL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_MAX = 250 };

/* Of a meta command: the flags that want something back, as the client ordered them, and
 * its mark for the answer. It lives in the parser, until that parses again. */
enum { META_RETURNS = 6, META_OPAQUE = 31 };

struct meta {
    bool base64; /* the key came as base64, and goes back so */
    uint8_t nreturns, nopaque;
    char returns[META_RETURNS]; /* letters */
    char opaque[META_OPAQUE];
};

enum command {
    COMMAND_GET,
    COMMAND_GAT, /* get and touch */
    COMMAND_SET,
    COMMAND_ADD,
    COMMAND_REPLACE,
    COMMAND_APPEND,
    COMMAND_PREPEND,
    COMMAND_CAS, /* a set that names the CAS it expects, in both protocols */
    COMMAND_DELETE,
    COMMAND_INCR,
    COMMAND_DECR,
    COMMAND_TOUCH,
    COMMAND_FLUSH,
    COMMAND_STATS,
    COMMAND_VERBOSITY,
    COMMAND_VERSION,
    COMMAND_NOOP,
    COMMAND_QUIT,
    COMMAND_ENGINE, /* binary only: an opcode that the host does not know; the whole
                       packet goes to the engine */
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
    bool no_value;    /* get, gat: the client wants no value, only what is known of it */
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
    const char *packet; /* COMMAND_ENGINE: header and body, in the input buffer */
    uint32_t npacket;
    const struct meta *meta; /* NULL but for meta commands. Such a get is no list: it is
                                answered by itself, a miss too, and has no end */
};

#endif
