/*
 * Messages from other threads to a worker.
 *
 *   main thread ---- arrivals ---+
 *   any thread  ---- notices ----+--> inbox (lock) --eventfd--> the worker empties it
 *   main thread ---- stop -------+
 *
 * Both ends take constant time, under a lock that is held for nothing else. The worker
 * takes all messages at once; later ones wake it again.
 */
#ifndef SERVER_INBOX_H
#define SERVER_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include <memcached/engine.h>

#include "server/entrance.h"

/* A socket for the worker. */
struct arrival {
    int fd;
    struct entrance from;
};

/* The engine's message to a waiting connection; part of that connection. Guarded by the
 * inbox's lock. */
struct wakeup {
    STAILQ_ENTRY(wakeup) next;
    bool pending;
    ENGINE_ERROR_CODE status; /* the latest */
};

STAILQ_HEAD(notices, wakeup);

struct mail {
    struct arrival *arrivals; /* malloc'ed */
    size_t narrivals, arrivals_size;
    struct notices notices; /* oldest first */
    bool stop;
};

struct inbox {
    int wake_fd; /* becomes readable */
    pthread_mutex_t lock;
    struct mail mail; /* guarded by lock */
};

/* On failure returns false and sets errno: the system has no more descriptors. Call
 * inbox_fini in either case. */
bool inbox_init(struct inbox *i);
/* Closes the sockets that the worker has not taken. */
void inbox_fini(struct inbox *i);

/* Any thread. Returns false if memory is exhausted: the caller keeps the socket. */
bool inbox_give(struct inbox *i, int fd, struct entrance from);
/* Returns false if the notice was pending already: then only its status changes. */
bool inbox_notify(struct inbox *i, struct wakeup *n, ENGINE_ERROR_CODE status);
void inbox_stop(struct inbox *i);
void inbox_wake(struct inbox *i);

/* The worker: takes all messages. The caller frees the arrivals. */
void inbox_take(struct inbox *i, struct mail *mail);
/* The oldest of the notices taken, or NULL after the last. From now on it can become
 * pending again. */
struct wakeup *inbox_next_wakeup(struct inbox *i, struct mail *mail,
                                 ENGINE_ERROR_CODE *status);

#endif
