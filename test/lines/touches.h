/*
 * A file that the runtime and the runner (touches.py, which knows this layout) map. While
 * `counting`, the runtime notes which threads write and read which cache lines.
 *
 *   runner:  clears, counting = 1 ............ counting = 0, reads rows
 *   runtime:                 finds or adds the line's row, adds thread and place
 */
#ifndef TEST_LINES_TOUCHES_H
#define TEST_LINES_TOUCHES_H

#include <stdatomic.h>
#include <stdint.h>

enum { LINE_BYTES = 64, LINES_MAX = 1 << 17, PLACES_MAX = 12, THREADS_MAX = 32 };

/* Of one kind of access to a line. */
struct touched {
    _Atomic uint32_t threads;            /* a bit for each */
    _Atomic uint32_t more;               /* there were more places than fit */
    _Atomic uint64_t places[PLACES_MAX]; /* return addresses; 0: none */
};

struct touched_line {
    _Atomic uint64_t address; /* 0: the row is free */
    struct touched written, read;
};

struct touches {
    _Atomic uint32_t counting; /* written by the runner */
    _Atomic uint32_t nthreads;
    _Atomic uint32_t writers; /* threads that have written anything */
    _Atomic uint32_t lost;    /* accesses for which there was no row */
    _Atomic int32_t tids[THREADS_MAX];
    struct touched_line lines[LINES_MAX];
};

#endif
