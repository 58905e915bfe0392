#include "server/clock.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/monotonic.h"

/* Relative time starts here, so that "expired" (1) is in the past from the first
 * second on, and 0 remains free for "never". */
enum { HEAD_START = 2 };

static time_t monotonic_start;
static _Atomic rel_time_t now_ticks = HEAD_START;
static _Atomic int64_t date_of_zero;

static time_t monotonic_seconds(void)
{
    return (time_t)(monotonic_us() / 1000000);
}

/* The date of relative time 0, to the nearest second. The seconds of the two clocks begin
 * at different moments, so whole seconds of both would differ by one or the other number,
 * as it happens, and two nodes would name different dates for one expiry. */
static int64_t find_date_of_zero(void)
{
    struct timespec date;
    clock_gettime(CLOCK_REALTIME, &date);
    int64_t us = (int64_t)date.tv_sec * 1000000 + date.tv_nsec / 1000;
    int64_t ahead = us - (int64_t)monotonic_us() + 500000;
    int64_t seconds = ahead / 1000000 - (ahead % 1000000 < 0);
    return seconds + (int64_t)monotonic_start - HEAD_START;
}

void clock_start(void)
{
    monotonic_start = monotonic_seconds();
    atomic_store(&now_ticks, HEAD_START);
    atomic_store(&date_of_zero, find_date_of_zero());
}

void clock_tick(void)
{
    rel_time_t ticks = (rel_time_t)(monotonic_seconds() - monotonic_start) + HEAD_START;
    int64_t offset = find_date_of_zero();
    int64_t drift = offset - atomic_load(&date_of_zero);
    atomic_store_explicit(&now_ticks, ticks, memory_order_relaxed);
    /* A drift of one second is rounding. Ignore it, so that dates convert both ways. */
    if (drift > 1 || drift < -1)
        atomic_store(&date_of_zero, offset);
}

struct timeval clock_until_next(void)
{
    uint64_t us = 1000000 - monotonic_us() % 1000000;
    return (struct timeval){ (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };
}

rel_time_t clock_now(void)
{
    return atomic_load_explicit(&now_ticks, memory_order_relaxed);
}

rel_time_t clock_relative(time_t exptime, rel_time_t now, time_t started)
{
    if (exptime == 0)
        return 0;
    if (exptime < 0)
        return 1;
    if (exptime <= CLOCK_RELATIVE_MAX)
        return now + (rel_time_t)exptime;
    if (exptime <= started)
        return 1;
    if (exptime - started > (time_t)UINT32_MAX)
        return UINT32_MAX;
    return (rel_time_t)(exptime - started);
}

rel_time_t clock_realtime(time_t exptime)
{
    time_t started = 0;
    if (exptime > CLOCK_RELATIVE_MAX)
        started = (time_t)atomic_load_explicit(&date_of_zero, memory_order_relaxed);
    return clock_relative(exptime, clock_now(), started);
}

time_t clock_abstime(rel_time_t when)
{
    return (time_t)atomic_load_explicit(&date_of_zero, memory_order_relaxed) + when;
}

rel_time_t clock_uptime(void)
{
    return clock_now() - HEAD_START;
}

time_t clock_date(void)
{
    return clock_abstime(clock_now());
}

int64_t clock_left(rel_time_t exptime)
{
    rel_time_t now = clock_now();
    if (exptime == 0)
        return -1;
    return exptime > now ? exptime - now : 0;
}
