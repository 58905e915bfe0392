/*
 * Moments on one machine and on two. A node has two clocks: its machine's monotonic
 * clock, in microseconds, and its store's clock, in whole seconds, by which items expire.
 * A second of a store's clock is sent as it is. The receiver knows where the sender's
 * clocks are, and translates it. So it does not matter how long a message is on its way,
 * or how a wall clock is set.
 *
 *   their store    |  s=7  |  s=8  |  s=9  |       second s begins at zero + s
 *   their machine  ----------------+----------     ahead of ours
 *   our machine    --------+------------------
 *   our store        |  40   |  41   |  42   |     their 8 is our 41
 *
 * A PING tells the sender's clocks, and its idea of what the receiver's clock is by now.
 * The difference from the truth is the time for which both messages were on their way:
 * the round trip. Half of that is the error at most, so the quickest exchange counts.
 *
 * Used under the core's lock. Times are below LINK_CLOCK_MAX.
 */
#ifndef REPL_CLOCKS_H
#define REPL_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/link_message.h"

/* This node's store. */
struct store_clock {
    uint32_t second;    /* at the last look */
    uint64_t looked_us; /* 0: never */
    int64_t zero_us;    /* when second 0 began, by the machine's clock */
    unsigned nlate;     /* so many seconds in a row began late for this zero: */
    int64_t late_us;    /* the earliest zero that they allow */
};

/* Call this often: the closer two calls, the better is known when a second begins. */
void store_clock_look(struct store_clock *s, uint64_t now_us, uint32_t second);
/* The store's clock as microseconds. */
uint64_t store_clock_us(const struct store_clock *s, uint64_t now_us);

/* The peer's, in a session. */
struct peer_clock {
    uint64_t told_us, told_at_us; /* its machine's clock as it told last; ours then */
    int64_t zero_us;              /* of its store, by its machine's clock */
    int64_t ahead_us;             /* its machine's clock is ahead of ours by that */
    uint64_t doubt_us;            /* give or take that, when it was measured: */
    uint64_t measured_us;
};

/* What the peer told in its HELLO, which gives a first estimate; and in a PING. */
void peer_clock_greet(struct peer_clock *p, const struct link_clocks *told,
                      uint64_t now_us);
void peer_clock_hear(struct peer_clock *p, const struct link_clocks *told,
                     uint64_t now_us);
/* What the peer's clock is by now, to be sent to it. */
uint64_t peer_clock_echo(const struct peer_clock *p, uint64_t now_us);

/* A second of the peer's store as one of ours: the one that runs when the peer's begins,
 * so that nothing lives longer here. 0 stays 0. */
uint32_t peer_clock_second(const struct peer_clock *p, const struct store_clock *mine,
                           uint32_t second);

#endif
