/*
 * A dump under way: where it stands between two slices. A connection holds it, and drops
 * it when it closes.
 */
#ifndef SERVER_DUMP_STATE_H
#define SERVER_DUMP_STATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/scan.h"

enum { DUMP_CLASS_LAST = 63 }; /* as in memcached */

struct dump {
    struct scan scan;
    unsigned kind;
    uint64_t classes[4]; /* a bit for each that is wanted */
    uint64_t left;       /* lines still to show */
    _Atomic unsigned *running;
};

/* Counts one more; false if there are `most` already. */
static inline bool dump_enter(struct dump *d, _Atomic unsigned *running, unsigned most)
{
    if (atomic_fetch_add(running, 1) < most) {
        d->running = running;
        return true;
    }
    atomic_fetch_sub(running, 1);
    return false;
}

static inline void dump_leave(struct dump *d)
{
    atomic_fetch_sub(d->running, 1);
}

/* A copy on the heap; NULL if memory is exhausted: then it has ended. */
struct dump *dump_keep(struct dump *d);
/* NULL does nothing. */
void dump_drop(struct dump *d);

#endif
