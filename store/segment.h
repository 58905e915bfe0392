/*
 * A segment's row, and lists of segments, which are linked by number through the rows.
 *
 *   state:  FREE --take--> OPEN --seal--> QUEUED --claim--> CLAIMED --recycle--> FREE
 *                                            ^                 |
 *                                            +----requeue------+
 *
 * The owner of the rows locks them (memory.lock), except for atomic members.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/item.h"

enum { QUEUE_SMALL, QUEUE_MAIN, QUEUES };
enum segment_state { SEGMENT_FREE, SEGMENT_OPEN, SEGMENT_QUEUED, SEGMENT_CLAIMED };

#define SEGMENT_NONE  UINT32_MAX
#define EXPTIME_NONE  UINT32_MAX
#define DEAD_ONE_ITEM (1ull << 40)
#define DEAD_BYTES    (DEAD_ONE_ITEM - 1)

/* Positions in a queue. Items from a copy are older than all items that came later; each
 * age in a copy has one position. */
#define ORDER_LAST     0
#define ORDER_AGE(age) (((uint64_t)(age) + 1) << 16)
#define ORDER_LIVE     (UINT64_C(16) << 16)
#define ORDER_OPEN     UINT64_MAX /* not sealed yet */

struct segment {
    char *base;
    _Atomic uint64_t dead;        /* dead items << 40 | their bytes */
    _Atomic uint32_t used, items; /* bytes and items allocated; known once it is sealed */
    _Atomic uint32_t min_exptime; /* no item expires before it; EXPTIME_NONE */
    uint32_t run;                 /* its pages */
    _Atomic uint64_t order;       /* its position in its queue */
    uint32_t prev, next;          /* in its queue or free list */
    uint32_t charged;             /* bytes of the budget */
    uint8_t state;
    _Atomic uint8_t queue;
    bool large;
    _Atomic bool parked;  /* in the list of segments with items in use */
    bool busy;            /* someone scans it: do not claim it */
    uint32_t next_search; /* no scan for expired items is due before this time */
};

/* Turns a free segment into an open, empty one. */
void segment_reset(struct segment *seg, unsigned queue);

/* Tells it that one of its items now expires at exptime; 0: never. Any thread. */
void segment_note_exptime(struct segment *seg, uint32_t exptime);

/* The end of the items in a sealed segment. */
static inline char *segment_end(const struct segment *seg)
{
    return seg->base + atomic_load_explicit(&seg->used, memory_order_relaxed);
}

/* The first item of a segment; a large item's segment has only one. */
static inline struct item *segment_item(const struct segment *seg)
{
    return (struct item *)(void *)seg->base;
}

struct segment_list {
    uint32_t head, tail, count;
    size_t bytes; /* charged for the segments in it */
};

void segment_list_clear(struct segment_list *list);
void segment_list_append(struct segment *all, struct segment_list *list, uint32_t id);
/* Inserts it before the segments that are younger. */
void segment_list_insert(struct segment *all, struct segment_list *list, uint32_t id);
void segment_list_remove(struct segment *all, struct segment_list *list, uint32_t id);
/* Removes and returns the last segment; SEGMENT_NONE if the list is empty. */
uint32_t segment_list_pop(struct segment *all, struct segment_list *list);

#endif
