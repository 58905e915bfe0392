/*
 * The state of a worker thread: an event loop, its connections, and its share of the
 * counters. worker_loop.h starts and ends it.
 *
 * Only the worker touches it, except for the inbox and the list of connections. Other
 * threads read the counters without a lock.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
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
    struct event_base *base;
    struct event wake, tick, deferral, deadline;
    struct inbox inbox;

    /* The event of a connection calls this function; it runs the connection. */
    void (*drive)(struct connection *c);

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

/* Sets a timer. If there is no memory for it, it fires now rather than never. */
static inline void worker_arm(struct event *timer, unsigned ms)
{
    struct timeval t = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };
    if (event_add(timer, &t) != 0)
        event_active(timer, EV_TIMEOUT, 0);
}

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
