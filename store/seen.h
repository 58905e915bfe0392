/*
 * When an item was used last, in 16 bits: which stretch of time, and how long stretches
 * are.
 *
 *   15..14  13..0
 *   scale | stretch, modulo 2^14          a stretch lasts 1 s, 16 s, 256 s or 4096 s
 *
 * A use counts in seconds. Long before that number could be taken for a later one (after
 * four hours), the background thread changes it to longer stretches. So an answer is a
 * second wrong at first, and a thousandth after hours. Bucket locked.
 */
#ifndef STORE_SEEN_H
#define STORE_SEEN_H

#include "store/instance.h"

enum { SEEN_BITS = 14, SEEN_MASK = (1 << SEEN_BITS) - 1, SEEN_SCALES = 4 };

static inline unsigned seen_now(struct store *s)
{
    return s->now() & SEEN_MASK;
}

static inline void seen_note(struct store *s, struct item *it)
{
    item_set_seen(it, seen_now(s));
}

/* Seconds since an item with this `seen` was used. */
rel_time_t seen_idle(unsigned seen, rel_time_t now);

/* `seen` as it must be stored so that it stays true. */
unsigned seen_renew(unsigned seen, rel_time_t now);

/* Part of a pass over all items. Call it `turns_a_second` times a second, by one
 * thread. */
void seen_age(struct store *s, unsigned turns_a_second);

#endif
