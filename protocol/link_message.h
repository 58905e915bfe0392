/*
 * The messages of the replication link: from bytes to numbers and back. Framing is that
 * of memcached's binary protocol (protocol/frame.h), so that known tools can read a
 * capture. Pure: no I/O. Every length is checked here; a message that is incomplete or
 * makes no sense is refused, never guessed at.
 *
 * Maps in MAP, MERGE, REFILL, REPLACE, END and VERIFIED stay encoded: they are the rest
 * of the body, one after the other, and the receiver decodes them (repl/map.h). The notes
 * in NOTICE, WANT, ABSENT, FETCH, MISSING and RESEND stay encoded too; link_next_note
 * decodes them.
 */
#ifndef PROTOCOL_LINK_MESSAGE_H
#define PROTOCOL_LINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "protocol/frame.h"

enum {
    LINK_VERSION = 9,
    LINK_KEY_MAX = 250,
    LINK_NOTES_MAX = 64 << 10,  /* bytes of notes in one message */
    LINK_CHUNK_MAX = 64 << 10,  /* bytes of a value in one message */
    LINK_HEARTBEAT_MAX = 60000, /* ms */
    LINK_TIMEOUT_MAX = 600000,
    LINK_HEALTH_MAX = 100, /* bytes of a REPORT's text */
    RUN_ID_SIZE = 16
};

/* Of a credit: the item's marks, which are state as its value is. */
enum { LINK_MARKS_SHIFT = 8, LINK_MARKS = 7 << LINK_MARKS_SHIFT };

enum link_op {
#define LINK_OP(name, code, text) LINK_##name = (code),
#include "protocol/link_ops.h"
#undef LINK_OP
};

/* The message's name, such as "SETQ"; NULL if there is no such message. */
const char *link_op_name(uint8_t opcode);

struct run_id {
    uint8_t bytes[RUN_ID_SIZE];
};

/* Negative, 0 or positive, as memcmp. */
int run_id_order(const struct run_id *a, const struct run_id *b);
bool run_id_is_none(const struct run_id *run); /* all zeros */

/* Where the sender's clocks stand, microseconds (repl/clocks.h). */
#define LINK_CLOCK_MAX (UINT64_C(1) << 60)

struct link_clocks {
    uint64_t machine; /* monotonic */
    uint64_t store;   /* of its store, in whose seconds times travel */
    uint64_t
        echo; /* of PING: the receiver's own `machine`, as the sender takes it to be */
};

/* Which of two nodes this is, for the numbers that both give. */
enum { SIDE_LOWER, SIDE_UPPER, SIDE_NONE };

struct link_hello {
    uint32_t version;
    uint32_t hash_id;
    struct run_id run;
    bool active;
    uint8_t map_bits;
    uint8_t side; /* SIDE_NONE: it has not met a peer */
    uint64_t term, seen;
    /* The run that it merged with last, and, while that may not know it, the one before:
     * a part of their hashes; 0: none. */
    uint64_t met, former;
    struct link_clocks clocks;   /* echo is not told */
    uint64_t item_max;           /* the largest value it takes, bytes */
    uint64_t memory;             /* its store's limit, bytes; 0 if unknown */
    uint32_t heartbeat, timeout; /* ms; of both nodes the larger counts */
    /* Options that only warn if they differ, as numbers. */
    uint8_t standby_writes, lone, on_conflict;
};

struct link_role {
    uint64_t term;
    bool active;
    struct run_id run;
};

/* How the sender is. It is shown to the operator of the receiver; nothing depends on
 * it. */
struct link_report {
    bool active, fit, in_sync, paused;
    uint64_t items, pending, at_risk, lag_us, dirty_buckets, missing_buckets;
    /* The copy to the receiver: items sent, and about how many it has; since when. 0:
     * none is under way. */
    uint64_t copy_items, copy_total, copy_us;
};

/* How far the sender has taken the receiver's changes: all of this batch and those before
 * it, and so many changes of the next one. */
struct link_taken {
    uint64_t term;
    uint32_t batch, changes;
};

/* SETQ, DELETEQ, FILL: the state of one key. STREAM: the same, with no value yet. CHECK:
 * the same, with a digest (XXH3, 8 bytes) in the place of the value. DELTA: the same,
 * with the piece, often an empty one, that makes the value from the one with the CAS
 * `base`. */
struct link_change {
    const void *key, *value; /* value NULL: it is longer than this node takes, or
                              * is to come in chunks */
    uint16_t nkey;
    uint32_t nvalue;
    uint32_t flags;   /* in network byte order, as the engine holds them */
    uint32_t exptime; /* a second of the sender's store's clock; 0 never */
    uint64_t cas;     /* the CAS to adopt */
    uint16_t credit;  /* with the marks: <memcached/engine_mirror.h>; not of DELETEQ */
    uint64_t base;    /* of DELTA, which has no flags: they stay */
    bool before;      /* of DELTA: the piece comes before the value, not behind it */
};

/* A large value goes in chunks, between other messages. By each stream goes one value at
 * a time: that of a change, of a copy, or one that was asked for. */
enum link_stream { STREAM_CHANGES, STREAM_COPY, STREAM_FETCHED, LINK_STREAMS };

/* What a note says about a key. In NOTICE: what the store has done with it. In ABSENT:
 * that a client asked the sender for it, and the sender does not hold it. In WANT, FETCH,
 * MISSING and RESEND only the key counts. */
enum link_note_kind {
    LINK_NOTE_READ,
    LINK_NOTE_KEPT,
    LINK_NOTE_EVICTED,
    LINK_NOTE_ABSENT,
    LINK_NOTE_ABSENT_MISSING, /* the same, and the sender is missing its bucket by now */
    LINK_NOTE_KINDS
};

struct link_note {
    const void *key;
    uint8_t nkey, kind;
    uint16_t credit; /* for READ and KEPT */
    uint64_t cas;    /* for EVICTED */
};

struct link_message {
    enum link_op op;
    bool is_response;
    uint32_t batch; /* NOOP: the batch's number; in a response, the one acknowledged */
    union {
        struct link_hello hello;
        struct link_role role;
        struct link_taken taken;
        struct link_change change;
        struct link_report report;
        uint32_t flush_at; /* FLUSHQ: a second like exptime; 0 at once */
        struct {
            uint64_t term;
            struct link_clocks clocks;
        } ping;
        uint64_t term; /* all others except PING, REPORT, CHUNK and BYE */
    };
    enum link_stream stream; /* STREAM, CHUNK */
    const uint8_t *rest;     /* MAP, MERGE, REFILL, REPLACE, END, VERIFIED: encoded maps;
                                NOTICE, WANT, ABSENT, FETCH, MISSING, RESEND: notes; BYE: the
                                text, and REPORT: the health, printable ASCII; CHUNK: some of
                                the value */
    size_t nrest;
};

enum link_result {
    LINK_OK,
    LINK_MORE, /* not complete yet */
    LINK_BAD   /* not our protocol, or malformed: *why says what is wrong */
};

/* Take one message from the head of bytes[n]. A body may be body_max bytes long; a
 * longer change (SETQ, FILL) is taken without its value, as soon as its key is here.
 * *used: with LINK_OK the size of the whole message, which is more than n if the value
 * was left out; with LINK_MORE the bytes that are needed, 0 if that is not known yet.
 * Pointers in m point into bytes. */
enum link_result link_parse(const void *bytes, size_t n, uint64_t body_max,
                            struct link_message *m, size_t *used, const char **why);

/* The next note of a message that link_parse took; start with *at = 0. False at the
 * end. */
bool link_next_note(const struct link_message *m, size_t *at, struct link_note *note);

/* Append a message to out; false if memory runs out. link_put_change writes everything
 * except the value, which the caller sends after it. */
bool link_put_hello(struct buffer *out, const struct link_hello *hello);
bool link_put_role(struct buffer *out, const struct link_role *role);
bool link_put_taken(struct buffer *out, const struct link_taken *taken);
bool link_put_change(struct buffer *out, enum link_op op, const struct link_change *c);
/* The change's value follows in chunks of 1 to LINK_CHUNK_MAX bytes. */
bool link_put_stream(struct buffer *out, enum link_stream by,
                     const struct link_change *c);
bool link_put_chunk(struct buffer *out, enum link_stream by, const void *bytes, size_t n);
bool link_put_flush(struct buffer *out, uint32_t flush_at);
bool link_put_noop(struct buffer *out, uint32_t batch, bool is_response);
bool link_put_plain(struct buffer *out, enum link_op op, uint64_t term);
bool link_put_ping(struct buffer *out, uint64_t term, const struct link_clocks *clocks);
/* health: printable ASCII, of at most LINK_HEALTH_MAX bytes. */
bool link_put_report(struct buffer *out, uint64_t term, const struct link_report *report,
                     const char *health);
bool link_put_bye(struct buffer *out, const char *reason);

/* Messages with maps or notes, whose length is only known at the end: call link_begin,
 * append the maps or notes to out, then call link_finish with the value that link_begin
 * returned; SIZE_MAX means that memory ran out. */
size_t link_begin(struct buffer *out, enum link_op op, uint64_t term);
void link_finish(struct buffer *out, size_t begun);
bool link_put_note(struct buffer *out, const struct link_note *note);

#endif
