/*
 * CAS numbers of items: microseconds since 2025, times 8, and at least one step above the
 * last number, so that they never go back over a restart. They are below 2^53 until 2060:
 * clients that hold a CAS as a double have it exactly.
 *
 *   52                                       3 2    0
 *   | microseconds since 2025                 | side |
 *
 * The side tells who gave the number: 0 and 1 are the nodes of a pair that have met, so
 * they never give the same one. A node that has not met its peer draws another side.
 *
 * An adopted number raises all that follow. The other node must in turn be able to adopt
 * those, however high the first one was. So the bound moves with the clock; a fixed bound
 * would be exceeded by the numbers that follow.
 */
#include "store/instance.h"

#include <sys/random.h>
#include <time.h>

#define EPOCH_US UINT64_C(1735689600000000) /* 2025-01-01 in microseconds since 1970 */

/* 17 years: more than the error of a machine that believes it is 1970, until 2042. */
#define AHEAD_MAX (UINT64_C(1) << 52)

enum {
    SIDE_MASK = CAS_STEP - 1,
    FIRST_DRAWN = 2, /* lower ones are given by store_set_side */
};

static uint64_t clock_cas(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    uint64_t us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
    return us > EPOCH_US ? (us - EPOCH_US) * CAS_STEP : 0;
}

static void raise(struct store *s, uint64_t cas)
{
    uint64_t seen = atomic_load_explicit(&s->cas, memory_order_relaxed);
    uint64_t want;
    do {
        want = (cas & ~(uint64_t)SIDE_MASK) | (seen & SIDE_MASK);
        if (want <= seen)
            return;
    } while (!atomic_compare_exchange_weak(&s->cas, &seen, want));
}

void store_set_side(struct store *s, unsigned side)
{
    uint64_t seen = atomic_load_explicit(&s->cas, memory_order_relaxed);
    uint64_t want;
    do /* a step up: no number is given twice, whatever the old side was */
        want = (seen | SIDE_MASK) + 1 + side;
    while (!atomic_compare_exchange_weak(&s->cas, &seen, want));
}

void store_draw_side(struct store *s)
{
    uint8_t drawn = 0;
    if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != sizeof(drawn))
        drawn = (uint8_t)((uintptr_t)s >> 12);
    store_set_side(s, FIRST_DRAWN + drawn % (CAS_STEP - FIRST_DRAWN));
}

void store_follow_clock(struct store *s)
{
    raise(s, clock_cas());
}

uint64_t store_adopt_cas(struct store *s, uint64_t cas)
{
    if (cas > AHEAD_MAX && cas - AHEAD_MAX > clock_cas())
        return store_next_cas(s);
    raise(s, cas);
    return cas;
}
