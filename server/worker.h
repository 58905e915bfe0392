/*
 * A worker thread: an event loop, its connections, and its share of the counters.
 *
 *   main thread ---- arrivals ---+
 *   any thread  ---- notified ---+--> inbox (lock) --eventfd--> worker's loop
 *   main thread ---- stop -------+
 *
 * Everything but the inbox and the list of connections is touched by the worker only;
 * counters are read by others without a lock.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <memcached/engine.h>

#include "base/metric.h"
#include "server/worker_io.h"

struct connection;
struct server;

struct thread_counters {
#define STAT_COUNTER(name, help) METRIC_MEMBER_COUNTER(name)
#include "server/stat_rows.h"
    uint64_t closed; /* connections; not reset */
};

/* A socket for a worker. */
struct arrival {
    int fd;
    bool datagram;
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
    int wake_fd;

    pthread_mutex_t lock; /* guards this group */
    struct arrival *arrivals;
    size_t narrivals, arrivals_size;
    struct connection *notified;
    bool stop;

    pthread_mutex_t list_lock; /* guards the list; written by the worker mostly */
    struct connection_list connections;

    struct connection_list deferred; /* have unserved input, waiting for their turn */
    struct io_pool pool;
    bool stopping; /* serve what has arrived, then close */
    bool cutoff;   /* read no more */
    size_t nopen;  /* connections */

    struct thread_counters counters __attribute__((aligned(64)));
};

/* False: why says what the system refused. */
bool worker_init(struct worker *w, struct server *server, char *why, size_t nwhy);
bool worker_start(struct worker *w, char *why, size_t nwhy);
/* Main thread: serve what clients have sent already, close, and end; then join. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
/* After the engine is gone: frees connections that it still held. */
void worker_fini(struct worker *w);

/* Main thread: hand over an accepted socket. False if memory is out. */
bool worker_give(struct worker *w, int fd, bool datagram);
/* Any thread: let the worker go on with a connection that waits for the engine. */
void worker_notify(struct worker *w, struct connection *c, ENGINE_ERROR_CODE status);

/* The worker itself. */
void worker_defer(struct worker *w, struct connection *c);
void worker_undefer(struct worker *w, struct connection *c);
void worker_enlist(struct worker *w, struct connection *c);
void worker_closed(struct worker *w);
/* Call visit for each open connection; it may close that one. */
void worker_each_connection(struct worker *w, void (*visit)(struct connection *c));
/* Any thread. */
void worker_wake(struct worker *w);
void worker_delist(struct worker *w, struct connection *c);

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
