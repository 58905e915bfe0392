/*
 * The short form of slow tests: $MCD_QUICK, which ./dev test quick sets. It is enough to
 * see that something is broken; how good a cache is, or what happens once in a thousand
 * times, is for the long one.
 */
#ifndef TEST_UNIT_QUICK_H
#define TEST_UNIT_QUICK_H

#include <stdlib.h>

/* How many rounds, or which of the tests: all, or the first few. */
static inline size_t quick(size_t all, size_t few)
{
    return getenv("MCD_QUICK") != NULL && few < all ? few : all;
}

#endif
