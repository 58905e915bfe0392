/*
 * The host's coarse clock: seconds since shortly before the start. The main thread
 * advances it once a second; all threads read it. It follows the monotonic clock, so a
 * step of the wall clock expires nothing. Dates are converted to relative times with the
 * offset between the two clocks, which follows such a step.
 */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include <memcached/types.h>

enum { CLOCK_RELATIVE_MAX = 60 * 60 * 24 * 30 }; /* larger values are dates */

/* Once, before any other thread. */
void clock_start(void);
/* Main thread, once a second, soon after it has begun. */
void clock_tick(void);
/* The time until the next second begins. */
struct timeval clock_until_next(void);

rel_time_t clock_now(void);
rel_time_t clock_realtime(time_t exptime);
time_t clock_abstime(rel_time_t when);
/* Seconds until this expiry, -1: never. */
int64_t clock_left(rel_time_t exptime);
/* How long the process has been running, in seconds, and the current date. */
rel_time_t clock_uptime(void);
time_t clock_date(void);

/* The rule behind clock_realtime: converts an expiry as a client sends it. `now` is the
 * current relative time, `started` the date of relative time 0. Past expiries become 1.
 */
rel_time_t clock_relative(time_t exptime, rel_time_t now, time_t started);

#endif
