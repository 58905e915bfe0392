/*
 * Lists of segments, linked by number through the segments themselves. memory.lock held.
 */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "store/memory.h"

static inline void list_append(struct memory *m, struct segment_list *list, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    seg->next = SEGMENT_NONE;
    seg->prev = list->tail;
    if (list->tail == SEGMENT_NONE)
        list->head = id;
    else
        m->segments[list->tail].next = id;
    list->tail = id;
    list->count++;
    list->bytes += seg->charged;
}

static inline void list_remove(struct memory *m, struct segment_list *list, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    if (seg->prev == SEGMENT_NONE)
        list->head = seg->next;
    else
        m->segments[seg->prev].next = seg->next;
    if (seg->next == SEGMENT_NONE)
        list->tail = seg->prev;
    else
        m->segments[seg->next].prev = seg->prev;
    list->count--;
    list->bytes -= seg->charged;
}

static inline uint32_t list_pop(struct memory *m, struct segment_list *list)
{
    uint32_t id = list->tail;

    if (id != SEGMENT_NONE)
        list_remove(m, list, id);
    return id;
}

/* Where a queued segment is. */
static inline struct segment_list *list_of(struct memory *m, const struct segment *seg)
{
    return seg->parked ? &m->parked : &m->queue[seg->queue];
}

#endif
