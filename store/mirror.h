/*
 * A store that is mirrored, or is a mirror: the rows of <memcached/engine_mirror.h>.
 *
 *   leading                                following
 *     kept, evicted, read  --- notes --->    repeat: the queues hold the same, in order
 *     peek, credit         --- a state -->   allocate, store: where it stands there
 */
#ifndef STORE_MIRROR_H
#define STORE_MIRROR_H

#include "store/store.h"

extern const struct engine_mirror mirror_rows;

/* Something happened here that a mirror wants to know: kind is NOTE_KEPT or NOTE_EVICTED,
 * mark and queue as they are now. No lock held. */
void mirror_tell(struct store *s, enum engine_note_kind kind, const struct item *it,
                 unsigned mark, unsigned queue);
void mirror_read(struct store *s, const void *key, size_t nkey);

/* Is this read, which raises nothing, one of those that are told all the same? */
static inline bool mirror_samples(struct store *s)
{
    unsigned every = atomic_load_explicit(&s->sample_every, memory_order_relaxed);
    return __builtin_expect(every != 0, 0) &&
           COUNT(store_counters(s)->sampled, 1) % every == 0;
}

#endif
