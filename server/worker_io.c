#include "server/worker_io.h"

#include <stdlib.h>

#include "server/address.h"
#include "server/connection.h"
#include "server/log.h"
#include "server/server.h"

enum {
    SPARE_MAX = 16,      /* sets of buffers */
    IO_KEEP = 64 * 1024, /* of each buffer of a spare set */
    LOOK_PART = 64,      /* of the limit: so much growth, by all workers, is not seen */
    ENOUGH_PART = 16     /* of the limit: so much room is made at a time */
};

/* ---- the sums ---- */

static uint64_t bytes_of(const struct worker *w)
{
    return __atomic_load_n(&w->pool.bytes, __ATOMIC_RELAXED);
}

uint64_t worker_io_total(const struct server *server)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < server->nworkers; i++)
        total += bytes_of(&server->workers[i]);
    return total;
}

static void add_bytes(struct io_pool *pool, uint64_t more, uint64_t less)
{
    __atomic_store_n(&pool->bytes, pool->bytes + more - less, __ATOMIC_RELAXED);
}

static uint64_t limit_of(const struct server *server)
{
    return server->settings.conn_memory_mb << 20;
}

static void wake_fullest(struct server *server)
{
    struct worker *fullest = &server->workers[0];
    for (unsigned i = 1; i < server->nworkers; i++) {
        if (bytes_of(&server->workers[i]) > bytes_of(fullest))
            fullest = &server->workers[i];
    }
    atomic_store(&fullest->pool.too_much, true);
    worker_wake(fullest);
}

static void look_at_total(struct worker *w)
{
    struct io_pool *pool = &w->pool;
    uint64_t limit = limit_of(w->server);
    if (pool->looked_at > pool->bytes)
        pool->looked_at = pool->bytes;
    if (limit == 0 ||
        pool->bytes - pool->looked_at < limit / LOOK_PART / w->server->nworkers)
        return;
    pool->looked_at = pool->bytes;
    if (worker_io_total(w->server) > limit)
        wake_fullest(w->server);
}

void worker_recount_io(struct worker *w, struct io *io)
{
    size_t now = worker_io_bytes(io), before = io->counted;
    io->counted = now;
    add_bytes(&w->pool, now, before);
    if (now > before)
        look_at_total(w);
}

/* ---- sets of buffers ---- */

struct io *worker_take_io(struct worker *w)
{
    static struct log_pace pace;
    struct io *io = w->pool.spare;
    if (io != NULL) {
        w->pool.spare = io->next;
        w->pool.nspare--;
        return io;
    }
    io = calloc(1, sizeof(*io));
    if (io == NULL) {
        log_warning_paced(&pace, "out of memory: a connection is closed");
        return NULL;
    }
    buffer_init(&io->in);
    output_init(&io->out);
    return io;
}

static void free_io(struct worker *w, struct io *io)
{
    add_bytes(&w->pool, 0, io->counted);
    buffer_fini(&io->in);
    output_fini(&io->out);
    free(io);
}

void worker_return_io(struct worker *w, struct io *io)
{
    if (w->pool.relieves || w->pool.nspare >= SPARE_MAX || io->out.bytes.failed ||
        io->in.failed) {
        free_io(w, io);
        return;
    }
    buffer_trim(&io->in, IO_KEEP);
    buffer_trim(&io->out.bytes, 8 * IO_KEEP);
    worker_count_io(w, io);
    io->next = w->pool.spare;
    w->pool.spare = io;
    w->pool.nspare++;
}

void worker_fini_io(struct worker *w)
{
    struct io *io;
    while ((io = w->pool.spare) != NULL) {
        w->pool.spare = io->next;
        free_io(w, io);
    }
    w->pool.nspare = 0;
}

/* ---- too much ---- */

static void note_largest(struct connection *c)
{
    struct io_pool *pool = &c->worker->pool;
    if (connection_can_be_cut(c) && c->io->counted > pool->largest)
        pool->largest = c->io->counted;
}

static void say_what_closes(const struct connection *c)
{
    static struct log_pace pace;
    char text[ADDRESS_MAX] = "a client that has gone";
    (void)address_peer(c->fd, text, sizeof(text));
    log_warning_paced(
        &pace,
        "clients' buffers take more than the %llu MB of conn_mem_limit: the "
        "largest are closed first; this one, with %zu KB, is that of %s",
        (unsigned long long)c->worker->server->settings.conn_memory_mb,
        c->io->counted / 1024, text);
}

static void close_large(struct connection *c)
{
    struct io_pool *pool = &c->worker->pool;
    if (!connection_can_be_cut(c) || c->io->counted < pool->least ||
        worker_io_total(c->worker->server) <= pool->enough)
        return;
    say_what_closes(c);
    count(&c->worker->counters.conn_mem_kicks);
    connection_close(c);
}

/* Sizes are mostly powers of two: the larger half of what there is goes first, then the
 * next one, which sorts well enough and in few rounds. */
void worker_relieve(struct worker *w)
{
    struct server *server = w->server;
    uint64_t limit = limit_of(server);
    uint64_t had = bytes_of(w);
    if (!atomic_exchange(&w->pool.too_much, false) || worker_io_total(server) <= limit)
        return;
    worker_fini_io(w);
    w->pool.enough = limit - limit / ENOUGH_PART;
    w->pool.relieves = true;
    do {
        w->pool.largest = 0;
        worker_each_connection(w, note_largest);
        w->pool.least = w->pool.largest / 2 + 1;
        if (w->pool.largest > 0)
            worker_each_connection(w, close_large);
    } while (w->pool.largest > 0 && worker_io_total(server) > w->pool.enough);
    w->pool.relieves = false;
    if (bytes_of(w) < had && worker_io_total(server) > limit)
        wake_fullest(server);
}
