/*
 * What waits to be sent on a stream: composed bytes, and between them pieces of memory
 * that belong to somebody else, such as values, which are sent from where they are.
 *
 *   bytes   |VALUE a 0 9000\r\n|\r\nVALUE b ...|\r\nEND\r\n|
 *                             ^at              ^at
 *   refs                      [value of a]     [value of b]
 *
 * What is sent is consumed, so an output that is never empty does not grow. Owned by one
 * thread at a time. Whoever queues a reference may give it an owner, which is handed to
 * the release function, with the caller's context, once the kernel has the last byte.
 */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buffer.h"

enum { OUTPUT_PIECES = 64 }; /* of one sendmsg */

struct output_ref {
    uint64_t at; /* it follows so many composed bytes, counted since the beginning */
    const char *data;
    size_t length;
    void *owner; /* NULL if nothing is held */
};

struct output {
    struct buffer bytes;     /* composed, not sent yet; append to it */
    uint64_t sent;           /* composed bytes sent, since the beginning */
    struct output_ref *refs; /* a ring; its size is a power of two */
    size_t first, nrefs, refs_size;
    size_t ref_sent;   /* of the first ref */
    size_t referenced; /* bytes of all refs, not sent yet */
};

typedef void (*output_release)(void *context, void *owner);

enum output_result { OUTPUT_SENT, OUTPUT_BLOCKED, OUTPUT_BROKEN };

/* How far an output is filled. */
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

/* Bytes that it has allocated. */
static inline size_t output_memory(const struct output *o)
{
    return o->bytes.size + o->refs_size * sizeof(*o->refs);
}

/* Queue data without a copy; of data in several pieces the last one has the owner. False
 * if memory is out: then nothing was taken. */
bool output_reference(struct output *o, const void *data, size_t length, void *owner);

/* The next pieces to send, at most max (2 at least); how many there are. */
size_t output_gather(const struct output *o, struct iovec *pieces, size_t max);
/* n bytes of them have been sent. */
void output_advance(struct output *o, size_t n, output_release release, void *context);
/* Drop everything. */
void output_clear(struct output *o, output_release release, void *context);

/* Drop what was queued since the mark; nothing may have been sent since. */
struct output_mark output_mark(const struct output *o);
void output_truncate(struct output *o, struct output_mark mark, output_release release,
                     void *context);

/* Send as much as the socket takes. *nsent: how much that was. If it is OUTPUT_BROKEN,
 * errno says why. */
enum output_result output_send(struct output *o, int fd, output_release release,
                               void *context, size_t *nsent);

#endif
