/*
 * The memory of a store: a budget of bytes, and the segments of items within it.
 *
 *            lane 0              lane 1         ...  (one per processor)
 *         small  main         small  main
 *           |     |             |     |      open segments: items are added at their end
 *           v     v             v     v
 *   small queue: [seg] -> [seg] -> [seg]          about a tenth of the memory
 *                  | oldest: items that were read move on, the rest is evicted
 *                  v
 *   main queue:  [seg] -> [seg] -> ... -> [seg]
 *                  | oldest: items that were read move to the end, the rest is evicted
 *
 * A queue is sorted by `order`, oldest first: sealed segments are added at its end. Items
 * that have an age of their own (they come from another node's copy, or are moved
 * unchanged while this node follows one) fill separate segments, which take the position
 * that their age determines.
 *
 * A segment has a fixed size, a power of two, in one reserved arena, so the segment of an
 * item is computed from its address. An item larger than an eighth of that has pages of
 * its own in the arena (pages.h), and queues like a segment. Space of overwritten and
 * deleted items is counted in `dead`; it is free again when the segment is reclaimed
 * (reclaim.c).
 *
 * A segment is parked if it contains items that cannot be moved because someone holds a
 * reference: it is in no queue and keeps its addresses, but gives back the pages that
 * hold nothing else. A large item returns to its queue as soon as nobody uses it;
 * segments are checked from time to time.
 *
 * The budget counts everything that the store occupies: pages of segments and of large
 * items, the hash table, the tables here.
 *
 * Files, each of which calls only those below it:
 *
 *   memory.c             start and end; puts items into the open segments of the lanes
 *   aged.c               puts items into separate segments by their age
 *   large.c              items with pages of their own
 *   claim.c census.c due.c    which segment to reclaim, what all hold, which to search
 *   states.c             moves segments from one state to the next
 *   open.h pages.h       filling a segment; pages within the budget
 *   segment.h runs.h budget.h  rows and lists; runs of pages; bytes
 *
 * Locks: a lane's spin lock guards its open segments; memory.lock guards states, queues
 * and free lists. Neither is held while taking a bucket's lock; both may be taken under
 * one. Counters are atomic.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/lock.h"
#include "store/open.h"
#include "store/pages.h"

#define LARGE_PREFIX 64 /* before a large item: the number of its segment */

/* Segments with much to gain, as found by the last survey of all segments. */
enum { FINDS_MAX = 32 };
struct finds {
    uint32_t id[FINDS_MAX];
    uint64_t gain[FINDS_MAX];
    uint32_t n;
    uint32_t good_for; /* claims until the next survey */
    uint32_t expiring; /* a segment with expired items, or SEGMENT_NONE */
    bool pays;         /* so much is dead that moving is better than evicting */
    uint64_t spare;    /* bytes to gain in total */
};

/* The open segments of items that have an age. */
enum { AGED_OPEN = 12 };
struct aged {
    pthread_mutex_t lock; /* before memory.lock */
    struct open_segment open[AGED_OPEN];
    uint64_t used_at[AGED_OPEN], uses, uses_before;
};

struct lane {
    _Alignas(128) spin_lock lock;
    struct open_segment open[QUEUES];
};

struct memory {
    char *arena;
    unsigned segment_shift;
    uint32_t segment_size;
    struct segment *segments; /* of the arena, then those of large items */
    uint32_t narena, nsegments, nlanes;
    struct lane *lanes;
    _Atomic uint32_t filled;    /* so many lanes are filled: all, or the first */
    _Atomic uint32_t reserve;   /* segments kept for moving items */
    _Atomic uint32_t target;    /* free segments that the background tries to keep */
    void (*low)(void *context); /* called, without locks, when less than target is free */
    void *context;

    _Alignas(64) struct budget budget;

    _Alignas(64) pthread_mutex_t lock;
    struct segment_list queue[QUEUES], parked;
    uint64_t order[QUEUES];         /* of the last sealed segment */
    struct segment_list large_free; /* unused numbers */
    struct pages pages;
    uint32_t claimed; /* number of segments in that state */
    struct finds finds;
    uint32_t arena_next, large_next; /* the first numbers that were never used */
    struct range segment_range;
    struct aged aged;
    _Atomic uint64_t oldest[QUEUES], youngest[QUEUES]; /* orders, as of the last seal */
};

/* limit: bytes of the budget. thrift: how much to save addresses, from 0 (none) to
 * MEMORY_THRIFT_MOST. False: the kernel refuses so many addresses. */
enum { MEMORY_THRIFT_MOST = 2 };
bool memory_init(struct memory *m, size_t limit, unsigned thrift);
void memory_fini(struct memory *m);

/* Another limit. Free pages beyond it go back to the system; what is in use stays. */
void memory_set_limit(struct memory *m, size_t limit);

/* A follower stores from one thread and moves only what it is told to. So it manages with
 * less free memory and fewer open segments, and can hold everything that the leader does.
 * Seals the segments that it does not fill any more. */
void memory_follow(struct memory *m, bool follows);

/* The lane that the calling thread currently uses. */
uint32_t memory_lane(const struct memory *m);

enum memory_grade {
    MEMORY_FOR_CLIENT, /* does not touch the reserve */
    MEMORY_FOR_MOVE    /* may use the whole reserve */
};

/* Allocates space for an item and copies *header to its start. NULL: nothing is free;
 * reclaim and try again. May take memory.lock. */
struct item *memory_alloc(struct memory *m, unsigned queue, const struct item *header,
                          enum memory_grade grade);

/* The same, for a given position in the queue (not ORDER_LAST). */
struct item *memory_alloc_aged(struct memory *m, unsigned queue, uint64_t order,
                               const struct item *header, enum memory_grade grade);
/* Seals the open segments of memory_alloc_aged if it was not called since the last seal
 * attempt. */
void memory_seal_aged(struct memory *m);

/* Counts an item's space as dead. Do not touch the item after it has been marked dead. */
void memory_note_dead(struct memory *m, const struct item *it);

/* The number of a large item's segment, SEGMENT_NONE for other items. Call this before
 * giving up the item, as its pages may be freed at any time afterwards. */
static inline uint32_t memory_large_id(const struct memory *m, const struct item *it);

/* Call this when a large item may have lost its last reference. If it has, and no other
 * thread has handled it, this frees the pages of a DEAD item, or puts a parked item into
 * its queue again. */
void memory_dispose_large(struct memory *m, uint32_t id);

/* True if a large item is parked; only a hint. */
static inline bool memory_is_parked(const struct memory *m, uint32_t id)
{
    return atomic_load(&m->segments[id].parked);
}

/* True if an item of this size may be allocated. Items that clients are sending, or are
 * slow to read, must leave room for others: large ones are refused while half of the
 * memory is parked. */
bool memory_may_hold(struct memory *m, size_t size);

/* Tells an item's segment that the item now expires at exptime; 0: never. */
void memory_note_exptime(struct memory *m, const struct item *it, uint32_t exptime);

/* How many segments could be opened now. At or below the reserve, clients get none. */
uint32_t memory_available(struct memory *m);

/* memory_take opens a free segment: SEGMENT_NONE if there is none. memory_seal puts an
 * open one at the end of its queue. */
uint32_t memory_take(struct memory *m, unsigned queue, enum memory_grade grade);
void memory_seal(struct memory *m, const struct open_segment *open);
struct item *memory_alloc_large(struct memory *m, unsigned queue, uint64_t order,
                                const struct item *header, enum memory_grade grade);

/* Frees a claimed (or just taken) segment that has no live items. */
void memory_recycle(struct memory *m, uint32_t id);
/* Puts a claimed segment at the end of its queue, or into the parked list. */
void memory_requeue(struct memory *m, uint32_t id, unsigned queue, bool park);
/* Gives back the pages of a claimed segment that contain nothing. */
void memory_hollow(struct memory *m, uint32_t id);
/* Claims the parked segment that has waited longest; or SEGMENT_NONE. */
uint32_t memory_claim_parked(struct memory *m);
uint32_t memory_parked(struct memory *m);
uint32_t memory_queued(struct memory *m);

enum claim_mode {
    CLAIM_NOTHING, /* there is none, and only clients can give some back */
    CLAIM_WAIT,    /* other threads have claimed all, and will return some */
    CLAIM_COMPACT, /* move live items, evict nothing */
    CLAIM_EVICT
};
/* The request for a claim. */
struct claim_order {
    bool compact, evict; /* the modes that are allowed */
    bool follow;         /* evict nothing while compacting still yields memory */
    bool main_is_vain;   /* the main queue's items are too hot to evict */
    uint32_t now;        /* for expired items */
};
/* Chooses the segment that is cheapest to reclaim and claims it. */
enum claim_mode memory_claim(struct memory *m, const struct claim_order *order,
                             uint32_t *id);

/* Moves a large item to the end of a queue. Its bucket is locked. */
void memory_renew_large(struct memory *m, const struct item *it, unsigned queue);

/* The age of an item in its queue: 0 for the oldest, ages - 1 for the youngest. */
unsigned memory_age(const struct memory *m, const struct item *it, unsigned ages);

/* The content of a queue, including open segments and those under reclaim. */
struct census {
    uint64_t segments, large, items, bytes; /* bytes of live items */
    uint64_t dead;                          /* bytes that reclaiming would free */
};
void memory_count(struct memory *m, struct census census[QUEUES],
                  uint64_t *free_segments);

/* Finds the next segment, from *cursor on, that may have expired items, and marks it busy
 * so that it can be scanned. SEGMENT_NONE: the end. *end is set to the end of its items.
 */
uint32_t memory_pin_next(struct memory *m, uint32_t *cursor, uint32_t now, char **end);
void memory_unpin(struct memory *m, uint32_t id, uint32_t next_search);

/* True for items that have pages of their own. */
static inline bool size_is_large(const struct memory *m, size_t size)
{
    return size > m->segment_size / 8;
}

static inline bool memory_is_large(const struct memory *m, const struct item *it)
{
    return size_is_large(m, item_size(it));
}

static inline uint32_t memory_segment_id(const struct memory *m, const struct item *it)
{
    if (__builtin_expect(memory_is_large(m, it), 0))
        return *(const uint32_t *)((const char *)it - LARGE_PREFIX);
    return (uint32_t)((size_t)((const char *)it - m->arena) >> m->segment_shift);
}

static inline uint32_t memory_large_id(const struct memory *m, const struct item *it)
{
    return __builtin_expect(memory_is_large(m, it), 0) ? memory_segment_id(m, it)
                                                       : SEGMENT_NONE;
}

static inline struct segment *memory_segment(const struct memory *m,
                                             const struct item *it)
{
    return &m->segments[memory_segment_id(m, it)];
}

#endif
