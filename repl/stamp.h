/* The stamps of the lag figures: monotonic microseconds modulo 2^32, never 0. */
#ifndef REPL_STAMP_H
#define REPL_STAMP_H

#include <stdint.h>

#include "base/monotonic.h"

static inline uint32_t repl_stamp(void)
{
    return (uint32_t)monotonic_us() | 1;
}

#endif
