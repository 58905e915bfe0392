/*
 * The buffers of a worker's connections, and what those of all workers may take together.
 *
 *   connection -- take --> struct io -- return --> spare sets, or free
 *                             |
 *                           count: this pool's bytes --- look ---> the bytes of all pools
 *                                                                         | too many
 *   closes its largest (relief.h) <--- wake --- the worker whose pool has most
 *
 * A worker writes the sum of its own pool only. The total is added up when that sum has
 * grown by a part of the limit, so it may be exceeded by 1/64, and by what one connection
 * has in hand. Values of items that are received or sent belong to the engine's memory.
 */
#ifndef SERVER_IO_POOL_H
#define SERVER_IO_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/output.h"
#include "server/inbox.h"

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

/* All pools of the process. Set up before the workers run, read only from then on. */
struct io_pools {
    uint64_t limit; /* bytes; 0 is none */
    struct io_pool *first;
    unsigned n;
};

struct io_pool {
    struct io_pools *all;
    struct io_pool *next; /* of all */
    struct inbox *inbox;  /* its worker's */
    struct io *spare;     /* kept for the next connection */
    unsigned nspare;
    bool keeps_none;       /* what is returned is freed */
    uint64_t bytes;        /* of all sets, the spare ones too; others read it */
    uint64_t looked_at;    /* what it was when the total was looked at */
    _Atomic bool too_much; /* set by the worker that found it so */
};

/* Main thread. */
void io_pool_init(struct io_pool *p, struct io_pools *all, struct inbox *inbox);

/* Its worker. NULL if memory is out. */
struct io *io_pool_take(struct io_pool *p);
/* Both halves are empty. */
void io_pool_return(struct io_pool *p, struct io *io);
void io_pool_recount(struct io_pool *p, struct io *io);
void io_pool_free_spare(struct io_pool *p);

/* Any thread: bytes in the buffers of one pool, of all. */
uint64_t io_pool_bytes(const struct io_pool *p);
uint64_t io_pools_total(const struct io_pools *all);
/* Make the worker whose pool has most look whether it is too much. */
void io_pools_wake_fullest(struct io_pools *all);

static inline bool io_is_full(const struct io *io)
{
    return output_length(&io->out) >= ANSWER_FULL;
}

static inline size_t io_bytes(const struct io *io)
{
    return sizeof(*io) + io->in.size + output_memory(&io->out);
}

/* Its buffers may have another size than before: mostly they have not. */
static inline void io_pool_count(struct io_pool *p, struct io *io)
{
    if (io_bytes(io) != io->counted)
        io_pool_recount(p, io);
}

#endif
