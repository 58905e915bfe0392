/*
 * Tells a subscriber what the store does on its own (<memcached/engine_mirror.h>), and a
 * host's log what it evicts (<memcached/engine_admin.h>). Calls them on the thread that
 * did it, with no lock held.
 */
#ifndef STORE_NOTES_H
#define STORE_NOTES_H

#include "store/instance.h"

_Static_assert(MARK_FREQ == CREDIT_USES && MARK_FETCHED == CREDIT_FETCHED,
               "an item's mark is the low part of its credit");

static inline item_credit notes_credit(unsigned mark, unsigned queue)
{
    return (item_credit)(CREDIT_GIVEN | (mark & (MARK_FREQ | MARK_FETCHED)) |
                         (queue == QUEUE_MAIN ? CREDIT_PROVEN : 0));
}

/* kind is NOTE_KEPT or NOTE_EVICTED; mark and queue are the current ones. */
void notes_tell(struct store *s, enum engine_note_kind kind, const struct item *it,
                unsigned mark, unsigned queue);
static inline bool notes_are_watched(struct store *s)
{
    return __builtin_expect(atomic_load(&s->evicted) != NULL, 0);
}

/* Does nothing if nobody watches. */
void notes_tell_evicted(struct store *s, const struct item *it);
struct admin_glimpse notes_glimpse(struct store *s, const struct item *it);
void notes_tell_read(struct store *s, const void *key, size_t nkey);

/* True if a read that raises no credit should be told nevertheless, as a sample. */
static inline bool notes_sample(struct store *s)
{
    unsigned every = atomic_load_explicit(&s->sample_every, memory_order_relaxed);
    return __builtin_expect(every != 0, 0) &&
           COUNT(store_counters(s)->sampled, 1) % every == 0;
}

#endif
