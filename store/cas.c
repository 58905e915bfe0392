/*
 * CAS values of items: microseconds since 1970 << 8, and at least one step above the last
 * value, so that they never go back over a restart. The low byte is the store's own.
 *
 * An adopted value raises all values that follow, so it must leave room for them: 64 bits
 * last until the year 4253. The other node must in turn be able to adopt the following
 * values, however high the first one was. So the bound moves with the clock; a fixed
 * bound would be exceeded by the values that follow.
 */
#include "store/instance.h"

#include <time.h>

/* 142 years: more than the error of a machine that believes it is 1970. */
#define AHEAD_MAX (UINT64_C(1) << 60)

static uint64_t clock_cas(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) * CAS_STEP;
}

static void raise(struct store *s, uint64_t cas)
{
    uint64_t seen = atomic_load_explicit(&s->cas, memory_order_relaxed);
    uint64_t want;
    do {
        want = (cas & ~(uint64_t)(CAS_STEP - 1)) | (seen & (CAS_STEP - 1));
        if (want <= seen)
            return;
    } while (!atomic_compare_exchange_weak(&s->cas, &seen, want));
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
