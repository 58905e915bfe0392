/* The clock for time-outs and intervals: it counts from some moment in the past, and
 * changes of the date do not affect it. */
#ifndef BASE_MONOTONIC_H
#define BASE_MONOTONIC_H

#include <stdint.h>
#include <time.h>

static inline uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline uint64_t monotonic_ms(void)
{
    return monotonic_us() / 1000;
}

#endif
