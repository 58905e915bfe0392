/*
 * How a client's change made a value from the one before: it put a piece behind it or
 * before it, or gave it another expiry, which is a piece of no bytes. The CAS numbers
 * name both values. So a large value need not be sent for a few bytes: whoever has the
 * value with the CAS `base` can make the one with `cas`.
 *
 *   append   base 7 --[ 10 bytes ]-- cas 8
 *   touch    base 8 --[  0 bytes ]-- cas 8       together: base 7, 10 bytes, cas 8
 *
 * Pure: no state.
 */
#ifndef REPL_DELTA_H
#define REPL_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/link_message.h"

struct delta {
    uint64_t base, cas;
    uint32_t npiece;
    bool before; /* the piece comes before the value, not behind it */
};

/* The delta of two changes, in whatever order they came. False: they do not follow one
 * another, or not at the same end of the value; *d is of no use then. */
bool delta_join(struct delta *d, const struct delta *other);

/* Reduce a state to what the delta says: its value becomes the piece. False: the state is
 * another one by now, or so small that nothing is saved; it stays as it is. */
bool delta_reduce(const struct delta *d, struct link_change *state);

#endif
