/*
 * The buffers of a worker's connections, and the limit on the buffers of all workers.
 *
 *   connection -- take --> struct io -- return --> spare sets, or free
 *                             |
 *                           count: this pool's bytes --- look ---> the bytes of all pools
 *                                                                         | too many
 *   closes its largest (relief.h) <--- wake --- the worker whose pool has most
 *
 * A worker writes the sum of its own pool only. It adds up the total when its sum has
 * grown by a part of the limit. So the total may exceed the limit by 1/64, and by what
 * one connection is using. Values that are received into or sent from items are in the
 * engine's memory.
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
    ANSWER_FULL = 256 * 1024 /* bytes that are sent before more is composed */
};

/* The buffers of a connection with unfinished work; idle connections have none. */
struct io {
    struct buffer in;
    struct output out;
    size_t beside;  /* bytes that TLS holds for the connection (come_to_rest) */
    size_t counted; /* bytes by which the pool's sum counts it */
    struct io *next;
};

/* All pools of the process. Set up before the workers run; only read afterwards. */
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
    bool keeps_none;       /* free returned sets instead of keeping them */
    uint64_t bytes;        /* of all sets, spare ones included; other threads read it */
    uint64_t looked_at;    /* value of bytes when the total was last added up */
    _Atomic bool too_much; /* set by the worker that found the limit exceeded */
};

/* Main thread. */
void io_pool_init(struct io_pool *p, struct io_pools *all, struct inbox *inbox);

/* Called by its worker. NULL if memory is exhausted. */
struct io *io_pool_take(struct io_pool *p);
/* Both buffers must be empty. */
void io_pool_return(struct io_pool *p, struct io *io);
void io_pool_recount(struct io_pool *p, struct io *io);
void io_pool_free_spare(struct io_pool *p);

/* Any thread: bytes in the buffers of one pool, and of all pools. */
uint64_t io_pool_bytes(const struct io_pool *p);
uint64_t io_pools_total(const struct io_pools *all);
/* Wakes the worker whose pool has the most bytes, to check the limit. */
void io_pools_wake_fullest(struct io_pools *all);

static inline bool io_is_full(const struct io *io)
{
    return output_length(&io->out) >= ANSWER_FULL;
}

static inline size_t io_bytes(const struct io *io)
{
    return sizeof(*io) + io->in.size + output_memory(&io->out) + io->beside;
}

/* Recounts io if the size of its buffers has changed; usually it has not. */
static inline void io_pool_count(struct io_pool *p, struct io *io)
{
    if (io_bytes(io) != io->counted)
        io_pool_recount(p, io);
}

#endif
