/*
 * Shared by the files of the memory. The caller holds memory.lock for all of it.
 */
#ifndef STORE_MEMORY_INTERNAL_H
#define STORE_MEMORY_INTERNAL_H

#include "store/memory.h"

/* The cost of each segment number: its row, the run of its pages, and the free run next
 * to it. */
#define NUMBER_COST (sizeof(struct segment) + 2 * sizeof(struct run))

/* How many segments could be opened. */
static inline uint32_t memory_available_locked(const struct memory *m)
{
    return (uint32_t)(pages_available(&m->pages) >> m->segment_shift);
}

/* The list that contains a queued segment. */
static inline struct segment_list *memory_list_of(struct memory *m,
                                                  const struct segment *seg)
{
    return seg->parked ? &m->parked : &m->queue[seg->queue];
}

/* states.c: puts a segment at its position in a queue, or into the parked list. */
void memory_enqueue(struct memory *m, uint32_t id, unsigned queue, uint64_t order,
                    bool park);

#endif
