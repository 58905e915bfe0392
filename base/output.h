/*
 * Data that waits to be sent on a stream: composed bytes, and between them memory that
 * belongs to somebody else, such as values, which are sent without a copy.
 *
 *   bytes   |VALUE a 0 9000\r\n|\r\nVALUE b ...|\r\nEND\r\n|
 *                             ^at              ^at
 *   refs                      [value of a]     [value of b]
 *
 * Sent data is consumed, so an output that is never empty does not grow. Owned by one
 * thread at a time. A reference may have an owner: when the kernel has the last byte, the
 * owner is passed to the release function, together with the caller's context.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buffer.h"

enum { OUTPUT_PIECES = 64 }; /* per sendmsg */

struct output_ref {
    uint64_t at; /* position: the number of composed bytes before it, since the start */
    const char *data;
    size_t length;
    void *owner; /* NULL if there is nothing to release */
};

struct output {
    struct buffer bytes;     /* composed, not sent yet; append to it */
    uint64_t sent;           /* composed bytes sent since the start */
    struct output_ref *refs; /* a ring; its size is a power of two */
    size_t first, nrefs, refs_size;
    size_t ref_sent;   /* bytes of the first ref that were sent */
    size_t referenced; /* bytes of all refs, not sent yet */
};

typedef void (*output_release)(void *context, void *owner);

enum output_result {
    OUTPUT_SENT,
    OUTPUT_BLOCKED,
    OUTPUT_BROKEN,
    OUTPUT_PART,
    OUTPUT_QUEUED /* of carriers (server/loop_kind.h): they drive the connection later */
};

/* A position in the queued data. */
struct output_mark {
    size_t nbytes, nrefs;
};

void output_init(struct output *o);
/* All refs must be gone (output_clear). */
void output_fini(struct output *o);

static inline bool output_empty(const struct output *o)
{
    return buffer_length(&o->bytes) == 0 && o->nrefs == 0;
}

/* Bytes that are not sent yet. */
static inline size_t output_length(const struct output *o)
{
    return buffer_length(&o->bytes) + o->referenced;
}

/* Bytes of memory that it has allocated. */
static inline size_t output_memory(const struct output *o)
{
    return o->bytes.size + o->refs_size * sizeof(*o->refs);
}

/* Queues data without a copy. If data has several pieces, give the owner to the last one.
 * False if memory is exhausted: then nothing was queued. */
bool output_reference(struct output *o, const void *data, size_t length, void *owner);

/* Gets the next pieces to send, at most max (at least 2). Returns how many. */
size_t output_gather(const struct output *o, struct iovec *pieces, size_t max);
/* Reports that n bytes of them have been sent. */
void output_advance(struct output *o, size_t n, output_release release, void *context);
/* Drops everything. */
void output_clear(struct output *o, output_release release, void *context);

/* Drops everything queued since the mark; nothing may have been sent since. */
struct output_mark output_mark(const struct output *o);
void output_truncate(struct output *o, struct output_mark mark, output_release release,
                     void *context);

/* Sends as much as the socket accepts. *nsent: how many bytes. On OUTPUT_BROKEN errno has
 * the reason. */
enum output_result output_send(struct output *o, int fd, output_release release,
                               void *context, size_t *nsent);
/* Sends at most `most` bytes: OUTPUT_PART if there are more. */
enum output_result output_send_part(struct output *o, int fd, size_t most,
                                    output_release release, void *context, size_t *nsent);

#endif
