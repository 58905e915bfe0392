/*
 * Sets of buckets as plain words, bit n % 64 of word n / 64 for bucket n. The buckets of
 * a finer set are those of a coarser one, each divided into 2^shift. A word at a time,
 * since most words of large sets are empty or full.
 */
#ifndef BASE_BIT_SET_H
#define BASE_BIT_SET_H

#include <stddef.h>
#include <stdint.h>

/* The n lowest bits, 0 to 64. */
static inline uint64_t bits_lowest(unsigned n)
{
    return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

/* One bit for each 2^shift neighbours of the word, shift below 6: is any of them set? */
static inline uint64_t bits_joined(uint64_t w, unsigned shift)
{
    unsigned n = 64u >> shift;
    uint64_t any = bits_lowest(1u << shift), joined = 0;
    if (w == UINT64_MAX || shift == 0)
        return w & bits_lowest(n);
    for (unsigned i = 0; i < n; i++)
        joined |= (uint64_t)((w >> (i << shift) & any) != 0) << i;
    return joined;
}

/* Adds word i of a finer set to a coarser one. */
static inline void bits_join(uint64_t *coarse, size_t i, uint64_t w, unsigned shift)
{
    size_t first = i * 64 >> shift;
    if (w != 0)
        coarse[first / 64] |= (shift < 6 ? bits_joined(w, shift) : 1) << first % 64;
}

/* Adds the 2^shift buckets that bucket b of a coarser set is in a finer one. */
static inline void bits_divide(uint64_t *fine, size_t b, unsigned shift)
{
    size_t first = b << shift;
    if (shift < 6)
        fine[first / 64] |= bits_lowest(1u << shift) << first % 64;
    for (size_t i = 0; shift >= 6 && i < (size_t)1 << (shift - 6); i++)
        fine[first / 64 + i] = UINT64_MAX;
}

/* Adds word i of a coarser set to a finer one. */
static inline void bits_spread(uint64_t *fine, size_t i, uint64_t w, unsigned shift)
{
    for (; w != 0; w &= w - 1)
        bits_divide(fine, i * 64 + (size_t)__builtin_ctzll(w), shift);
}

#endif
