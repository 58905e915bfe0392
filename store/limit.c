/*
 * Another memory limit while the store runs. A higher one holds at once. A lower one is
 * reached in steps, by the background thread: a client that stores meanwhile never has to
 * reclaim more than one step.
 *
 *   limit   ------+
 *                 |  what is free goes at once
 *   charged       +--+
 *                    +--+   a step each turn: reclaim it, give its pages back
 *   wanted  ---------------+------
 */
#include "store/instance.h"

enum { STEP = 16 }; /* segments */

/* Parked segments and gaps need addresses, too. */
uint64_t store_limit_most(const struct store *s)
{
    uint64_t half = s->memory.pages.runs.pages.size / 2;
    return half > s->config.cache_size ? half : s->config.cache_size;
}

void store_set_limit(struct store *s, size_t bytes)
{
    atomic_store(&s->limit_wanted, bytes);
    if (bytes > budget_limit(&s->memory.budget))
        store_follow_limit(s);
    background_wake(&s->background);
}

bool store_follow_limit(struct store *s)
{
    struct budget *b = &s->memory.budget;
    size_t wanted = atomic_load(&s->limit_wanted), limit = budget_limit(b);
    if (wanted == 0 || (wanted == limit && atomic_load(&b->charged) <= limit))
        return false;
    size_t charged = atomic_load(&b->charged), step = STEP * s->memory.segment_size;
    size_t from = charged < limit ? charged : limit; /* below a higher limit anyway */
    memory_set_limit(&s->memory, from > wanted + step ? from - step : wanted);
    memory_follow(&s->memory, atomic_load(&s->follows));
    return from > wanted + step;
}
