/*
 * The gate keeps clients' changes and the rare changes of roles or maps apart, at
 * almost no cost to clients.
 *
 * A worker thread puts a bracket around each change: gate_enter, the change in the
 * store, its record, gate_leave. The flags that gate_enter returns are valid for the
 * whole bracket: whoever changes them holds the gate, and gate_hold waits until no
 * bracket is open and keeps new ones out. A bracket costs one plain store in the
 * worker's own cache line; the other side pays with membarrier(2). If the kernel does
 * not have membarrier, or under the thread sanitizer, which does not know it, the store
 * is an atomic exchange instead.
 *
 *   worker      open=1   read flags  ...store; record...   open=0
 *   exclusive   flags|=HOLD   membarrier   wait for all open==0   ...   flags=new
 */
#ifndef REPL_GATE_H
#define REPL_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "repl/journal.h"

enum gate_flag {
    GATE_ACCEPTS = 1,   /* this node takes clients' changes */
    GATE_JOURNAL = 2,   /* changes go to the journal, else to `dirty` */
    GATE_WRITTEN = 4,   /* changes also mark `known` or `written` */
    GATE_PURGE = 8,     /* a leader purges: nobody may see items of these buckets */
    GATE_HOLD = 16,     /* somebody holds the gate */
    GATE_ALONE = 32,    /* no session is open: nothing is taken from the journal */
    GATE_MISSING = 64,  /* the peer may be asked for what is not here */
    GATE_SMALLER = 128, /* the peer leads and has more memory */
};

enum { GATE_ABSENT = 256 };

/* What each worker thread has for itself in one instance. */
struct repl_worker {
    _Alignas(64) atomic_uint open;
    atomic_bool idle;           /* its thread has ended; another may take it over */
    uint64_t noted;             /* entries written to the ring at the last ship_note */
    _Atomic uint64_t overflows; /* entries for which the journal had no room */
    _Atomic uint64_t absences;  /* how many of its entries were absences, not changes */
    _Atomic uint64_t dirtied;   /* changes that only the dirty map knows */
    struct ring ring, notices;
    _Atomic uint64_t notices_lost; /* for want of room */
    _Atomic uint64_t untold;       /* evictions that the peer was not told of */
    uint64_t absent[GATE_ABSENT];  /* hashes of keys in the ring as absent; 0: none */
    struct repl_worker *next;
};

struct gate {
    atomic_uint flags;
    _Atomic(struct repl_worker *) workers;
    pthread_mutex_t hold; /* held while the gate is held exclusively */
    pthread_key_t key;
    bool has_key, has_membarrier;
};

bool gate_init(struct gate *g);
void gate_fini(struct gate *g); /* no worker may be inside any more */

/* A worker without a thread, for a ring. NULL if memory runs out. */
struct repl_worker *gate_add(struct gate *g);
/* The one behind w, round and round; w NULL: any. NULL: there is none. */
static inline struct repl_worker *gate_next(const struct gate *g,
                                            const struct repl_worker *w)
{
    struct repl_worker *next = w != NULL ? w->next : NULL;
    return next != NULL ? next : atomic_load(&g->workers);
}

/* The sum of a counter of all workers, named by its offset in struct repl_worker. */
static inline uint64_t gate_sum(const struct gate *g, size_t counter)
{
    uint64_t n = 0;
    const struct repl_worker *w = atomic_load(&g->workers);
    for (; w != NULL; w = w->next)
        n += atomic_load_explicit(
            (const _Atomic uint64_t *)(const void *)((const char *)w + counter),
            memory_order_relaxed);
    return n;
}
#define GATE_SUM(g, counter) gate_sum(g, offsetof(struct repl_worker, counter))

/* This thread's worker, made at the thread's first call; NULL if memory runs out. */
struct repl_worker *gate_worker(struct gate *g);

/* Open a bracket; returns the flags. Waits while somebody holds the gate, which is
 * short. */
unsigned gate_enter(struct gate *g, struct repl_worker *w);

static inline void gate_leave(struct repl_worker *w)
{
    atomic_store_explicit(&w->open, 0, memory_order_release);
}

static inline unsigned gate_flags(const struct gate *g)
{
    return atomic_load_explicit(&g->flags, memory_order_acquire);
}

/* Hold the gate, exclusively. The caller holds the core lock and has no bracket
 * open. */
void gate_hold(struct gate *g);
/* Release the gate; these flags are in force from now on. */
void gate_release(struct gate *g, unsigned flags);

#endif
