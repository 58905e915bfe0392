/*
 * What other threads leave for a worker.
 *
 *   main thread ---- arrivals ---+
 *   any thread  ---- notices ----+--> inbox (lock) --eventfd--> the worker empties it
 *   main thread ---- stop -------+
 *
 * Everything is put in and taken out in constant time, under a lock that is held for
 * nothing else. The worker takes all there is at once; what comes meanwhile wakes it
 * again.
 */
#ifndef SERVER_INBOX_H
#define SERVER_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include <memcached/engine.h>

/* A socket for the worker. */
struct arrival {
    int fd;
    bool datagram;
};

/* The engine's word to one who waits for it; part of him. Guarded by the inbox's lock. */
struct notice {
    STAILQ_ENTRY(notice) next;
    bool pending;
    ENGINE_ERROR_CODE status; /* the latest */
};

STAILQ_HEAD(notices, notice);

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

/* False, with errno: the system gives no descriptor. Either way end with inbox_fini. */
bool inbox_init(struct inbox *i);
/* Closes the sockets that nobody has taken. */
void inbox_fini(struct inbox *i);

/* Any thread. False if memory is out: the socket is still the caller's. */
bool inbox_give(struct inbox *i, int fd, bool datagram);
/* False if the notice was pending already: then only its status is new. */
bool inbox_notify(struct inbox *i, struct notice *n, ENGINE_ERROR_CODE status);
void inbox_stop(struct inbox *i);
void inbox_wake(struct inbox *i);

/* The worker: all that is there. The arrivals are the caller's to free. */
void inbox_take(struct inbox *i, struct mail *mail);
/* The oldest notice of what was taken, NULL after the last. From now on it can become
 * pending anew. */
struct notice *inbox_next_notice(struct inbox *i, struct mail *mail,
                                 ENGINE_ERROR_CODE *status);

#endif
