/*
 * Typical requests to a cache: few keys are frequent, many are rare. The sequence depends
 * only on the initial state.
 */
#ifndef TEST_UNIT_ZIPF_H
#define TEST_UNIT_ZIPF_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

struct zipf {
    double *sum; /* of the weights up to each rank */
    uint32_t keys, state;
};

static inline void zipf_init(struct zipf *z, double skew, uint32_t keys)
{
    double total = 0;

    z->sum = calloc(keys, sizeof(double));
    z->keys = keys;
    z->state = 5;
    for (uint32_t i = 0; i < keys; i++)
        z->sum[i] = total += 1 / pow(i + 1, skew);
}

static inline void zipf_fini(struct zipf *z)
{
    free(z->sum);
}

static inline uint32_t zipf_next(struct zipf *z)
{
    uint32_t low = 0, high = z->keys - 1;

    z->state = z->state * 1664525u + 1013904223u;
    uint32_t first = z->state >> 8;
    z->state = z->state * 1664525u + 1013904223u;
    double at =
        ((double)first + (z->state >> 8) / 16777216.0) / 16777216.0 * z->sum[high];
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (z->sum[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    /* Keys with adjacent ranks must not be adjacent in anything else. */
    return (uint32_t)((uint64_t)low * 7919 % z->keys);
}

#endif
