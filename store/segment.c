/* Segments between their states: free, open, queued, claimed. */
#include <sys/mman.h>

#include "base/check.h"
#include "store/segment.h"

enum { PAGE = 4096 };

uint32_t memory_available(struct memory *m)
{
    AZ(pthread_mutex_lock(&m->lock));
    uint32_t n = available(m);
    AZ(pthread_mutex_unlock(&m->lock));
    return n;
}

/* Give a segment's pages back to the system. */
static void cool(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    AZ(madvise(seg->base, m->segment_size, MADV_DONTNEED));
    memory_credit(m, seg->charged);
    seg->charged = 0;
    list_append(m, &m->cold, id);
}

bool segment_make_room(struct memory *m, size_t bytes)
{
    size_t warm = (size_t)m->warm.count << m->segment_shift;

    if (unspent(m) + m->large_warm.bytes + warm < bytes)
        return false;
    while (unspent(m) < bytes && m->large_warm.count > 0)
        large_unmap(m, list_pop(m, &m->large_warm));
    while (unspent(m) < bytes)
        cool(m, list_pop(m, &m->warm));
    return true;
}

static uint32_t take_cold(struct memory *m)
{
    uint32_t id = list_pop(m, &m->cold);
    size_t added;

    if (id == SEGMENT_NONE) {
        size_t upto = ((size_t)m->arena_next + 1) << m->segment_shift;
        if (m->arena_next == m->narena || !range_grow(&m->arena_range, upto, &added))
            return SEGMENT_NONE;
        id = m->arena_next++;
        memory_charge(m, sizeof(struct segment));
        m->segments[id].base = m->arena + ((size_t)id << m->segment_shift);
    }
    m->segments[id].charged = m->segment_size;
    memory_charge(m, m->segment_size);
    return id;
}

void segment_reset(struct segment *seg, unsigned queue)
{
    atomic_store_explicit(&seg->dead, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->used, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->items, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->min_exptime, EXPTIME_NONE, memory_order_relaxed);
    seg->queue = (uint8_t)queue;
    seg->order = ORDER_OPEN;
    seg->state = SEGMENT_OPEN;
    seg->next_scan = 0;
}

uint32_t memory_take(struct memory *m, unsigned queue, enum memory_grade grade)
{
    uint32_t id = SEGMENT_NONE;

    AZ(pthread_mutex_lock(&m->lock));
    uint32_t n = available(m);
    if (n > (grade == MEMORY_FOR_MOVE ? 0 : m->reserve)) {
        id = list_pop(m, &m->warm);
        if (id == SEGMENT_NONE && segment_make_room(m, m->segment_size))
            id = take_cold(m);
        if (id != SEGMENT_NONE)
            segment_reset(&m->segments[id], queue);
    }
    AZ(pthread_mutex_unlock(&m->lock));
    if (n <= m->target && m->low != NULL)
        m->low(m->context);
    return id;
}

void segment_enqueue(struct memory *m, uint32_t id, unsigned queue, uint64_t order,
                     bool park)
{
    struct segment *seg = &m->segments[id];

    seg->queue = (uint8_t)queue;
    seg->order = order != ORDER_LAST ? order : ++m->order[queue];
    seg->parked = park;
    seg->state = SEGMENT_QUEUED;
    if (park) {
        list_append(m, &m->parked, id);
        return;
    }
    list_insert(m, &m->queue[queue], id);
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
    segment_enqueue(m, open->id, seg->queue, open->order, false);
    AZ(pthread_mutex_unlock(&m->lock));
}

void memory_recycle(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    m->claimed -= seg->state == SEGMENT_CLAIMED;
    if (seg->large) {
        large_free(m, id);
    } else {
        seg->state = SEGMENT_FREE;
        /* Over the limit, because the table grew: pay now. */
        if (unspent(m) == 0 || seg->charged < m->segment_size)
            cool(m, id);
        else
            list_append(m, &m->warm, id);
    }
    AZ(pthread_mutex_unlock(&m->lock));
}

void memory_requeue(struct memory *m, uint32_t id, unsigned queue, bool park)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    m->claimed--;
    segment_enqueue(m, id, queue, ORDER_LAST, park);
    if (seg->large)
        large_settle(m, id); /* its last owner met it claimed, and left it to us */
    AZ(pthread_mutex_unlock(&m->lock));
}

/* Give back the pages from `from` to `to`, as far as they are whole; how many bytes. */
static uint32_t drop_pages(char *from, char *to)
{
    from += -(uintptr_t)from & (PAGE - 1);
    to -= (uintptr_t)to & (PAGE - 1);
    if (to <= from)
        return 0;
    AZ(madvise(from, (size_t)(to - from), MADV_DONTNEED));
    return (uint32_t)(to - from);
}

/* One header over a run of dead items, so that what follows it can still be found; its
 * pages but for that are dropped. */
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
    char *end = seg->base + atomic_load_explicit(&seg->used, memory_order_relaxed);
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
        memory_credit(m, seg->charged - charged);
    seg->charged = charged < seg->charged ? charged : seg->charged;
}

void memory_unpin(struct memory *m, uint32_t id, uint32_t next_scan)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    seg->busy = false;
    seg->next_scan = next_scan;
    if (seg->large)
        large_settle(m, id);
    AZ(pthread_mutex_unlock(&m->lock));
}
