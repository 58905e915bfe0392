/*
 * The background thread of a store. Every turn, or earlier if a worker asks, it does
 * this:
 *
 *   memory limit     takes a step towards a lower one
 *   free segments    keeps some in reserve, so that workers seldom reclaim themselves
 *   aged segments    seals them when they receive no more items
 *   due flush        fires it, and sweeps flushed items out of the table
 *   expired items    removes them, for at most a hundredth of the time
 *   last uses        keeps them from getting too old for their bits
 *   CAS              keeps it at or above the clock, once a second
 *   ghost table      resizes it for the number of items
 *   hash table       shrinks it when it is far too large for its items
 */
#include "store/instance.h"

#include "base/check.h"
#include "store/seen.h"

enum {
    TURN_MS = 100,
    EXPIRE_US = TURN_MS * 10,
    TURNS_A_SECOND = 1000 / TURN_MS,
    REFILL_MAX = 64,
    SHRINK_STEPS = 10000
};

static void keep_free_segments(struct store *s)
{
    for (int i = 0; i < REFILL_MAX && memory_available(&s->memory) <= s->memory.target;
         i++) {
        if (!store_reclaim(s, NULL))
            return;
    }
}

/* A scan must not miss an item, so no scan may begin during a step. */
static bool shrink_step(struct store *s)
{
    AZ(pthread_mutex_lock(&s->tap_lock));
    bool done = s->scans == NULL && table_shrink(&s->table);
    AZ(pthread_mutex_unlock(&s->tap_lock));
    return done;
}

/* From below one and a half items per bucket to three; a full bucket holds seven. */
static void shrink_table(struct store *s)
{
    uint64_t items = store_count_items(s);
    uint32_t buckets = table_count(&s->table);
    s->maintenance.shrinking =
        s->maintenance.shrinking ? items < 3ull * buckets : 2 * items < 3ull * buckets;
    if (!s->maintenance.shrinking)
        return;
    AZ(pthread_mutex_lock(&s->sweep_lock));
    for (int i = 0; i < SHRINK_STEPS && shrink_step(s); i++)
        ;
    AZ(pthread_mutex_unlock(&s->sweep_lock));
}

static void turn(void *store)
{
    struct store *s = store;
    store_check_flush(s);
    store_sweep(s);
    bool more = store_follow_limit(s);
    keep_free_segments(s);
    if (more)
        background_wake(&s->background);
    memory_seal_aged(&s->memory);
    store_expire(s, EXPIRE_US);
    if (++s->maintenance.turns % TURNS_A_SECOND == 0)
        store_reclaim_parked(s);
    seen_age(s, TURNS_A_SECOND);
    shrink_table(s);
    store_follow_clock(s);
    budget_charge(&s->memory.budget, ghost_resize(&s->ghost, store_count_items(s)));
}

bool store_maintain(struct store *s)
{
    return background_start(&s->background, TURN_MS, turn, s);
}
