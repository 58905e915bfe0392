/*
 * The host as a whole: the main thread sets it up, and workers read it.
 *
 *   main thread     settings, clock, signals, listeners: accepts connections
 *   worker threads  an event loop each: connections, requests, engine calls
 *   HTTP thread     --http
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include <memcached/engine_admin.h>

#include "base/engine_module.h"
#include "server/certificates.h"
#include "server/listener.h"
#include "server/passwords.h"
#include "server/prefixes.h"
#include "server/settings.h"
#include "server/watchers.h"
#include "server/worker.h"

struct event_base;
struct http;

struct server {
    struct settings settings;
    struct engine_module engine;
    struct listeners listeners;
    struct passwords passwords;
    struct certificates certificates;
    struct worker *workers;
    unsigned nworkers, nrunning;
    const struct engine_admin *admin; /* the engine's extension, or NULL */
    _Atomic unsigned dumps;           /* under way */
    struct prefixes prefixes;
    struct watch watch;
    struct io_pools pools;      /* of the workers */
    struct http *http;          /* NULL: none */
    struct event_base *base;    /* the main thread's */
    pthread_mutex_t reset_lock; /* guards the counters as they were at `stats reset` */
    struct thread_counters reset_counters;
    uint64_t reset_accepted, reset_rejected;
    struct watch_counts reset_watch;
    int stop_fd;  /* eventfd: written by any thread to shut down */
    int ready_fd; /* -d: the parent waits here for the result of the start; or -1 */
};

#endif
