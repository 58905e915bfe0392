/*
 * A flush starts a new epoch. Items of an older epoch are a miss from that moment, and
 * a sweep removes them from the table afterwards. When an item is stored, its epoch is
 * read under its bucket's lock, so "before" and "after" need no clock.
 *
 * Epochs are numbers up to EPOCH_MASK. Items may exist of the epochs between `swept`
 * and `epoch`. If the next epoch would reach `swept` from behind, the flush sweeps first.
 */
#include "store/instance.h"

#include "base/check.h"

enum { GARBAGE_MAX = 32 }; /* large items to unmap after the bucket is unlocked */

static void sweep_bucket(struct store *s, struct bucket *b, uint32_t *garbage,
                         int *ngarbage)
{
    struct counters *c = store_counters(s);
    for (struct bucket *link = b; link != NULL; link = bucket_next(&s->table, link)) {
        for (int i = 0; i < BUCKET_SLOTS && *ngarbage < GARBAGE_MAX; i++) {
            struct item *it = slot_item(&s->table, slot_load(&link->slot[i]));
            if (it == NULL || item_epoch(it) == atomic_load(&s->epoch))
                continue;
            struct spot spot = {
                .bucket = b, .slot = &link->slot[i], .it = it, .garbage = SEGMENT_NONE
            };
            COUNT(c->reclaimed, 1);
            COUNT(c->curr_items, -1);
            atomic_store_explicit(&link->slot[i], 0, memory_order_relaxed);
            store_retire(s, &spot, it);
            if (spot.garbage != SEGMENT_NONE)
                garbage[(*ngarbage)++] = spot.garbage;
        }
    }
}

/* Removes the stale items of one bucket; false if there is no such bucket. */
static bool sweep_one(struct store *s, uint32_t index)
{
    uint32_t garbage[GARBAGE_MAX];
    int n;
    do {
        struct bucket *b = table_lock_index(&s->table, index);
        if (b == NULL)
            return false;
        n = 0;
        sweep_bucket(s, b, garbage, &n);
        table_trim(&s->table, b);
        table_unlock(b);
        for (int i = 0; i < n; i++)
            memory_dispose_large(&s->memory, garbage[i]);
    } while (n == GARBAGE_MAX);
    return true;
}

static void prefetch_items(struct store *s, uint32_t index)
{
    if (index >= table_count(&s->table))
        return;
    for (int i = 0; i < BUCKET_SLOTS; i++)
        __builtin_prefetch(
            slot_item(&s->table, slot_load(&s->table.buckets[index].slot[i])));
}

bool store_sweep(struct store *s)
{
    AZ(pthread_mutex_lock(&s->sweep_lock));
    uint32_t epoch = atomic_load(&s->epoch);
    bool due = atomic_load(&s->swept) != epoch;
    if (due) {
        for (uint32_t i = 0; sweep_one(s, i); i++)
            prefetch_items(s, i + 3);
        atomic_store(&s->swept, epoch);
    }
    AZ(pthread_mutex_unlock(&s->sweep_lock));
    return due;
}

/* The caller holds flush_lock. */
static void start_epoch(struct store *s)
{
    uint32_t next = (atomic_load(&s->epoch) + 1) & EPOCH_MASK;
    if (next == atomic_load(&s->swept))
        store_sweep(s);
    atomic_store(&s->epoch, next);
    background_wake(&s->background);
}

void store_flush(struct store *s, rel_time_t when)
{
    AZ(pthread_mutex_lock(&s->flush_lock));
    if (when <= s->now()) {
        atomic_store(&s->flush_at, 0);
        start_epoch(s);
    } else {
        atomic_store(&s->flush_at, when);
    }
    AZ(pthread_mutex_unlock(&s->flush_lock));
}

void store_flush_due(struct store *s)
{
    AZ(pthread_mutex_lock(&s->flush_lock));
    uint32_t at = atomic_load(&s->flush_at);
    if (at != 0 && at <= s->now()) {
        atomic_store(&s->flush_at, 0);
        start_epoch(s);
    }
    AZ(pthread_mutex_unlock(&s->flush_lock));
}
