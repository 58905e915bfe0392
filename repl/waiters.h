/*
 * Who waits for which key of the peer's: clients' requests that were put off because this
 * node is missing the key, and the keys themselves.
 *
 *                       ask            take                answer
 *   worker threads  ----------->  unsent  ----->  sent  ------------> gone
 *                                   |               |
 *                              who waits for it: found, the call is made again and finds
 * it; not found, or too late: it is made again and goes on without
 *
 * Requests for one key are joined. A request that was let go without its key is
 * remembered for a while, so that the call that is made again does not wait again. While
 * an answer is overdue nobody else waits: a peer that is stuck, or a link that is down,
 * costs a few requests their patience, not all of them. Both tables are bounded; who
 * finds no room does not wait.
 *
 * A table with a lock of its own, taken only by requests for keys that are not here. It
 * has no clock: times are the callers', monotonic microseconds. Asking and forgetting is
 * for any thread, all else for whoever holds the core lock.
 */
#ifndef REPL_WAITERS_H
#define REPL_WAITERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/siphash.h"

enum { WANTED_MAX = 2048, WAITERS_MAX = 8192 };
enum { WAITERS_CHAINS = 4096 }; /* of each of both hash tables */

/* Let a request go on. Called with the table locked, it must not come back to it. */
typedef void (*waiters_resume)(void *context, const void *who);

struct waiter;
struct wanted;

TAILQ_HEAD(waiter_line, waiter);
TAILQ_HEAD(wanted_line, wanted);
LIST_HEAD(waiter_list, waiter);
LIST_HEAD(wanted_list, wanted);

struct waiters {
    uint64_t patience_us; /* how long a request waits; 0: nobody ever does */
    waiters_resume resume;
    void *context;
    struct siphash_secret secret;           /* clients choose the keys */
    atomic_uint nwanted, nunsent, noverdue; /* keys; written with the lock held */
    pthread_mutex_t lock;                   /* of what follows */
    struct wanted *wanted_room;
    struct waiter *waiter_room;
    struct wanted_list free_wanted, *by_hash;
    struct waiter_list free_waiters, *by_who;
    struct wanted_line unsent, sent;    /* in the order of asking, of sending */
    struct waiter_line waiting, let_go; /* in the order of time */
};

/* False if memory is out. */
bool waiters_init(struct waiters *w, uint64_t patience_us, waiters_resume resume,
                  void *context, const struct siphash_secret *secret);
/* Lets all go. */
void waiters_fini(struct waiters *w);

/* Shall this request wait for the key? True: resume will be called for it, once. */
bool waiters_ask(struct waiters *w, const void *who, const void *key, size_t nkey,
                 uint64_t now_us);
/* It has gone away, with its connection. True if it waited: resume is not called. */
bool waiters_forget(struct waiters *w, const void *who);

/* The next key to be sent, in this batch; false if there is none. It stays valid as long
 * as the core lock is held. */
bool waiters_take(struct waiters *w, uint32_t batch, const void **key, size_t *nkey);
/* The key is here now. True if somebody had asked the peer for it. */
bool waiters_found(struct waiters *w, const void *key, size_t nkey);
/* All that was sent in batches up to this one (serial arithmetic) has been answered; what
 * has not been found by now is not there. */
void waiters_answered(struct waiters *w, uint32_t batch, uint64_t now_us);
/* What was sent has to be sent again: no answer will come. */
void waiters_unsend(struct waiters *w);
/* Nobody can be asked any more: all go on, and nothing is wanted. */
void waiters_end(struct waiters *w, uint64_t now_us);

/* Let go who has waited for too long; how many. Then the next time that it is due, 0 if
 * nobody waits. */
unsigned waiters_expire(struct waiters *w, uint64_t now_us);
uint64_t waiters_due_us(struct waiters *w);

static inline bool waiters_want(const struct waiters *w)
{
    return atomic_load_explicit(&w->nwanted, memory_order_relaxed) != 0;
}

/* It has been asked for something that did not come in time, nor has since. */
static inline bool waiters_are_vain(const struct waiters *w)
{
    return atomic_load_explicit(&w->noverdue, memory_order_relaxed) != 0;
}

/* Sequentially consistent, as what a thread looks at before it sleeps must be. */
static inline bool waiters_have_unsent(const struct waiters *w)
{
    return atomic_load(&w->nunsent) != 0;
}

#endif
