/*
 * Large items: each has pages of its own in the arena, and a number as a segment has.
 *
 *   pages:  | its number, padded to 64 | header | key | value | to a page's end
 *
 * Fresh pages cost a fault each, far more than copying the value. So the pages of freed
 * items are reused for later items, as long as the budget is not needed elsewhere.
 */
#include "store/memory.h"

#include "base/check.h"
#include "store/memory_internal.h"

void memory_renew_large(struct memory *m, const struct item *it, unsigned queue)
{
    uint32_t id = memory_segment_id(m, it);
    struct segment *seg = &m->segments[id];
    AZ(pthread_mutex_lock(&m->lock));
    if (seg->state == SEGMENT_QUEUED) {
        segment_list_remove(m->segments, memory_list_of(m, seg), id);
        memory_enqueue(m, id, queue, ORDER_LAST, false);
    }
    AZ(pthread_mutex_unlock(&m->lock));
}

static uint32_t take_number(struct memory *m)
{
    uint32_t id = segment_list_pop(m->segments, &m->large_free);
    if (id == SEGMENT_NONE && m->large_next < m->nsegments) {
        id = m->large_next++;
        budget_charge(&m->budget, NUMBER_COST);
    }
    return id;
}

static uint32_t take_large(struct memory *m, size_t bytes)
{
    uint32_t id = take_number(m);
    if (id == SEGMENT_NONE)
        return SEGMENT_NONE;
    struct segment *seg = &m->segments[id];
    seg->run = pages_take(&m->pages, bytes, RUN_PAGE);
    if (seg->run == RUN_NONE) {
        segment_list_append(m->segments, &m->large_free, id);
        return SEGMENT_NONE;
    }
    char *pages = runs_base(&m->pages.runs, seg->run);
    seg->base = pages + LARGE_PREFIX;
    seg->charged = (uint32_t)bytes;
    seg->large = true;
    *(uint32_t *)(void *)pages = id;
    return id;
}

/* True if there is memory for it, leaving the reserve alone unless it is for a move. */
static bool has_room(struct memory *m, size_t bytes, enum memory_grade grade)
{
    size_t keep = grade == MEMORY_FOR_MOVE ? 0 : (size_t)m->reserve << m->segment_shift;
    return pages_available(&m->pages) >= bytes + keep;
}

static struct item *place_item(struct memory *m, uint32_t id, unsigned queue,
                               uint64_t order, const struct item *header)
{
    struct segment *seg = &m->segments[id];
    struct item *it = segment_item(seg);
    uint32_t exptime = item_exptime(header);
    segment_reset(seg, queue);
    atomic_store_explicit(&seg->used, (uint32_t)item_size(header), memory_order_relaxed);
    atomic_store_explicit(&seg->items, 1, memory_order_relaxed);
    if (exptime != 0)
        atomic_store(&seg->min_exptime, exptime);
    memcpy(it, header, sizeof(*it));
    memory_enqueue(m, id, queue, order, false);
    return it;
}

struct item *memory_alloc_large(struct memory *m, unsigned queue, uint64_t order,
                                const struct item *header, enum memory_grade grade)
{
    size_t bytes = (item_size(header) + LARGE_PREFIX + RUN_PAGE - 1) & ~(RUN_PAGE - 1);
    uint32_t id = SEGMENT_NONE;
    struct item *it = NULL;
    AZ(pthread_mutex_lock(&m->lock));
    if (has_room(m, bytes, grade))
        id = take_large(m, bytes);
    if (id != SEGMENT_NONE)
        it = place_item(m, id, queue, order, header);
    bool low = memory_available_locked(m) <= m->target;
    AZ(pthread_mutex_unlock(&m->lock));
    if (low && m->low != NULL)
        m->low(m->context);
    return it;
}
