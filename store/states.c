/* State changes of segments: free, open, queued, claimed. */
#include "store/memory.h"

#include "base/check.h"
#include "store/memory_internal.h"

uint32_t memory_available(struct memory *m)
{
    AZ(pthread_mutex_lock(&m->lock));
    uint32_t n = memory_available_locked(m);
    AZ(pthread_mutex_unlock(&m->lock));
    return n;
}

void memory_set_limit(struct memory *m, size_t limit)
{
    AZ(pthread_mutex_lock(&m->lock));
    atomic_store(&m->budget.limit, limit);
    pages_settle(&m->pages);
    AZ(pthread_mutex_unlock(&m->lock));
}

/* The address of these pages determines the segment's number. */
static uint32_t segment_at(struct memory *m, uint32_t run)
{
    char *base = runs_base(&m->pages.runs, run);
    uint32_t id = (uint32_t)((size_t)(base - m->arena) >> m->segment_shift);
    if (id >= m->arena_next) {
        budget_charge(&m->budget, (id + 1 - m->arena_next) * NUMBER_COST);
        m->arena_next = id + 1;
    }
    m->segments[id].base = base;
    m->segments[id].run = run;
    m->segments[id].charged = m->segment_size;
    return id;
}

uint32_t memory_take(struct memory *m, unsigned queue, enum memory_grade grade)
{
    uint32_t id = SEGMENT_NONE;
    AZ(pthread_mutex_lock(&m->lock));
    uint32_t n = memory_available_locked(m);
    if (n > (grade == MEMORY_FOR_MOVE ? 0 : m->reserve)) {
        uint32_t run = pages_take(&m->pages, m->segment_size, m->segment_size);
        if (run != RUN_NONE) {
            id = segment_at(m, run);
            segment_reset(&m->segments[id], queue);
        }
    }
    AZ(pthread_mutex_unlock(&m->lock));
    if (n <= m->target && m->low != NULL)
        m->low(m->context);
    return id;
}

void memory_enqueue(struct memory *m, uint32_t id, unsigned queue, uint64_t order,
                    bool park)
{
    struct segment *seg = &m->segments[id];
    seg->queue = (uint8_t)queue;
    seg->order = order != ORDER_LAST ? order : ++m->order[queue];
    seg->parked = park;
    seg->state = SEGMENT_QUEUED;
    if (park) {
        segment_list_append(m->segments, &m->parked, id);
        return;
    }
    segment_list_insert(m->segments, &m->queue[queue], id);
    m->oldest[queue] = m->segments[m->queue[queue].head].order;
    m->youngest[queue] = m->order[queue];
}

void memory_seal(struct memory *m, const struct open_segment *open)
{
    struct segment *seg = &m->segments[open->id];
    atomic_store_explicit(&seg->used, (uint32_t)(open->next - seg->base),
                          memory_order_relaxed);
    atomic_store_explicit(&seg->items, open->items, memory_order_relaxed);
    AZ(pthread_mutex_lock(&m->lock));
    if (open->min_exptime < atomic_load(&seg->min_exptime))
        atomic_store(&seg->min_exptime, open->min_exptime);
    memory_enqueue(m, open->id, seg->queue, open->order, false);
    AZ(pthread_mutex_unlock(&m->lock));
}

/* Frees the pages and the number of a large item. */
static void free_large(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];
    seg->state = SEGMENT_FREE;
    pages_give(&m->pages, seg->run, seg->charged);
    seg->charged = 0;
    segment_list_append(m->segments, &m->large_free, id);
}

/* If it is queued and nobody uses it: frees a dead item, unparks a live one. */
static void dispose_large(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];
    uint32_t word = item_word(segment_item(seg));
    if (seg->state != SEGMENT_QUEUED || seg->busy || (word & ITEM_REFS) != 0)
        return;
    if (word == ITEM_DEAD) {
        segment_list_remove(m->segments, memory_list_of(m, seg), id);
        free_large(m, id);
    } else if (seg->parked) {
        segment_list_remove(m->segments, &m->parked, id);
        memory_enqueue(m, id, seg->queue, ORDER_LAST, false);
    }
}

void memory_dispose_large(struct memory *m, uint32_t id)
{
    AZ(pthread_mutex_lock(&m->lock));
    dispose_large(m, id);
    AZ(pthread_mutex_unlock(&m->lock));
}

void memory_recycle(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];
    AZ(pthread_mutex_lock(&m->lock));
    m->claimed -= seg->state == SEGMENT_CLAIMED;
    if (seg->large) {
        free_large(m, id);
    } else {
        seg->state = SEGMENT_FREE;
        pages_give(&m->pages, seg->run, seg->charged);
    }
    AZ(pthread_mutex_unlock(&m->lock));
}

void memory_requeue(struct memory *m, uint32_t id, unsigned queue, bool park)
{
    struct segment *seg = &m->segments[id];
    AZ(pthread_mutex_lock(&m->lock));
    m->claimed--;
    memory_enqueue(m, id, queue, ORDER_LAST, park);
    if (seg->large)
        dispose_large(m, id); /* it was claimed when its last user left it to us */
    AZ(pthread_mutex_unlock(&m->lock));
}

/* Gives back the whole pages between `from` and `to`; returns the number of bytes. */
static uint32_t drop_pages(char *from, char *to)
{
    from += -(uintptr_t)from & (RUN_PAGE - 1);
    to -= (uintptr_t)to & (RUN_PAGE - 1);
    if (to <= from || !range_drop(from, (size_t)(to - from)))
        return 0;
    return (uint32_t)(to - from);
}

/* Writes one header over a run of dead items, so that the next item can still be found,
 * and drops the pages behind the header. */
static uint32_t drop_run(char *from, char *to)
{
    if (to == from)
        return 0;
    struct item *filler = (struct item *)(void *)from;
    atomic_store_explicit(&filler->nbytes,
                          (uint32_t)(size_t)(to - from) - sizeof(*filler),
                          memory_order_relaxed);
    filler->nkey = 0;
    return drop_pages(filler->data, to);
}

void memory_hollow(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];
    char *end = segment_end(seg);
    char *run = seg->base, *at = run;
    uint32_t dropped = 0;
    while (at < end) {
        const struct item *it = (const struct item *)(const void *)at;
        size_t size = item_size(it);
        bool garbage = item_word(it) == ITEM_DEAD;
        if (!garbage)
            dropped += drop_run(run, at);
        at += size;
        if (!garbage)
            run = at;
    }
    dropped += drop_run(run, end) + drop_pages(end, seg->base + m->segment_size);
    uint32_t charged = m->segment_size - dropped;
    if (charged < seg->charged)
        budget_credit(&m->budget, seg->charged - charged);
    seg->charged = charged < seg->charged ? charged : seg->charged;
}

void memory_unpin(struct memory *m, uint32_t id, uint32_t next_search)
{
    struct segment *seg = &m->segments[id];
    AZ(pthread_mutex_lock(&m->lock));
    seg->busy = false;
    seg->next_search = next_search;
    if (seg->large)
        dispose_large(m, id);
    AZ(pthread_mutex_unlock(&m->lock));
}
