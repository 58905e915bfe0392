/*
 * What a worker thread has: an event loop, its connections, and its share of the
 * counters. worker_loop.h starts and ends it.
 *
 * Everything but the inbox and the list of connections is touched by the worker only;
 * counters are read by others without a lock.
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

#include "base/metric.h"
#include "server/inbox.h"
#include "server/io_pool.h"

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
    pthread_t thread;
    struct event_base *base;
    struct event wake, tick, deferral, deadline;
    struct inbox inbox;

    /* What the event of a connection calls: it lets the connection go on. */
    void (*drive)(struct connection *c);

    pthread_mutex_t list_lock; /* guards the list; written by the worker mostly */
    struct connection_list connections;

    struct connection_list deferred; /* have unserved input, waiting for their turn */
    struct io_pool pool;
    bool stopping; /* serve what has arrived, then close */
    bool cutoff;   /* read no more */
    size_t nopen;  /* connections */

    struct thread_counters counters __attribute__((aligned(64)));
};

/* Sets a timer. Without memory for it, now instead of never. */
static inline void worker_arm(struct event *timer, unsigned ms)
{
    struct timeval t = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };
    if (event_add(timer, &t) != 0)
        event_active(timer, EV_TIMEOUT, 0);
}

/* A counter of one's own: others may read it meanwhile. */
static inline void count_bytes(uint64_t *counter, size_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void count(uint64_t *counter)
{
    count_bytes(counter, 1);
}

#endif
