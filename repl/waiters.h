/*
 * Which requests were put off. Some wait for a key from the peer, because this node is
 * missing it. Others are held: they wait for the end of a handover.
 *
 *                       ask            take                answer
 *   worker threads  ----------->  unsent  ----->  sent  ------------> gone
 *                                   |               |
 *                                   requests that wait for the key
 *
 *   key found:               the call is made again and finds it
 *   not found, or too late:  the call is made again and goes on without it
 *
 * Requests for the same key are joined. A request that was let go without its key is
 * remembered for a while, so that it does not wait again when the call is made again. So
 * is one that was held: made again, it must not promote a node that has lost the role.
 * While an answer is overdue no other request waits: a peer that is stuck, or a link
 * that is down, costs only a few requests their patience. Both tables are bounded; a
 * request for which there is no room is not put off, nor is one that the host cannot put
 * off.
 *
 * The table has a lock of its own, which only requests for keys that are not here take.
 * It has no clock: callers pass the time in monotonic microseconds. Any thread may call
 * ask and forget; the caller of everything else holds the core lock.
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
#include "repl/port.h"

enum { WANTED_MAX = 2048, WAITERS_MAX = 8192 };
enum { WAITERS_CHAINS = 4096 }; /* of each of the two hash tables */

struct waiter;
struct wanted;

TAILQ_HEAD(waiter_line, waiter);
TAILQ_HEAD(wanted_line, wanted);
LIST_HEAD(waiter_list, waiter);
LIST_HEAD(wanted_list, wanted);

struct waiters {
    uint64_t patience_us; /* how long a request waits for a key; 0: none ever does */
    struct repl_requests requests;          /* called with the table locked */
    struct siphash_secret secret;           /* clients choose the keys */
    atomic_uint nwanted, nunsent, noverdue; /* keys; written with the lock held */
    pthread_mutex_t lock;                   /* guards what follows */
    struct wanted *wanted_room;
    struct waiter *waiter_room;
    struct wanted_list free_wanted, *by_hash;
    struct waiter_list free_waiters, *by_who;
    struct wanted_line unsent, sent; /* in the order of asking, of sending */
    /* in the order of time: those that wait for a key, or went on without it; those that
     * are held, or were */
    struct waiter_line waiting, let_go, held, unheld;
};

/* False if memory runs out. */
bool waiters_init(struct waiters *w, uint64_t patience_us,
                  const struct repl_requests *requests,
                  const struct siphash_secret *secret);
/* Resumes all requests. */
void waiters_fini(struct waiters *w);

/* Shall this request wait for the key? True: resume will be called for it, once. */
bool waiters_ask(struct waiters *w, const void *who, const void *key, size_t nkey,
                 uint64_t now_us);
/* The request's connection has ended. True if the request waited or was held: resume is
 * not called. */
bool waiters_forget(struct waiters *w, const void *who);

/* hold: put the request off until `release`, which resumes all that are held; false if it
 * cannot be. was_held: is this the call of such a request, made again? Tells it once. */
bool waiters_hold(struct waiters *w, const void *who);
void waiters_release(struct waiters *w, uint64_t now_us);
bool waiters_was_held(struct waiters *w, const void *who, uint64_t now_us);

/* The next key to send, in this batch; false if there is none. The key stays valid as
 * long as the caller holds the core lock. */
bool waiters_take(struct waiters *w, uint32_t batch, const void **key, size_t *nkey);
/* The key is here now. True if the peer had been asked for it. */
bool waiters_found(struct waiters *w, const void *key, size_t nkey);
/* coming: the key is on its way, and will take its time: what the peer has answered says
 * nothing of it. came: it was on its way; whoever still waits goes on without it. */
void waiters_coming(struct waiters *w, const void *key, size_t nkey);
void waiters_came(struct waiters *w, const void *key, size_t nkey, uint64_t now_us);
/* The peer has answered everything in batches up to this one (serial arithmetic): it
 * does not have the keys of those that were not found by now. */
void waiters_answered(struct waiters *w, uint32_t batch, uint64_t now_us);
/* No answer will come to what was sent: it has to be sent again. */
void waiters_unsend(struct waiters *w);
/* The peer cannot be asked any more: all requests for keys go on, and no key is
 * wanted. */
void waiters_end(struct waiters *w, uint64_t now_us);

/* expire: resume requests that have waited for too long; returns how many. due_us: the
 * next time at which expire has something to do, 0 if no request waits. */
unsigned waiters_expire(struct waiters *w, uint64_t now_us);
uint64_t waiters_due_us(struct waiters *w);

static inline bool waiters_want(const struct waiters *w)
{
    return atomic_load_explicit(&w->nwanted, memory_order_relaxed) != 0;
}

/* Is an answer overdue: a key did not come in time and has not come since? */
static inline bool waiters_are_vain(const struct waiters *w)
{
    return atomic_load_explicit(&w->noverdue, memory_order_relaxed) != 0;
}

/* Sequentially consistent, because the replication thread looks at it before it
 * sleeps. */
static inline bool waiters_have_unsent(const struct waiters *w)
{
    return atomic_load(&w->nunsent) != 0;
}

#endif
