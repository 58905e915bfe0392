/*
 * Numbers that clients keep as the text of a value, for incr and decr. The store and the
 * host use the same rules, which are memcached's:
 *
 *   "12"  "  12"  "+12"  "12  "  "12 of them"     12
 *   ""  "  "  "x12"  "12x"  "-12"                 not a number, nor is one beyond 64 bits
 *
 * incr wraps at 2^64, decr stops at 0. A number that gets shorter keeps the length of the
 * previous one: "10" becomes "9 ".
 *
 * A value is given in pieces, as in item_info.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Longer values are not numbers, whatever they begin with. */
enum { COUNTER_VALUE_MAX = 512 << 10 };

/* False if it is not a number. */
bool counter_read(const struct iovec *pieces, size_t n, uint64_t *number);

uint64_t counter_change(uint64_t number, bool increment, uint64_t delta);

/* The length of the new value, which replaces one of `former` bytes (0: none). */
size_t counter_length(uint64_t number, size_t former);
/* Writes into pieces of that length. False: they are too short. */
bool counter_write(const struct iovec *pieces, size_t n, uint64_t number);

#endif
