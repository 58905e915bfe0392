/*
 * A limit in bytes a second, for something that is sent in pieces of any size. A piece is
 * sent as a whole; then its time must pass before the next one.
 *
 *   |== piece ==|=== piece ===|  ...  now
 *                             free_at: the next piece may begin
 *
 * A late piece is made up for, but only a little. Used under its owner's lock.
 */
#ifndef REPL_RATE_H
#define REPL_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t per_second; /* bytes; 0: no limit */
    uint64_t free_at_ns;
};

void rate_take(struct rate *r, uint64_t bytes, uint64_t now_us);
/* When the next piece may begin; 0: now. */
uint64_t rate_due_us(const struct rate *r, uint64_t now_us);

static inline bool rate_allows(const struct rate *r, uint64_t now_us)
{
    return rate_due_us(r, now_us) == 0;
}

#endif
