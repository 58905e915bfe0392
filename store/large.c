/*
 * Large items: a mapping each.
 *
 *   mapping:  | number of its segment, padded to 64 | header | key | value | to a page's
 * end
 *
 * A fresh mapping costs a page fault for every page, far more than the copy of the
 * value. So some mappings of items that are gone are kept, still charged, and resized for
 * the next item.
 */
#include <sys/mman.h>

#include "base/check.h"
#include "store/segment.h"

enum { PAGE = 4096, WARM_MAX = 32 };

void large_unmap(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    AZ(munmap(seg->base - LARGE_PREFIX, seg->charged));
    memory_credit(m, seg->charged);
    seg->charged = 0;
    list_append(m, &m->large_free, id);
}

void large_free(struct memory *m, uint32_t id)
{
    m->segments[id].state = SEGMENT_FREE;
    if (unspent(m) == 0 || m->large_warm.count >= WARM_MAX)
        large_unmap(m, id);
    else
        list_append(m, &m->large_warm, id);
}

void large_settle(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    if (seg->state != SEGMENT_QUEUED || seg->busy || is_in_use(seg))
        return;
    if (is_garbage(seg)) {
        list_remove(m, list_of(m, seg), id);
        large_free(m, id);
    } else if (seg->parked) {
        list_remove(m, &m->parked, id);
        segment_enqueue(m, id, seg->queue, ORDER_LAST, false);
    }
}

void memory_settle_large(struct memory *m, uint32_t id)
{
    AZ(pthread_mutex_lock(&m->lock));
    large_settle(m, id);
    AZ(pthread_mutex_unlock(&m->lock));
}

void memory_renew_large(struct memory *m, const struct item *it, unsigned queue)
{
    uint32_t id = memory_segment_id(m, it);
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    if (seg->state == SEGMENT_QUEUED && !seg->busy) {
        list_remove(m, list_of(m, seg), id);
        segment_enqueue(m, id, queue, ORDER_LAST, false);
    }
    AZ(pthread_mutex_unlock(&m->lock));
}

static size_t difference(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

/* The kept mapping whose size is nearest. */
static uint32_t nearest(struct memory *m, size_t bytes)
{
    uint32_t best = SEGMENT_NONE;

    for (uint32_t id = m->large_warm.head; id != SEGMENT_NONE; id = m->segments[id].next)
        if (best == SEGMENT_NONE || difference(m->segments[id].charged, bytes) <
                                        difference(m->segments[best].charged, bytes))
            best = id;
    return best;
}

/* Take a kept mapping and make it fit. SEGMENT_NONE: there is none, or it cannot be. */
static uint32_t take_warm(struct memory *m, size_t bytes)
{
    uint32_t id = nearest(m, bytes);

    if (id == SEGMENT_NONE)
        return SEGMENT_NONE;
    struct segment *seg = &m->segments[id];
    size_t had = seg->charged;
    list_remove(m, &m->large_warm, id);
    if (bytes > had && !segment_make_room(m, bytes - had)) {
        large_unmap(m, id);
        return SEGMENT_NONE;
    }
    char *map = bytes == had
                    ? seg->base - LARGE_PREFIX
                    : mremap(seg->base - LARGE_PREFIX, had, bytes, MREMAP_MAYMOVE);
    if (map == MAP_FAILED) {
        large_unmap(m, id);
        return SEGMENT_NONE;
    }
    memory_credit(m, had);
    memory_charge(m, bytes);
    seg->base = map + LARGE_PREFIX;
    seg->charged = (uint32_t)bytes;
    return id;
}

static uint32_t take_number(struct memory *m)
{
    uint32_t id = list_pop(m, &m->large_free);

    if (id == SEGMENT_NONE && m->large_next < m->nsegments) {
        id = m->large_next++;
        memory_charge(m, sizeof(struct segment));
    }
    return id;
}

static uint32_t take_fresh(struct memory *m, size_t bytes)
{
    uint32_t id = segment_make_room(m, bytes) ? take_number(m) : SEGMENT_NONE;

    if (id == SEGMENT_NONE)
        return SEGMENT_NONE;
    struct segment *seg = &m->segments[id];
    char *map =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        list_append(m, &m->large_free, id);
        return SEGMENT_NONE;
    }
    memory_charge(m, bytes);
    seg->base = map + LARGE_PREFIX;
    seg->charged = (uint32_t)bytes;
    seg->large = true;
    *(uint32_t *)(void *)map = id;
    return id;
}

/* Whether there is memory for it, the reserve left alone if need be. */
static bool has_room(struct memory *m, size_t bytes, enum memory_grade grade)
{
    size_t keep = grade == MEMORY_FOR_MOVE ? 0 : (size_t)m->reserve << m->segment_shift;
    size_t warm = (size_t)m->warm.count << m->segment_shift;

    return unspent(m) + m->large_warm.bytes + warm >= bytes + keep;
}

static struct item *place_item(struct memory *m, uint32_t id, unsigned queue,
                               uint64_t order, const struct item *header)
{
    struct segment *seg = &m->segments[id];
    struct item *it = (struct item *)(void *)seg->base;
    uint32_t exptime = item_exptime(header);

    segment_reset(seg, queue);
    atomic_store_explicit(&seg->used, (uint32_t)item_size(header), memory_order_relaxed);
    atomic_store_explicit(&seg->items, 1, memory_order_relaxed);
    if (exptime != 0)
        atomic_store(&seg->min_exptime, exptime);
    memcpy(it, header, sizeof(*it));
    segment_enqueue(m, id, queue, order, false);
    return it;
}

struct item *memory_alloc_large(struct memory *m, unsigned queue, uint64_t order,
                                const struct item *header, enum memory_grade grade)
{
    size_t bytes = (item_size(header) + LARGE_PREFIX + PAGE - 1) & ~(size_t)(PAGE - 1);
    uint32_t id = SEGMENT_NONE;
    struct item *it = NULL;

    AZ(pthread_mutex_lock(&m->lock));
    if (has_room(m, bytes, grade)) {
        id = take_warm(m, bytes);
        if (id == SEGMENT_NONE)
            id = take_fresh(m, bytes);
    }
    if (id != SEGMENT_NONE)
        it = place_item(m, id, queue, order, header);
    bool low = available(m) <= m->target;
    AZ(pthread_mutex_unlock(&m->lock));
    if (low && m->low != NULL)
        m->low(m->context);
    return it;
}
