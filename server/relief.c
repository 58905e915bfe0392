#include "server/relief.h"

#include <stdatomic.h>

#include "server/address.h"
#include "server/connection.h"
#include "server/log.h"

enum { ENOUGH_PART = 16 }; /* of the limit: how much room is freed at a time */

static void say_what_closes(const struct connection *c, uint64_t limit)
{
    static struct log_pace pace;
    char text[ADDRESS_MAX] = "a client that has disconnected";
    (void)address_peer(c->fd, text, sizeof(text));
    log_warning_paced(
        &pace,
        "client buffers exceed the %llu MB of conn_mem_limit: closing the largest "
        "connections first; this one uses %zu KB and belongs to %s. Raise "
        "-o conn_mem_limit, or see why clients do not read",
        (unsigned long long)(limit >> 20), c->io->counted / 1024, text);
}

static size_t largest_of(struct worker *w)
{
    size_t largest = 0;
    struct connection *c = NULL;
    while ((c = connection_next_open(w, c)) != NULL) {
        if (connection_gives_room(c) && c->io->counted > largest)
            largest = c->io->counted;
    }
    return largest;
}

/* Closes connections with at least `least` bytes until the total is small enough. */
static void close_large(struct worker *w, size_t least, uint64_t enough)
{
    struct io_pools *all = w->pool.all;
    struct connection *next;
    for (struct connection *c = connection_next_open(w, NULL);
         c != NULL && io_pools_total(all) > enough; c = next) {
        next = connection_next_open(w, c);
        if (!connection_gives_room(c) || c->io->counted < least)
            continue;
        say_what_closes(c, all->limit);
        count(&w->counters.conn_mem_kicks);
        connection_close(c);
    }
}

/* Sizes are mostly powers of two: the larger half of the sizes goes first, then the next
 * half. This sorts well enough and takes few rounds. */
static void close_largest(struct worker *w, uint64_t enough)
{
    size_t largest;
    w->pool.keeps_none = true;
    while (io_pools_total(w->pool.all) > enough && (largest = largest_of(w)) > 0)
        close_large(w, largest / 2 + 1, enough);
    w->pool.keeps_none = false;
}

void relief_run(struct worker *w)
{
    struct io_pools *all = w->pool.all;
    uint64_t had = io_pool_bytes(&w->pool);
    if (!atomic_exchange(&w->pool.too_much, false) || io_pools_total(all) <= all->limit)
        return;
    io_pool_free_spare(&w->pool);
    close_largest(w, all->limit - all->limit / ENOUGH_PART);
    if (io_pool_bytes(&w->pool) < had && io_pools_total(all) > all->limit)
        io_pools_wake_fullest(all);
}
