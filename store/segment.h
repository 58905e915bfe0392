/*
 * A segment's row, and lists of segments, linked by number through the rows themselves.
 *
 *   state:  FREE --take--> OPEN --seal--> QUEUED --claim--> CLAIMED --recycle--> FREE
 *                                            ^                 |
 *                                            +----requeue------+
 *
 * Locked by whoever owns the rows (memory.lock), but for what is atomic.
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

/* Places in a queue. What came with a copy is older than whatever came since; of the ages
 * in a copy each has one place. */
#define ORDER_LAST     0
#define ORDER_AGE(age) (((uint64_t)(age) + 1) << 16)
#define ORDER_LIVE     (UINT64_C(16) << 16)
#define ORDER_OPEN     UINT64_MAX /* not sealed yet */

struct segment {
    char *base;
    _Atomic uint64_t dead;        /* items << 40 | bytes, of those dead */
    _Atomic uint32_t used, items; /* handed out; known once sealed */
    _Atomic uint32_t min_exptime; /* none expires before; EXPTIME_NONE */
    uint32_t run;                 /* its pages */
    _Atomic uint64_t order;       /* its place in its queue */
    uint32_t prev, next;          /* in its queue or free list */
    uint32_t charged;             /* bytes of the budget */
    uint8_t state;
    _Atomic uint8_t queue;
    bool large;
    _Atomic bool parked;  /* in the list of those with items in use */
    bool busy;            /* someone scans it: not to be claimed */
    uint32_t next_search; /* time before which no scan for expired items is due */
};

/* It was free, and is open and empty. */
void segment_reset(struct segment *seg, unsigned queue);

/* Let it know that one of its items now expires at exptime; 0: never. Any thread. */
void segment_note_exptime(struct segment *seg, uint32_t exptime);

/* Where the items of a sealed one end. */
static inline char *segment_end(const struct segment *seg)
{
    return seg->base + atomic_load_explicit(&seg->used, memory_order_relaxed);
}

/* The first item of a segment, the only one of a large item's. */
static inline struct item *segment_item(const struct segment *seg)
{
    return (struct item *)(void *)seg->base;
}

struct segment_list {
    uint32_t head, tail, count;
    size_t bytes; /* charged for those in it */
};

void segment_list_clear(struct segment_list *list);
void segment_list_append(struct segment *all, struct segment_list *list, uint32_t id);
/* In front of those that are younger. */
void segment_list_insert(struct segment *all, struct segment_list *list, uint32_t id);
void segment_list_remove(struct segment *all, struct segment_list *list, uint32_t id);
/* The last one, out of the list; SEGMENT_NONE if there is none. */
uint32_t segment_list_pop(struct segment *all, struct segment_list *list);

#endif
