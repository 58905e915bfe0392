/* The clock of the lag figures: monotonic microseconds, modulo 2^32, never 0. */
#ifndef REPL_CLOCK_H
#define REPL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t repl_clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline uint32_t repl_clock_stamp(void)
{
    return (uint32_t)repl_clock_us() | 1;
}

#endif
