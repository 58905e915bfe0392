/* The clock of the core's time limits, and the stamps of its lag figures. */
#ifndef REPL_CLOCK_H
#define REPL_CLOCK_H

#include <stdint.h>

#include "base/monotonic.h"

static inline uint64_t repl_clock_us(void)
{
    return monotonic_us();
}

/* Microseconds modulo 2^32, never 0. */
static inline uint32_t repl_clock_stamp(void)
{
    return (uint32_t)repl_clock_us() | 1;
}

#endif
