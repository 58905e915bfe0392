/*
 * What segment.c, large.c and queue.c share: lists of segments, linked by number
 * through the segments themselves, and the budget. All of it with memory.lock held.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

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

/* In front of those that are younger. From the nearer end, as far as one can tell. */
static inline void list_insert(struct memory *m, struct segment_list *list, uint32_t id)
{
    uint64_t order = m->segments[id].order;
    uint32_t before = list->tail, after = SEGMENT_NONE;
    if (before != SEGMENT_NONE && m->segments[before].order > order) {
        before = SEGMENT_NONE;
        after = list->head;
        while (m->segments[after].order <= order) {
            before = after;
            after = m->segments[after].next;
        }
    }
    if (after == SEGMENT_NONE) {
        list_append(m, list, id);
        return;
    }
    m->segments[id].prev = before;
    m->segments[id].next = after;
    m->segments[after].prev = id;
    if (before == SEGMENT_NONE)
        list->head = id;
    else
        m->segments[before].next = id;
    list->count++;
    list->bytes += m->segments[id].charged;
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

/* Whether nobody will ever look at this item again. */
static inline bool is_garbage(const struct segment *seg)
{
    return item_word((const struct item *)(const void *)seg->base) == ITEM_DEAD;
}

/* Whether someone has a reference to this large item. */
static inline bool is_in_use(const struct segment *seg)
{
    return (item_word((const struct item *)(const void *)seg->base) & ITEM_REFS) != 0;
}

/* Bytes not charged yet; 0 when the table's growth has taken more than there was. */
static inline size_t unspent(struct memory *m)
{
    size_t charged = atomic_load_explicit(&m->charged, memory_order_relaxed);
    return charged < m->limit ? m->limit - charged : 0;
}

/* How many segments could be opened. */
static inline uint32_t available(struct memory *m)
{
    return (uint32_t)((unspent(m) + m->runs.bytes[RUN_WARM]) >> m->segment_shift);
}

/* Pages out of the budget: warm ones, or cold ones for which others are given back if
 * need be. RUN_NONE: none in one piece, now. */
uint32_t pages_take(struct memory *m, size_t bytes, size_t align);
/* They are free again. charged: fewer bytes than there are if some were given back. */
void pages_give(struct memory *m, uint32_t run, size_t charged);

/* What each number of a segment costs: its row, and one of its pages and of those free
 * beside them. */
#define NUMBER_COST (sizeof(struct segment) + 2 * sizeof(struct run))

/* A segment that was free is open, and empty. */
void segment_reset(struct segment *seg, unsigned queue);
void segment_enqueue(struct memory *m, uint32_t id, unsigned queue, uint64_t order,
                     bool park);

/* Open segments (memory.c): a free one begins to be filled; one more item at its end,
 * NULL when it has no room. Whoever guards the open segment holds its lock. */
void open_begin(const struct memory *m, struct open_segment *open, uint32_t id,
                uint64_t order);
struct item *open_bump(struct open_segment *open, const struct item *header, size_t size);

/* The pages and the number of a large item are free. */
void large_free(struct memory *m, uint32_t id);
/* If it is queued and nobody uses it, it is freed when dead, unparked when not. */
void large_settle(struct memory *m, uint32_t id);

/* Where a queued segment is. */
static inline struct segment_list *list_of(struct memory *m, const struct segment *seg)
{
    return seg->parked ? &m->parked : &m->queue[seg->queue];
}

#endif
