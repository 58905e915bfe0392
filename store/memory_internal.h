/*
 * Between the files of the memory. All of it with memory.lock held.
 */
#ifndef STORE_MEMORY_INTERNAL_H
#define STORE_MEMORY_INTERNAL_H

#include "store/memory.h"

/* What each number of a segment costs: its row, and one of its pages and of those free
 * beside them. */
#define NUMBER_COST (sizeof(struct segment) + 2 * sizeof(struct run))

/* How many segments could be opened. */
static inline uint32_t memory_available_locked(const struct memory *m)
{
    return (uint32_t)(pages_available(&m->pages) >> m->segment_shift);
}

/* Where a queued segment is. */
static inline struct segment_list *memory_list_of(struct memory *m,
                                                  const struct segment *seg)
{
    return seg->parked ? &m->parked : &m->queue[seg->queue];
}

/* states.c: a segment to its place in a queue, or to the parked ones. */
void memory_enqueue(struct memory *m, uint32_t id, unsigned queue, uint64_t order,
                    bool park);

#endif
