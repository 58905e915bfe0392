/*
 * The buffers of a worker's connections, and what all of them may take together.
 *
 *   connection -- take --> struct io -- return --> spare sets, or free
 *                             |
 *                           count: this worker's bytes --- look ---> all workers' bytes
 *                                                                          | too many
 *   closes its largest ones <--- relieve <--- wake --- the worker that holds most
 *
 * A worker writes its own sum only. The total is added up when that sum has grown by a
 * part of the limit, so it may be exceeded by 1/64, and by what one connection has in
 * hand. Values of items that are received or sent belong to the engine's memory.
 */
#ifndef SERVER_WORKER_IO_H
#define SERVER_WORKER_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/output.h"

struct server;
struct worker;

enum {
    ANSWER_COPY_MAX = 1024,  /* larger values are sent from their items, not copied */
    ANSWER_FULL = 256 * 1024 /* so much is sent before more is composed */
};

/* The buffers of a connection that has something unfinished; idle ones have none. */
struct io {
    struct buffer in;
    struct output out;
    size_t counted; /* bytes that stand for it in the pool's sum */
    struct io *next;
};

struct io_pool {
    struct io *spare; /* kept for the next connection */
    unsigned nspare;
    uint64_t bytes;        /* of all sets, the spare ones too; others read it */
    uint64_t looked_at;    /* what it was when the total was looked at */
    _Atomic bool too_much; /* set by the worker that found it so */
    /* while it closes connections; their buffers are not kept */
    bool relieves;
    size_t largest, least;
    uint64_t enough; /* the total at which that ends */
};

/* The worker itself. NULL if memory is out. */
struct io *worker_take_io(struct worker *w);
/* Both halves are empty. */
void worker_return_io(struct worker *w, struct io *io);
void worker_recount_io(struct worker *w, struct io *io);
/* If all workers together have too much: close the connections with the largest. Not
 * from within one. */
void worker_relieve(struct worker *w);
void worker_fini_io(struct worker *w);

/* Any thread: bytes in all buffers. */
uint64_t worker_io_total(const struct server *server);

static inline bool io_is_full(const struct io *io)
{
    return output_length(&io->out) >= ANSWER_FULL;
}

static inline size_t worker_io_bytes(const struct io *io)
{
    return sizeof(*io) + io->in.size + output_memory(&io->out);
}

/* Its buffers may have another size than before: mostly they have not. */
static inline void worker_count_io(struct worker *w, struct io *io)
{
    if (worker_io_bytes(io) != io->counted)
        worker_recount_io(w, io);
}

#endif
