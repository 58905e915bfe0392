/*
 * memcached's binary protocol: opcodes, statuses and the layout of its packets. A
 * packet is header, extras, key, value, without gaps. In these structures, all numbers of
 * more than one byte are in network byte order. A packet's union shows the header and the
 * extras, which have a fixed size. Its `bytes` are exactly the bytes on the wire, and may
 * be shorter than the struct, which the compiler pads: copy by the size of `bytes`.
 *
 * Long because the names and their order are the original's, in one header as there.
 */
#ifndef MEMCACHED_PROTOCOL_BINARY_H
#define MEMCACHED_PROTOCOL_BINARY_H

#include <stdint.h>

#include <memcached/vbucket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The first byte. */
typedef enum {
    PROTOCOL_BINARY_REQ = 0x80,
    PROTOCOL_BINARY_RES = 0x81
} protocol_binary_magic;

/* The result of a request. */
typedef enum {
    PROTOCOL_BINARY_RESPONSE_SUCCESS = 0x00,
    PROTOCOL_BINARY_RESPONSE_KEY_ENOENT = 0x01,
    PROTOCOL_BINARY_RESPONSE_KEY_EEXISTS = 0x02, /* CAS differs, or add found the key */
    PROTOCOL_BINARY_RESPONSE_E2BIG = 0x03,
    PROTOCOL_BINARY_RESPONSE_EINVAL = 0x04,
    PROTOCOL_BINARY_RESPONSE_NOT_STORED = 0x05,   /* append, prepend: no such key */
    PROTOCOL_BINARY_RESPONSE_DELTA_BADVAL = 0x06, /* the value is not a number */
    PROTOCOL_BINARY_RESPONSE_NOT_MY_VBUCKET = 0x07,
    PROTOCOL_BINARY_RESPONSE_AUTH_ERROR = 0x20,
    PROTOCOL_BINARY_RESPONSE_AUTH_CONTINUE = 0x21, /* another step is needed */
    PROTOCOL_BINARY_RESPONSE_ERANGE = 0x22,
    PROTOCOL_BINARY_RESPONSE_UNKNOWN_COMMAND = 0x81,
    PROTOCOL_BINARY_RESPONSE_ENOMEM = 0x82,
    PROTOCOL_BINARY_RESPONSE_NOT_SUPPORTED = 0x83,
    PROTOCOL_BINARY_RESPONSE_EINTERNAL = 0x84,
    PROTOCOL_BINARY_RESPONSE_EBUSY = 0x85,
    PROTOCOL_BINARY_RESPONSE_ETMPFAIL = 0x86 /* try again later */
} protocol_binary_response_status;

/* The command. A Q at the end: quiet, the uninteresting outcome has no response. */
typedef enum {
    PROTOCOL_BINARY_CMD_GET = 0x00,
    PROTOCOL_BINARY_CMD_SET = 0x01,
    PROTOCOL_BINARY_CMD_ADD = 0x02,
    PROTOCOL_BINARY_CMD_REPLACE = 0x03,
    PROTOCOL_BINARY_CMD_DELETE = 0x04,
    PROTOCOL_BINARY_CMD_INCREMENT = 0x05,
    PROTOCOL_BINARY_CMD_DECREMENT = 0x06,
    PROTOCOL_BINARY_CMD_QUIT = 0x07,
    PROTOCOL_BINARY_CMD_FLUSH = 0x08,
    PROTOCOL_BINARY_CMD_GETQ = 0x09,
    PROTOCOL_BINARY_CMD_NOOP = 0x0a,
    PROTOCOL_BINARY_CMD_VERSION = 0x0b,
    PROTOCOL_BINARY_CMD_GETK = 0x0c, /* the response repeats the key */
    PROTOCOL_BINARY_CMD_GETKQ = 0x0d,
    PROTOCOL_BINARY_CMD_APPEND = 0x0e,
    PROTOCOL_BINARY_CMD_PREPEND = 0x0f,
    PROTOCOL_BINARY_CMD_STAT = 0x10,
    PROTOCOL_BINARY_CMD_SETQ = 0x11,
    PROTOCOL_BINARY_CMD_ADDQ = 0x12,
    PROTOCOL_BINARY_CMD_REPLACEQ = 0x13,
    PROTOCOL_BINARY_CMD_DELETEQ = 0x14,
    PROTOCOL_BINARY_CMD_INCREMENTQ = 0x15,
    PROTOCOL_BINARY_CMD_DECREMENTQ = 0x16,
    PROTOCOL_BINARY_CMD_QUITQ = 0x17,
    PROTOCOL_BINARY_CMD_FLUSHQ = 0x18,
    PROTOCOL_BINARY_CMD_APPENDQ = 0x19,
    PROTOCOL_BINARY_CMD_PREPENDQ = 0x1a,
    PROTOCOL_BINARY_CMD_VERBOSITY = 0x1b,

    /* engines handle these in unknown_command */
    PROTOCOL_BINARY_CMD_TOUCH = 0x1c,
    PROTOCOL_BINARY_CMD_GAT = 0x1d,
    PROTOCOL_BINARY_CMD_GATQ = 0x1e,

    /* authentication */
    PROTOCOL_BINARY_CMD_SASL_LIST_MECHS = 0x20,
    PROTOCOL_BINARY_CMD_SASL_AUTH = 0x21,
    PROTOCOL_BINARY_CMD_SASL_STEP = 0x22,

    /* ranges of keys: reserved numbers, no host implements them */
    PROTOCOL_BINARY_CMD_RGET = 0x30,
    PROTOCOL_BINARY_CMD_RSET = 0x31,
    PROTOCOL_BINARY_CMD_RSETQ = 0x32,
    PROTOCOL_BINARY_CMD_RAPPEND = 0x33,
    PROTOCOL_BINARY_CMD_RAPPENDQ = 0x34,
    PROTOCOL_BINARY_CMD_RPREPEND = 0x35,
    PROTOCOL_BINARY_CMD_RPREPENDQ = 0x36,
    PROTOCOL_BINARY_CMD_RDELETE = 0x37,
    PROTOCOL_BINARY_CMD_RDELETEQ = 0x38,
    PROTOCOL_BINARY_CMD_RINCR = 0x39,
    PROTOCOL_BINARY_CMD_RINCRQ = 0x3a,
    PROTOCOL_BINARY_CMD_RDECR = 0x3b,
    PROTOCOL_BINARY_CMD_RDECRQ = 0x3c,

    /* virtual buckets */
    PROTOCOL_BINARY_CMD_SET_VBUCKET = 0x3d,
    PROTOCOL_BINARY_CMD_GET_VBUCKET = 0x3e,
    PROTOCOL_BINARY_CMD_DEL_VBUCKET = 0x3f,

    /* streams between nodes */
    PROTOCOL_BINARY_CMD_TAP_CONNECT = 0x40,
    PROTOCOL_BINARY_CMD_TAP_MUTATION = 0x41,
    PROTOCOL_BINARY_CMD_TAP_DELETE = 0x42,
    PROTOCOL_BINARY_CMD_TAP_FLUSH = 0x43,
    PROTOCOL_BINARY_CMD_TAP_OPAQUE = 0x44,
    PROTOCOL_BINARY_CMD_TAP_VBUCKET_SET = 0x45,
    PROTOCOL_BINARY_CMD_TAP_CHECKPOINT_START = 0x46,
    PROTOCOL_BINARY_CMD_TAP_CHECKPOINT_END = 0x47,

    /* higher numbers are free for engines */
    PROTOCOL_BINARY_CMD_LAST_RESERVED = 0x8f,

    /* default engines: reclaim dead items */
    PROTOCOL_BINARY_CMD_SCRUB = 0xf0
} protocol_binary_command;

typedef enum { PROTOCOL_BINARY_RAW_BYTES = 0x00 } protocol_binary_datatypes;

/* The 24 bytes at the head of every packet. bodylen counts extras, key and value. */
typedef union {
    struct {
        uint8_t magic;
        uint8_t opcode;
        uint16_t keylen;
        uint8_t extlen;
        uint8_t datatype;
        uint16_t vbucket;
        uint32_t bodylen;
        uint32_t opaque; /* the client's; returned unchanged, in whatever byte order */
        uint64_t cas;
    } request;
    uint8_t bytes[24];
} protocol_binary_request_header;

typedef union {
    struct {
        uint8_t magic;
        uint8_t opcode;
        uint16_t keylen;
        uint8_t extlen;
        uint8_t datatype;
        uint16_t status;
        uint32_t bodylen;
        uint32_t opaque; /* the client's; returned unchanged, in whatever byte order */
        uint64_t cas;
    } response;
    uint8_t bytes[24];
} protocol_binary_response_header;

/* Packets without extras, and the packets of commands that have none. */
typedef union {
    struct {
        protocol_binary_request_header header;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header)];
} protocol_binary_request_no_extras;

typedef union {
    struct {
        protocol_binary_response_header header;
    } message;
    uint8_t bytes[sizeof(protocol_binary_response_header)];
} protocol_binary_response_no_extras;

typedef protocol_binary_request_no_extras protocol_binary_request_get;
typedef protocol_binary_request_no_extras protocol_binary_request_getq;
typedef protocol_binary_request_no_extras protocol_binary_request_getk;
typedef protocol_binary_request_no_extras protocol_binary_request_getkq;
typedef protocol_binary_request_no_extras protocol_binary_request_delete;
typedef protocol_binary_request_no_extras protocol_binary_request_noop;
typedef protocol_binary_request_no_extras protocol_binary_request_quit;
typedef protocol_binary_request_no_extras protocol_binary_request_append;
typedef protocol_binary_request_no_extras protocol_binary_request_prepend;
typedef protocol_binary_request_no_extras protocol_binary_request_version;
typedef protocol_binary_request_no_extras protocol_binary_request_stats;
typedef protocol_binary_request_no_extras protocol_binary_request_scrub;
typedef protocol_binary_request_no_extras protocol_binary_request_del_vbucket;
typedef protocol_binary_request_no_extras protocol_binary_request_get_vbucket;

typedef protocol_binary_response_no_extras protocol_binary_response_delete;
typedef protocol_binary_response_no_extras protocol_binary_response_flush;
typedef protocol_binary_response_no_extras protocol_binary_response_set;
typedef protocol_binary_response_no_extras protocol_binary_response_add;
typedef protocol_binary_response_no_extras protocol_binary_response_replace;
typedef protocol_binary_response_no_extras protocol_binary_response_noop;
typedef protocol_binary_response_no_extras protocol_binary_response_quit;
typedef protocol_binary_response_no_extras protocol_binary_response_append;
typedef protocol_binary_response_no_extras protocol_binary_response_prepend;
typedef protocol_binary_response_no_extras protocol_binary_response_version;
typedef protocol_binary_response_no_extras protocol_binary_response_stats;
typedef protocol_binary_response_no_extras protocol_binary_response_verbosity;
typedef protocol_binary_response_no_extras protocol_binary_response_touch;
typedef protocol_binary_response_no_extras protocol_binary_response_scrub;
typedef protocol_binary_response_no_extras protocol_binary_response_set_vbucket;
typedef protocol_binary_response_no_extras protocol_binary_response_del_vbucket;

/* A value that was found. */
typedef union {
    struct {
        protocol_binary_response_header header;
        struct {
            uint32_t flags;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_response_header) + 4];
} protocol_binary_response_get;

typedef protocol_binary_response_get protocol_binary_response_getq;
typedef protocol_binary_response_get protocol_binary_response_getk;
typedef protocol_binary_response_get protocol_binary_response_getkq;
typedef protocol_binary_response_get protocol_binary_response_gat;
typedef protocol_binary_response_get protocol_binary_response_gatq;

/* flags are the client's own; expiration is in seconds, or a date if beyond 30 days. */
typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint32_t flags;
            uint32_t expiration;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 8];
} protocol_binary_request_set;

typedef protocol_binary_request_set protocol_binary_request_add;
typedef protocol_binary_request_set protocol_binary_request_replace;

/* The extras may be absent, see extlen: flush now. */
typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint32_t expiration;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 4];
} protocol_binary_request_flush;

/* An expiration of 0xffffffff: do not create. */
typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint64_t delta;
            uint64_t initial;
            uint32_t expiration;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 20];
} protocol_binary_request_incr;

typedef protocol_binary_request_incr protocol_binary_request_decr;

/* The number after the change. */
typedef union {
    struct {
        protocol_binary_response_header header;
        struct {
            uint64_t value;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_response_header) + 8];
} protocol_binary_response_incr;

typedef protocol_binary_response_incr protocol_binary_response_decr;

typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint32_t level;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 4];
} protocol_binary_request_verbosity;

/* A new expiry for an item; gat also fetches it. */
typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint32_t expiration;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 4];
} protocol_binary_request_touch;

typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint32_t expiration;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 4];
} protocol_binary_request_gat;

typedef protocol_binary_request_gat protocol_binary_request_gatq;

/* Operations on ranges of keys. The odd header and size are the interface's. */
typedef union {
    struct {
        protocol_binary_response_header header;
        struct {
            uint16_t size;
            uint8_t reserved;
            uint8_t flags;
            uint32_t max_results;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 4];
} protocol_binary_request_rangeop;

typedef protocol_binary_request_rangeop protocol_binary_request_rget;
typedef protocol_binary_request_rangeop protocol_binary_request_rset;
typedef protocol_binary_request_rangeop protocol_binary_request_rsetq;
typedef protocol_binary_request_rangeop protocol_binary_request_rappend;
typedef protocol_binary_request_rangeop protocol_binary_request_rappendq;
typedef protocol_binary_request_rangeop protocol_binary_request_rprepend;
typedef protocol_binary_request_rangeop protocol_binary_request_rprependq;
typedef protocol_binary_request_rangeop protocol_binary_request_rdelete;
typedef protocol_binary_request_rangeop protocol_binary_request_rdeleteq;
typedef protocol_binary_request_rangeop protocol_binary_request_rincr;
typedef protocol_binary_request_rangeop protocol_binary_request_rincrq;
typedef protocol_binary_request_rangeop protocol_binary_request_rdecr;
typedef protocol_binary_request_rangeop protocol_binary_request_rdecrq;

/* Bits of a stream's request. The value contains the data that the bits require, in the
 * order of the bits. A sender sets all other bits to 0. */
#define TAP_CONNECT_FLAG_BACKFILL 0x01 /* 8 bytes: only items changed since that date */
#define TAP_CONNECT_FLAG_DUMP     0x02 /* the items stored now, then disconnect */
#define TAP_CONNECT_FLAG_LIST_VBUCKETS                                                   \
    0x04 /* numbers of 16 bits: count, then buckets; 0: all */
#define TAP_CONNECT_FLAG_TAKEOVER_VBUCKETS 0x08 /* the receiver becomes responsible */
#define TAP_CONNECT_SUPPORT_ACK            0x10 /* the receiver can acknowledge */
#define TAP_CONNECT_REQUEST_KEYS_ONLY      0x20 /* values are not wanted */
#define TAP_CONNECT_CHECKPOINT             0x40 /* pairs of bucket and last checkpoint kept */
#define TAP_CONNECT_REGISTERED_CLIENT      0x80 /* the sender remembers our position */

typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            uint32_t flags; /* TAP_CONNECT_ bits */
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 4];
} protocol_binary_request_tap_connect;

/* Bits of a message in a stream. */
#define TAP_FLAG_ACK      0x01 /* send a response, with this opaque */
#define TAP_FLAG_NO_VALUE 0x02 /* only the key was sent */

/* The value of these packets begins with the engine's own bytes. ttl counts hops. */
typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            struct {
                uint16_t enginespecific_length;
                uint16_t flags; /* TAP_FLAG_ bits */
                uint8_t ttl;
                uint8_t res1;
                uint8_t res2;
                uint8_t res3;
            } tap;
            struct {
                uint32_t flags;
                uint32_t expiration;
            } item;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 16];
} protocol_binary_request_tap_mutation;

typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            struct {
                uint16_t enginespecific_length;
                uint16_t flags; /* TAP_FLAG_ bits */
                uint8_t ttl;
                uint8_t res1;
                uint8_t res2;
                uint8_t res3;
            } tap;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + 8];
} protocol_binary_request_tap_no_extras;

typedef protocol_binary_request_tap_no_extras protocol_binary_request_tap_delete;
typedef protocol_binary_request_tap_no_extras protocol_binary_request_tap_flush;
typedef protocol_binary_request_tap_no_extras protocol_binary_request_tap_opaque;
typedef protocol_binary_request_tap_no_extras protocol_binary_request_tap_vbucket_set;

typedef union {
    struct {
        protocol_binary_request_header header;
        struct {
            vbucket_state_t state;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_request_header) + sizeof(vbucket_state_t)];
} protocol_binary_request_set_vbucket;

typedef union {
    struct {
        protocol_binary_response_header header;
        struct {
            vbucket_state_t state;
        } body;
    } message;
    uint8_t bytes[sizeof(protocol_binary_response_header) + sizeof(vbucket_state_t)];
} protocol_binary_response_get_vbucket;

#ifdef __cplusplus
}
#endif

#endif
