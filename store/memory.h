/*
 * The memory of a store: a budget of bytes, and segments of items in it.
 *
 *            lane 0              lane 1         ...  (one a processor)
 *         small  main         small  main
 *           |     |             |     |      open segments: items are added at their end
 *           v     v             v     v
 *   small queue: [seg] -> [seg] -> [seg]          about a tenth of the memory
 *                  | oldest: what was read moves on, the rest is evicted
 *                  v
 *   main queue:  [seg] -> [seg] -> ... -> [seg]
 *                  | oldest: what was read moves to the end, the rest is evicted
 *
 * A queue is in the order of `order`, oldest first: what is sealed comes last. Items that
 * come with an age of their own (a copy of another node, or moved as they are while this
 * node follows one) fill segments apart, and those take the place that their age asks
 * for.
 *
 * A segment is a fixed power of two of one reserved arena, so that the segment of an item
 * is arithmetic. An item larger than an eighth of that has pages of its own in the arena
 * (pages.h), and queues like a segment. Space of overwritten and deleted items is counted
 * in `dead` and comes back when the segment is reclaimed (reclaim.c).
 *
 * A segment with items that cannot be moved, because someone holds a reference, is
 * parked: it is in no queue, keeps its addresses, but gives back the pages that hold
 * nothing else. A large item is in its queue again as soon as nobody uses it; segments
 * are looked at from time to time.
 *
 * The budget counts whatever the store occupies: pages of segments and of large items,
 * the hash table, the tables here.
 *
 * Files, each of which calls only those below it:
 *
 *   memory.c             beginning and end; items into the open segments of the lanes
 *   aged.c               items into segments apart, by their age
 *   large.c              items with pages of their own
 *   claim.c census.c due.c    which segment to reclaim, what all hold, which to search
 *   states.c             segments from one state to the next
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

/* Segments with much to gain, as the last look at all of them found. */
enum { FINDS_MAX = 32 };
struct finds {
    uint32_t id[FINDS_MAX];
    uint64_t gain[FINDS_MAX];
    uint32_t n;
    uint32_t good_for; /* claims, until the next look */
    uint32_t expiring; /* one with items that expired, SEGMENT_NONE */
    bool pays;         /* so much is dead that moving comes before evicting */
    uint64_t spare;    /* bytes to gain in all */
};

/* Open segments of items that have an age. */
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
    _Atomic uint32_t reserve;   /* segments kept for moving items */
    _Atomic uint32_t target;    /* free segments that the background tries to keep */
    void (*low)(void *context); /* called, without locks, when less than target is free */
    void *context;

    _Alignas(64) struct budget budget;

    _Alignas(64) pthread_mutex_t lock;
    struct segment_list queue[QUEUES], parked;
    uint64_t order[QUEUES];         /* of the last one sealed */
    struct segment_list large_free; /* numbers not in use */
    struct pages pages;
    uint32_t claimed; /* segments in that state */
    struct finds finds;
    uint32_t arena_next, large_next; /* first ones never used */
    struct range segment_range;
    struct aged aged;
    _Atomic uint64_t oldest[QUEUES], youngest[QUEUES]; /* places, as of the last seal */
};

/* limit: bytes of the budget. thrift: how far to get by with fewer addresses than would
 * be good to have, 0 to MEMORY_THRIFT_MOST. False: the kernel does not give as many. */
enum { MEMORY_THRIFT_MOST = 2 };
bool memory_init(struct memory *m, size_t limit, unsigned thrift);
void memory_fini(struct memory *m);

/* A follower stores from one thread, and what it moves it has been told to: it gets by
 * with less free memory, so that it can hold all that the leading node does. */
void memory_follow(struct memory *m, bool follows);

/* Which lane the calling thread uses now. */
uint32_t memory_lane(const struct memory *m);

enum memory_grade {
    MEMORY_FOR_CLIENT, /* leaves the reserve alone */
    MEMORY_FOR_MOVE    /* may use it up */
};

/* Space for an item; *header is copied to its start. NULL: nothing free, reclaim and
 * try again. May take memory.lock. */
struct item *memory_alloc(struct memory *m, unsigned queue, const struct item *header,
                          enum memory_grade grade);

/* The same, with a place of its own in the queue (not ORDER_LAST). */
struct item *memory_alloc_aged(struct memory *m, unsigned queue, uint64_t order,
                               const struct item *header, enum memory_grade grade);
/* Seal what memory_alloc_aged has open, if it was not called since the last time. */
void memory_seal_aged(struct memory *m);

/* Count an item's space as dead; the item must not be touched after it is marked. */
void memory_note_dead(struct memory *m, const struct item *it);

/* The number of a large item's segment, SEGMENT_NONE for others. To be asked before the
 * item is given up, as its pages may then go at any time. */
static inline uint32_t memory_large_id(const struct memory *m, const struct item *it);

/* A large item may have lost its last reference. If that is so, and nobody has seen to it
 * by now, the pages of one that is DEAD are given back, and one that was parked is in
 * its queue again. */
void memory_settle_large(struct memory *m, uint32_t id);

/* Whether a large item is parked, as a hint. */
static inline bool memory_is_parked(const struct memory *m, uint32_t id)
{
    return atomic_load(&m->segments[id].parked);
}

/* Whether an item of this size may be asked for. Those that clients are sending, or do
 * not read, must leave room for others: a large one is refused while half of the memory
 * is parked. */
bool memory_may_hold(struct memory *m, size_t size);

/* Let an item's segment know that the item now expires at exptime; 0: never. */
void memory_note_exptime(struct memory *m, const struct item *it, uint32_t exptime);

/* How many segments could be opened now; at or below the reserve is none for clients. */
uint32_t memory_available(struct memory *m);

/* Take opens a free one: SEGMENT_NONE if none may be had. Seal puts
 * an open one at the end of its queue. */
uint32_t memory_take(struct memory *m, unsigned queue, enum memory_grade grade);
void memory_seal(struct memory *m, const struct open_segment *open);
struct item *memory_alloc_large(struct memory *m, unsigned queue, uint64_t order,
                                const struct item *header, enum memory_grade grade);

/* A claimed (or just taken) segment in which nothing lives is free again. */
void memory_recycle(struct memory *m, uint32_t id);
/* A claimed segment goes back to the end of its queue, or to the parked ones. */
void memory_requeue(struct memory *m, uint32_t id, unsigned queue, bool park);
/* Give back the pages of a claimed segment that hold nothing. */
void memory_hollow(struct memory *m, uint32_t id);
/* The parked segment that has waited longest, claimed; SEGMENT_NONE. */
uint32_t memory_claim_parked(struct memory *m);
uint32_t memory_parked(struct memory *m);
uint32_t memory_queued(struct memory *m);

enum claim_mode {
    CLAIM_NOTHING, /* there is none, and never will be without a client's help */
    CLAIM_WAIT,    /* other threads have them all, and will give some back */
    CLAIM_COMPACT, /* move what lives, evict nothing */
    CLAIM_EVICT
};
/* What a claim is for. */
struct claim_order {
    bool compact, evict; /* which modes will do */
    bool follow;         /* nothing is evicted while compacting still gives something */
    bool main_is_vain;   /* what the main queue has is too hot to go */
    uint32_t now;        /* for expired items */
};
/* Choose the segment whose reclaim costs least and take it. */
enum claim_mode memory_claim(struct memory *m, const struct claim_order *order,
                             uint32_t *id);

/* A large item goes to the end of a queue. Its bucket is locked. */
void memory_renew_large(struct memory *m, const struct item *it, unsigned queue);

/* Where an item stands in its queue: 0 with the oldest, ages - 1 with the youngest. */
unsigned memory_age(const struct memory *m, const struct item *it, unsigned ages);

/* What lies in a queue, its open segments and those under reclaim included. */
struct census {
    uint64_t segments, large, items, bytes; /* bytes of live items */
    uint64_t dead;                          /* bytes that reclaim would give back */
};
void memory_count(struct memory *m, struct census census[QUEUES],
                  uint64_t *free_segments);

/* Find the next segment, from *cursor on, that may hold expired items, and mark it busy
 * so that it can be scanned. SEGMENT_NONE: the end. *end gets where its items end. */
uint32_t memory_pin_next(struct memory *m, uint32_t *cursor, uint32_t now, char **end);
void memory_unpin(struct memory *m, uint32_t id, uint32_t next_search);

/* Larger items have pages of their own. */
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
