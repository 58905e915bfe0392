/*
 * The state of a worker thread: what it waits with, its connections, and its share of the
 * counters. worker_loop.h starts and ends it.
 *
 * Only the worker touches it, except for the inbox and the list of connections. Other
 * threads read the counters without a lock.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <memcached/engine.h>

#include <memcached/engine_meta.h>

#include "base/metric.h"
#include "base/tls_stream.h"
#include "server/inbox.h"
#include "server/io_pool.h"
#include "server/loop_kind.h"
#include "server/watch_feed.h"

struct connection;
struct server;

struct thread_counters {
#define STAT_COUNTER(name, help) METRIC_MEMBER_COUNTER(name)
#include "server/mcd_stat_rows.h"
    uint64_t closed; /* connections; not reset */
};

TAILQ_HEAD(connection_list, connection);

struct worker {
    unsigned id;
    unsigned magic;
    struct server *server;
    ENGINE_HANDLE *handle; /* the server's engine */
    ENGINE_HANDLE_V1 *api;
    const struct engine_meta *meta; /* NULL: the engine does not offer it */
    pthread_t thread;
    struct inbox inbox;

    const struct loop_kind *loop;
    void *waiting; /* the loop's own */
    /* It calls these: for a connection that is ready, for messages in the inbox, and for
     * a timer. */
    void (*drive)(struct connection *c);
    void (*woken)(struct worker *w);
    void (*due)(struct worker *w, enum worker_timer timer);

    pthread_mutex_t list_lock; /* guards the list; written by the worker mostly */
    struct connection_list connections;

    struct connection_list deferred; /* have unserved input and wait for their turn */
    struct io_pool pool;
    struct tls_room tls_room; /* small answers are put together here, if TLS is on */
    bool stopping;            /* serve what has arrived, then close */
    bool cutoff;              /* do not read any more */
    size_t nopen;             /* connections */

    struct watch_feed feed; /* what its connections do, for watchers */
    struct thread_counters counters __attribute__((aligned(64)));
};

/* Changes a counter of the calling thread; others may read it at the same time. */
static inline void count_bytes(uint64_t *counter, size_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void count(uint64_t *counter)
{
    count_bytes(counter, 1);
}

#endif
