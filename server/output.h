/*
 * What waits to be sent to a client: composed bytes, with values of items between them
 * that are sent from where they are.
 *
 *   bytes   |VALUE a 0 9000\r\n|\r\nVALUE b ...|\r\nEND\r\n|
 *                             ^at              ^at
 *   refs                      [value of a]     [value of b]
 *
 * Small values are copied into bytes, so that their items are free at once; large ones
 * are referenced until the kernel has them. Owned by one worker thread.
 */
#ifndef SERVER_OUTPUT_H
#define SERVER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buffer.h"

enum {
    OUTPUT_COPY_MAX = 1024,   /* values up to this size are copied */
    OUTPUT_FULL = 256 * 1024, /* so much is sent before more is composed */
    OUTPUT_PIECES = 64        /* of one sendmsg */
};

struct output_ref {
    size_t at; /* it stands before this offset of bytes */
    const char *data;
    size_t length;
    void *owner; /* given back to the release function; NULL if nothing is held */
};

struct output {
    struct buffer bytes; /* never consumed but as a whole: offsets stay true */
    struct output_ref *refs;
    size_t nrefs, refs_size;
    size_t next, next_sent; /* the first ref not sent whole, and what of it was sent */
    size_t sent;            /* of bytes */
    size_t referenced;      /* bytes of all refs */
};

/* Gives back what a ref held. */
typedef void (*output_release)(void *context, void *owner);

enum output_result { OUTPUT_SENT, OUTPUT_BLOCKED, OUTPUT_BROKEN };

void output_init(struct output *o);
/* All refs must be gone (output_clear). */
void output_fini(struct output *o);

static inline bool output_empty(const struct output *o)
{
    return o->bytes.tail == 0 && o->nrefs == 0;
}

/* What was queued since it was empty last. */
static inline size_t output_length(const struct output *o)
{
    return o->bytes.tail + o->referenced;
}

static inline bool output_full(const struct output *o)
{
    return output_length(o) >= OUTPUT_FULL;
}

/* Bytes that it has allocated. */
static inline size_t output_memory(const struct output *o)
{
    return o->bytes.size + o->refs_size * sizeof(*o->refs);
}

/* Queue data without a copy; owner is released once it is sent. False if memory is
 * out: then nothing was taken. */
bool output_reference(struct output *o, const void *data, size_t length, void *owner);

/* The next pieces to send, at most max; how many there are. */
size_t output_gather(const struct output *o, struct iovec *pieces, size_t max);
/* n bytes of them have been sent. Resets the output after the last. */
void output_advance(struct output *o, size_t n, output_release release, void *context);
/* Drop everything, or what was queued since the output held nbytes and nrefs. */
void output_clear(struct output *o, output_release release, void *context);
void output_truncate(struct output *o, size_t nbytes, size_t nrefs,
                     output_release release, void *context);

/* Send as much as the socket takes. *nsent: how much that was. */
enum output_result output_send(struct output *o, int fd, output_release release,
                               void *context, size_t *nsent);

#endif
