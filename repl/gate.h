/*
 * The gate: how client operations and the rare changes of role or map keep out of
 * each other's way at no cost to the former.
 *
 * A worker thread brackets each change it makes: gate_enter, the change in the
 * store, its record, gate_leave. The flags that gate_enter returns hold for the
 * whole bracket: whoever changes them holds the gate exclusively, which waits until
 * no bracket is open and keeps new ones out. The bracket is one plain store in the
 * worker's own cache line; the other side pays with membarrier(2). Where the kernel
 * has none, or under the thread sanitizer which does not know it, the store is an
 * atomic exchange instead.
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
    GATE_ACCEPTS = 1,  /* this node takes clients' changes */
    GATE_JOURNAL = 2,  /* changes go to the journal, else to the dirty map */
    GATE_WRITTEN = 4,  /* changes also mark the touched map */
    GATE_PURGE = 8,    /* a purge runs: items of its buckets must not be seen */
    GATE_HOLD = 16,    /* somebody holds the gate exclusively */
    GATE_ALONE = 32,   /* no session is open: nothing is taken from the journal */
    GATE_MISSING = 64, /* the peer may be asked for what is not here */
};

enum { GATE_ABSENT = 256 };

/* What a worker thread has of its own in one instance. */
struct repl_worker {
    _Alignas(64) atomic_uint open;
    atomic_bool idle;           /* its thread has ended; another may take it over */
    unsigned count;             /* changes recorded, for sampling */
    uint64_t noted;             /* where the ring was when a comparison began */
    _Atomic uint64_t overflows; /* changes that found the journal full */
    _Atomic uint64_t absences;  /* of what it recorded or overflowed, no changes */
    struct ring ring, notices;
    _Atomic uint64_t notices_lost; /* there was no room */
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

/* This thread's worker, made at its first call; NULL if memory is out. */
struct repl_worker *gate_worker(struct gate *g);

/* Open a bracket; returns the flags. May wait for a short exclusive section. */
unsigned gate_enter(struct gate *g, struct repl_worker *w);

static inline void gate_leave(struct repl_worker *w)
{
    atomic_store_explicit(&w->open, 0, memory_order_release);
}

static inline unsigned gate_flags(const struct gate *g)
{
    return atomic_load_explicit(&g->flags, memory_order_acquire);
}

/* Hold the gate exclusively; the caller holds the core lock and no bracket. */
void gate_hold(struct gate *g);
/* Let go, with these flags in force from now on. */
void gate_release(struct gate *g, unsigned flags);

#endif
