/*
 * The host as a whole: what the main thread sets up, and workers read.
 *
 *   main thread     settings, clock, signals, listeners: accepts, deals connections out
 *   worker threads  an event loop each: connections, requests, engine calls
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/engine_module.h"
#include "server/listener.h"
#include "server/settings.h"
#include "server/worker.h"

struct event_base;

struct server {
    struct settings settings;
    struct engine_module engine;
    struct listeners listeners;
    struct worker *workers;
    unsigned nworkers, nrunning;
    struct io_pools pools;      /* of the workers */
    struct event_base *base;    /* the main thread's */
    pthread_mutex_t reset_lock; /* guards what the counters were at `stats reset` */
    struct thread_counters reset_counters;
    uint64_t reset_accepted, reset_rejected;
    int stop_fd;  /* eventfd: written by whoever wants the end */
    int ready_fd; /* -d: the parent waits here for the start's outcome; or -1 */
};

#endif
