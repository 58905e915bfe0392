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
 * A segment is a fixed power of two of one reserved arena, so that the segment of an item
 * is arithmetic. An item larger than an eighth of that has a mapping of its own,
 * which queues like a segment. Space of overwritten and deleted items is counted in
 * `dead` and comes back when the segment is reclaimed (reclaim.h).
 *
 *   state:  FREE --take--> OPEN --seal--> QUEUED --claim--> CLAIMED --recycle--> FREE
 *                                            ^--------requeue---'
 *
 * A segment with items that cannot be moved, because someone holds a reference, is
 * parked: it keeps its addresses but gives back the pages that hold nothing else.
 *
 * The budget counts whatever the store occupies: segments with pages, mappings, the hash
 * table, the tables here. A free segment either keeps its pages (warm, still charged)
 * or has given them back (cold).
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

#include "store/item.h"
#include "store/lock.h"
#include "store/range.h"

enum { QUEUE_SMALL, QUEUE_MAIN, QUEUES };
enum segment_state { SEGMENT_FREE, SEGMENT_OPEN, SEGMENT_QUEUED, SEGMENT_CLAIMED };

#define SEGMENT_NONE  UINT32_MAX
#define EXPTIME_NONE  UINT32_MAX
#define LARGE_PREFIX  64 /* before a large item: the number of its segment */
#define DEAD_ONE_ITEM (1ull << 40)
#define DEAD_BYTES    (DEAD_ONE_ITEM - 1)

struct segment {
    char *base;
    _Atomic uint64_t dead;        /* items << 40 | bytes, of those dead */
    _Atomic uint32_t used, items; /* handed out; known once sealed */
    _Atomic uint32_t min_exptime; /* none expires before; EXPTIME_NONE */
    uint32_t prev, next;          /* in its queue or free list */
    uint32_t charged;             /* bytes of the budget */
    uint8_t state, queue;
    bool large;
    bool parked;        /* in the list of those with items in use */
    bool busy;          /* someone walks it: not to be claimed */
    uint32_t next_scan; /* time before which no scan for expired items is due */
};

struct segment_list {
    uint32_t head, tail, count;
    size_t bytes;
};

/* Segments with much to gain, as the last look at all of them found. */
enum { FINDS_MAX = 32 };
struct finds {
    uint32_t id[FINDS_MAX];
    uint64_t gain[FINDS_MAX];
    uint32_t n;
    uint32_t good_for; /* claims, until the next look */
    uint32_t expiring; /* one with items that expired, SEGMENT_NONE */
    bool pays;         /* so much is dead that moving comes before evicting */
};

struct open_segment {
    uint32_t id, items, min_exptime;
    char *next, *end;
};

struct lane {
    _Alignas(128) spin_lock lock;
    struct open_segment open[QUEUES];
};

struct memory {
    char *arena;
    size_t arena_size;
    unsigned segment_shift;
    uint32_t segment_size;
    struct segment *segments; /* of the arena, then those of large items */
    uint32_t narena, nsegments, nlanes;
    struct lane *lanes;
    uint32_t reserve; /* segments kept for moving items */
    uint32_t target;  /* free segments that the background tries to keep */
    size_t limit;
    void (*low)(void *context); /* called, without locks, when less than target is free */
    void *context;

    _Alignas(64) _Atomic size_t charged;

    _Alignas(64) pthread_mutex_t lock;
    struct segment_list queue[QUEUES], parked;
    struct segment_list warm, cold, large_free, large_warm;
    uint32_t claimed; /* segments in that state */
    struct finds finds;
    uint32_t arena_next, large_next; /* first ones never used */
    struct range arena_range, segment_range;
};

/* limit: bytes of the budget. False: the
 * kernel gives no address space. */
bool memory_init(struct memory *m, size_t limit);
void memory_fini(struct memory *m);

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

/* Count an item's space as dead; the item must not be touched after it is marked. */
void memory_note_dead(struct memory *m, const struct item *it);

/* The number of a large item's segment, SEGMENT_NONE for others. To be asked before the
 * item is given up, as its mapping may then go at any time. */
static inline uint32_t memory_large_id(const struct memory *m, const struct item *it);

/* Give back the mapping of a large item that is DEAD without references, if that has not
 * been done by now. */
void memory_free_large(struct memory *m, uint32_t id);

/* Let the segment know that one of its items now expires at exptime. */
void memory_note_exptime(struct memory *m, const struct item *it, uint32_t exptime);

/* Bytes used elsewhere on the store's behalf. Never fails: the next allocation pays. */
void memory_charge(struct memory *m, size_t bytes);
void memory_credit(struct memory *m, size_t bytes);

/* How many segments could be opened now; at or below the reserve is none for clients. */
uint32_t memory_available(struct memory *m);

/* Segments (segment.c). Take opens a free one: SEGMENT_NONE if none may be had. Seal puts
 * an open one at the end of its queue. */
uint32_t memory_take(struct memory *m, unsigned queue, enum memory_grade grade);
void memory_seal(struct memory *m, const struct open_segment *open);
struct item *memory_alloc_large(struct memory *m, unsigned queue,
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
/* Choose the segment whose reclaim costs least and take it. compact, evict: which modes
 * will do; now: for expired items. */
enum claim_mode memory_claim(struct memory *m, bool compact, bool evict, uint32_t now,
                             uint32_t *id);

/* What lies in a queue, its open segments and those under reclaim included. */
struct census {
    uint64_t segments, large, items, bytes; /* bytes of live items */
    uint64_t dead;                          /* bytes that reclaim would give back */
};
void memory_count(struct memory *m, struct census census[QUEUES],
                  uint64_t *free_segments);

/* Find the next segment, from *cursor on, that may hold expired items, and mark it busy
 * so that it can be walked. SEGMENT_NONE: the end. *end gets where its items end. */
uint32_t memory_pin_next(struct memory *m, uint32_t *cursor, uint32_t now, char **end);
void memory_unpin(struct memory *m, uint32_t id, uint32_t next_scan);

static inline bool memory_is_large(const struct memory *m, const void *it)
{
    return (size_t)((const char *)it - m->arena) >= m->arena_size;
}

static inline uint32_t memory_segment_id(const struct memory *m, const struct item *it)
{
    size_t offset = (size_t)((const char *)it - m->arena);

    if (offset < m->arena_size)
        return (uint32_t)(offset >> m->segment_shift);
    return *(const uint32_t *)((const char *)it - LARGE_PREFIX);
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
