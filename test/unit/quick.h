/*
 * The short form of slow tests: ./dev test quick sets $MCD_QUICK. It suffices to notice
 * that something is broken. The long form measures how good a cache is, and finds what
 * happens once in a thousand times.
 */
#ifndef TEST_UNIT_QUICK_H
#define TEST_UNIT_QUICK_H

#include <stdlib.h>

/* How many rounds or tests to run: all, or only the first few. */
static inline size_t quick(size_t all, size_t few)
{
    return getenv("MCD_QUICK") != NULL && few < all ? few : all;
}

#endif
