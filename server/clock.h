/*
 * The host's coarse clock: seconds since shortly before the start, moved once a second
 * by the main thread and read by all. It follows the monotonic clock, so that a step of
 * the wall clock expires nothing; dates are turned into relative times by the offset
 * between the two, which follows such a step.
 */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

#include <time.h>

#include <memcached/types.h>

enum { CLOCK_RELATIVE_MAX = 60 * 60 * 24 * 30 }; /* above it an expiry is a date */

/* Once, before any other thread. */
void clock_start(void);
/* Main thread, once a second. */
void clock_tick(void);

rel_time_t clock_now(void);
rel_time_t clock_realtime(time_t exptime);
time_t clock_abstime(rel_time_t when);
/* Seconds that the process has been up, and the date. */
rel_time_t clock_uptime(void);
time_t clock_date(void);

/* The rule behind clock_realtime: an expiry as a client wrote it, at `now`, with
 * `started` as the date of relative time 0. Expired ones come out as 1. */
rel_time_t clock_relative(time_t exptime, rel_time_t now, time_t started);

#endif
