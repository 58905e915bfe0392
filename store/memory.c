#include "store/memory.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

enum {
    SEGMENTS_WANTED = 256,
    SEGMENT_MIN = 64 << 10,
    SEGMENT_MAX = 1 << 20,
    LANES_MAX = 64,
    SEGMENTS_A_LANE = 16, /* at least, so that few of all segments are open */
    LARGE_LEAST = 8,      /* how many of the smallest large items fit a segment */
    PARKED_ROOM = 1024
};

static uint32_t segment_size_for(size_t limit)
{
    uint32_t size = SEGMENT_MIN;
    while (size < SEGMENT_MAX && size < limit / SEGMENTS_WANTED)
        size *= 2;
    return size;
}

static uint32_t lanes_for(uint32_t segments)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint32_t lanes = cpus < 1 ? 1 : cpus > LANES_MAX ? LANES_MAX : (uint32_t)cpus;
    while (lanes > 1 && lanes * SEGMENTS_A_LANE > segments)
        lanes--;
    return lanes;
}

static void lists_init(struct memory *m)
{
    for (int q = 0; q < QUEUES; q++) {
        segment_list_clear(&m->queue[q]);
        m->order[q] = ORDER_LIVE;
        m->oldest[q] = ORDER_LIVE;
        m->youngest[q] = ORDER_LIVE;
    }
    segment_list_clear(&m->parked);
    segment_list_clear(&m->large_free);
}

static bool lanes_init(struct memory *m)
{
    size_t bytes = m->nlanes * sizeof(struct lane);
    m->lanes = aligned_alloc(_Alignof(struct lane), bytes);
    if (m->lanes == NULL)
        return false;
    memset(m->lanes, 0, bytes);
    for (uint32_t i = 0; i < m->nlanes; i++) {
        for (int q = 0; q < QUEUES; q++)
            m->lanes[i].open[q].id = SEGMENT_NONE;
    }
    return true;
}

/* A thread that has just chosen this lane may still open a segment in it: one at most. */
static void seal_lane(struct memory *m, struct lane *lane)
{
    for (int q = 0; q < QUEUES; q++) {
        spin_acquire(&lane->lock);
        struct open_segment open = lane->open[q];
        lane->open[q] = (struct open_segment){ .id = SEGMENT_NONE };
        spin_release(&lane->lock);
        if (open.id != SEGMENT_NONE)
            memory_seal(m, &open);
    }
}

static void choose_lanes(struct memory *m, bool follows)
{
    m->filled = follows ? 1 : m->nlanes;
    for (uint32_t i = m->filled; i < m->nlanes; i++)
        seal_lane(m, &m->lanes[i]);
}

/* A follower keeps one open segment for each queue, one for items that it moves from
 * each, and the least of free ones. A leader with one lane would have no more than that,
 * so it keeps the reserve of two. */
void memory_follow(struct memory *m, bool follows)
{
    uint32_t most = (uint32_t)(budget_limit(&m->budget) >> m->segment_shift) / 32;
    uint32_t lanes = m->nlanes > 2 ? m->nlanes : 2;
    choose_lanes(m, follows);
    m->reserve = follows ? 1 : 1 + (lanes < most ? lanes : most);
    m->target = follows ? 1 : m->reserve + 1 + m->nlanes / 2;
}

/* The number of addresses, in segments. Parked segments keep their addresses, and large
 * items of changing size leave gaps, so there are more addresses than memory. */
static uint32_t arena_for(uint32_t segments, unsigned thrift)
{
    return segments + ((3 * segments + PARKED_ROOM) >> (2 * thrift));
}

static bool ranges_init(struct memory *m)
{
    size_t bytes = m->nsegments * sizeof(struct segment), added;
    if (!pages_init(&m->pages, &m->budget, (size_t)m->narena << m->segment_shift,
                    2 * m->nsegments) ||
        !range_init(&m->segment_range, bytes) ||
        !range_grow(&m->segment_range, bytes, &added))
        return false;
    m->arena = m->pages.runs.pages.base;
    m->segments = (struct segment *)(void *)m->segment_range.base;
    return true;
}

bool memory_init(struct memory *m, size_t limit, unsigned thrift)
{
    uint32_t size = segment_size_for(limit);
    uint32_t segments = (uint32_t)(limit / size);
    memset(m, 0, sizeof(*m));
    lists_init(m);
    atomic_init(&m->budget.limit, limit);
    m->segment_size = size;
    m->segment_shift = (unsigned)__builtin_ctz(size);
    m->nlanes = lanes_for(segments);
    memory_follow(m, false);
    m->narena = arena_for(segments, thrift);
    m->nsegments = m->narena + (uint32_t)(limit / (size / LARGE_LEAST)) + 16;
    m->large_next = m->narena;
    AZ(pthread_mutex_init(&m->lock, NULL));
    AZ(pthread_mutex_init(&m->aged.lock, NULL));
    for (unsigned i = 0; i < AGED_OPEN; i++)
        m->aged.open[i].id = SEGMENT_NONE;
    if (!ranges_init(m) || !lanes_init(m)) {
        memory_fini(m);
        return false;
    }
    return true;
}

void memory_fini(struct memory *m)
{
    pages_fini(&m->pages);
    range_fini(&m->segment_range);
    free(m->lanes);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->aged.lock);
    memset(m, 0, sizeof(*m)); /* a limit of 0 means that there is nothing to end */
}

uint32_t memory_lane(const struct memory *m)
{
    int cpu = sched_getcpu();
    if (cpu < 0)
        return 0;
    return (uint32_t)cpu < m->nlanes ? (uint32_t)cpu : (uint32_t)cpu % m->nlanes;
}

/* The lane's open segment is full: replaces it with a fresh one. */
static struct item *alloc_in_fresh(struct memory *m, struct lane *lane, unsigned queue,
                                   const struct item *header, size_t size,
                                   enum memory_grade grade)
{
    uint32_t id = memory_take(m, queue, grade);
    if (id == SEGMENT_NONE)
        return NULL;
    spin_acquire(&lane->lock);
    struct open_segment full = lane->open[queue];
    struct item *it = open_append(&lane->open[queue], header, size);
    if (it == NULL) {
        open_begin(&lane->open[queue], id, m->segments[id].base, m->segment_size,
                   ORDER_LAST);
        it = open_append(&lane->open[queue], header, size);
        spin_release(&lane->lock);
        if (full.id != SEGMENT_NONE)
            memory_seal(m, &full);
        return it;
    }
    spin_release(&lane->lock);
    memory_recycle(m, id); /* another thread was faster */
    return it;
}

struct item *memory_alloc(struct memory *m, unsigned queue, const struct item *header,
                          enum memory_grade grade)
{
    size_t size = item_size(header);
    if (size_is_large(m, size))
        return memory_alloc_large(m, queue, ORDER_LAST, header, grade);
    uint32_t i = memory_lane(m);
    struct lane *lane = &m->lanes[i < m->filled ? i : 0];
    spin_acquire(&lane->lock);
    struct item *it = open_append(&lane->open[queue], header, size);
    spin_release(&lane->lock);
    return it != NULL ? it : alloc_in_fresh(m, lane, queue, header, size, grade);
}

void memory_note_dead(struct memory *m, const struct item *it)
{
    atomic_fetch_add_explicit(&memory_segment(m, it)->dead, DEAD_ONE_ITEM + item_size(it),
                              memory_order_release);
}

void memory_note_exptime(struct memory *m, const struct item *it, uint32_t exptime)
{
    segment_note_exptime(memory_segment(m, it), exptime);
}
