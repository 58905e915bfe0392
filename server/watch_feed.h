/*
 * What one thread has to tell watchers, on its way to the thread that writes the lines:
 *
 *   worker --- put ---> ring ---> next ... drop --- thread of watchers.c
 *
 * A ring has one thread at each end, and neither waits: what does not fit is dropped and
 * counted. Threads that are no workers share a feed, with a lock. Nobody watching: the
 * set of words is empty, and nothing else of a feed is touched.
 */
#ifndef SERVER_WATCH_FEED_H
#define SERVER_WATCH_FEED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/watch_record.h"

struct watch_feed {
    _Atomic unsigned words; /* that somebody watches */
    _Atomic bool due;       /* a watcher of this worker has lines (watchers.h) */
    _Atomic uint64_t *gid;  /* the last one given, of all feeds */
    char *_Atomic bytes;    /* of the ring; NULL until somebody has watched */
    size_t size;
    _Atomic uint64_t head; /* bytes put in, ever */
    _Atomic uint64_t written, dropped;
    _Alignas(64) _Atomic uint64_t tail; /* bytes taken out, ever */
};

static inline bool watch_feed_wants(const struct watch_feed *f, unsigned words)
{
    return __builtin_expect(
        (atomic_load_explicit(&f->words, memory_order_relaxed) & words) != 0, 0);
}

/* Makes the ring, unless there is one. False: no memory. */
bool watch_feed_make(struct watch_feed *f, size_t size);
void watch_feed_fini(struct watch_feed *f);

/* The feed's thread. Completes the record: time, gid, size. */
void watch_feed_put(struct watch_feed *f, struct watch_record *r, const void *key,
                    uint8_t nkey);

/* The other end: the oldest record, or NULL; its key follows it. Drop it then. */
const struct watch_record *watch_feed_next(struct watch_feed *f);
void watch_feed_drop(struct watch_feed *f, const struct watch_record *r);

/* The feed of the calling thread, if it is a worker; else NULL. */
void watch_feed_bind(struct watch_feed *f);
struct watch_feed *watch_feed_own(void);

#endif
