/*
 * Numbers that clients keep as the text of a value, for incr and decr. One set of rules,
 * memcached's, for the store and for the host:
 *
 *   "12"  "  12"  "+12"  "12  "  "12 of them"     12
 *   ""  "  "  "x12"  "12x"  "-12"                 no number; nor is one beyond 64 bits
 *
 * incr wraps at 2^64, decr stops at 0. A number that gets shorter keeps the length of the
 * one before: "10" becomes "9 ".
 *
 * A value is given as its pieces, as item_info has them.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Longer values are no numbers, whatever they begin with. */
enum { COUNTER_VALUE_MAX = 512 << 10 };

/* False if it is no number. */
bool counter_read(const struct iovec *pieces, size_t n, uint64_t *number);

uint64_t counter_change(uint64_t number, bool increment, uint64_t delta);

/* Bytes of the value that takes the place of one with so many; 0: there was none. */
size_t counter_length(uint64_t number, size_t former);
/* Into pieces of that length. False: they are too short. */
bool counter_write(const struct iovec *pieces, size_t n, uint64_t number);

#endif
