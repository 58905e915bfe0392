#include "server/io_pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "server/log.h"

enum {
    SPARE_MAX = 16,      /* sets of buffers */
    IO_KEEP = 64 * 1024, /* of each buffer of a spare set */
    LOOK_PART = 64       /* of the limit: all workers' growth that may go unnoticed */
};

void io_pool_init(struct io_pool *p, struct io_pools *all, struct inbox *inbox)
{
    *p = (struct io_pool){ .all = all, .next = all->first, .inbox = inbox };
    all->first = p;
    all->n++;
}

/* ---- the sums ---- */

uint64_t io_pool_bytes(const struct io_pool *p)
{
    return __atomic_load_n(&p->bytes, __ATOMIC_RELAXED);
}

uint64_t io_pools_total(const struct io_pools *all)
{
    uint64_t total = 0;
    for (const struct io_pool *p = all->first; p != NULL; p = p->next)
        total += io_pool_bytes(p);
    return total;
}

void io_pools_wake_fullest(struct io_pools *all)
{
    struct io_pool *fullest = all->first;
    for (struct io_pool *p = all->first->next; p != NULL; p = p->next) {
        if (io_pool_bytes(p) > io_pool_bytes(fullest))
            fullest = p;
    }
    atomic_store(&fullest->too_much, true);
    inbox_wake(fullest->inbox);
}

static void add_bytes(struct io_pool *p, uint64_t more, uint64_t less)
{
    __atomic_store_n(&p->bytes, p->bytes + more - less, __ATOMIC_RELAXED);
}

static void look_at_total(struct io_pool *p)
{
    uint64_t limit = p->all->limit;
    if (p->looked_at > p->bytes)
        p->looked_at = p->bytes;
    if (limit == 0 || p->bytes - p->looked_at < limit / LOOK_PART / p->all->n)
        return;
    p->looked_at = p->bytes;
    if (io_pools_total(p->all) > limit)
        io_pools_wake_fullest(p->all);
}

void io_pool_recount(struct io_pool *p, struct io *io)
{
    size_t now = io_bytes(io), before = io->counted;
    io->counted = now;
    add_bytes(p, now, before);
    if (now > before)
        look_at_total(p);
}

/* ---- sets of buffers ---- */

struct io *io_pool_take(struct io_pool *p)
{
    static struct log_pace pace;
    struct io *io = p->spare;
    if (io != NULL) {
        p->spare = io->next;
        p->nspare--;
        return io;
    }
    io = calloc(1, sizeof(*io));
    if (io == NULL) {
        log_warning_paced(&pace, "out of memory: closing a connection; " LOG_MORE_MEMORY);
        return NULL;
    }
    buffer_init(&io->in);
    output_init(&io->out);
    return io;
}

static void free_io(struct io_pool *p, struct io *io)
{
    add_bytes(p, 0, io->counted);
    buffer_fini(&io->in);
    output_fini(&io->out);
    free(io);
}

void io_pool_return(struct io_pool *p, struct io *io)
{
    io->beside = 0;
    if (p->keeps_none || p->nspare >= SPARE_MAX || io->out.bytes.failed ||
        io->in.failed) {
        free_io(p, io);
        return;
    }
    buffer_trim(&io->in, IO_KEEP);
    buffer_trim(&io->out.bytes, 8 * IO_KEEP);
    io_pool_count(p, io);
    io->next = p->spare;
    p->spare = io;
    p->nspare++;
}

void io_pool_free_spare(struct io_pool *p)
{
    struct io *io;
    while ((io = p->spare) != NULL) {
        p->spare = io->next;
        free_io(p, io);
    }
    p->nspare = 0;
}
