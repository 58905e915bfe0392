/* Segments between their states: free, open, queued, claimed; and large items. */
#include <sys/mman.h>

#include "base/check.h"
#include "store/list.h"

enum { PAGE = 4096 };

/* Bytes not charged yet; 0 when the table's growth has taken more than there was. */
static size_t unspent(struct memory *m)
{
    size_t charged = atomic_load_explicit(&m->charged, memory_order_relaxed);

    return charged < m->limit ? m->limit - charged : 0;
}

static uint32_t available(struct memory *m)
{
    return m->warm.count + (uint32_t)(unspent(m) >> m->segment_shift);
}

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

static void reset(struct segment *seg, unsigned queue)
{
    atomic_store_explicit(&seg->dead, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->used, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->items, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->min_exptime, EXPTIME_NONE, memory_order_relaxed);
    seg->queue = (uint8_t)queue;
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
        if (id == SEGMENT_NONE)
            id = take_cold(m);
        if (id != SEGMENT_NONE)
            reset(&m->segments[id], queue);
    }
    AZ(pthread_mutex_unlock(&m->lock));
    if (n <= m->target && m->low != NULL)
        m->low(m->context);
    return id;
}

static void enqueue(struct memory *m, uint32_t id, unsigned queue, bool park)
{
    struct segment *seg = &m->segments[id];

    seg->queue = (uint8_t)queue;
    seg->parked = park;
    seg->state = SEGMENT_QUEUED;
    list_append(m, list_of(m, seg), id);
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
    enqueue(m, open->id, seg->queue, false);
    AZ(pthread_mutex_unlock(&m->lock));
}

/* Unmap what a large item had. memory.lock held. */
static void free_mapping(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    AZ(munmap(seg->base - LARGE_PREFIX, seg->charged));
    memory_credit(m, seg->charged);
    seg->charged = 0;
    seg->state = SEGMENT_FREE;
    list_append(m, &m->large_free, id);
}

void memory_recycle(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    m->claimed -= seg->state == SEGMENT_CLAIMED;
    if (seg->large) {
        free_mapping(m, id);
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

/* Whether nobody will ever look at this item again. */
static bool is_garbage(const struct item *it)
{
    return item_word(it) == ITEM_DEAD;
}

void memory_requeue(struct memory *m, uint32_t id, unsigned queue, bool park)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    m->claimed--;
    if (seg->large && is_garbage((struct item *)(void *)seg->base))
        free_mapping(m, id); /* its last owner met it claimed, and left it to us */
    else
        enqueue(m, id, queue, park);
    AZ(pthread_mutex_unlock(&m->lock));
}

static void drop_large(struct memory *m, uint32_t id)
{
    list_remove(m, list_of(m, &m->segments[id]), id);
    free_mapping(m, id);
}

void memory_free_large(struct memory *m, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    if (seg->state == SEGMENT_QUEUED && !seg->busy &&
        is_garbage((struct item *)(void *)seg->base))
        drop_large(m, id);
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
        bool garbage = is_garbage(it);
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

/* Make `bytes` of the budget unspent by cooling free segments, the reserve left alone. */
static bool make_room(struct memory *m, size_t bytes, enum memory_grade grade)
{
    size_t keep = grade == MEMORY_FOR_MOVE ? 0 : (size_t)m->reserve << m->segment_shift;
    size_t warm = (size_t)m->warm.count << m->segment_shift;

    if (unspent(m) + warm < bytes + keep)
        return false;
    while (unspent(m) < bytes)
        cool(m, list_pop(m, &m->warm));
    return true;
}

/* The number and the memory of a large item. memory.lock held. */
static uint32_t take_mapping(struct memory *m, size_t bytes)
{
    uint32_t id = list_pop(m, &m->large_free);

    if (id == SEGMENT_NONE && m->large_next < m->nsegments)
        id = m->large_next++;
    if (id == SEGMENT_NONE)
        return SEGMENT_NONE;
    struct segment *seg = &m->segments[id];
    char *map =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        list_append(m, &m->large_free, id);
        return SEGMENT_NONE;
    }
    seg->base = map + LARGE_PREFIX;
    seg->charged = (uint32_t)bytes;
    seg->large = true;
    *(uint32_t *)(void *)map = id;
    return id;
}

struct item *memory_alloc_large(struct memory *m, unsigned queue,
                                const struct item *header, enum memory_grade grade)
{
    size_t size = item_size(header);
    size_t bytes = (size + LARGE_PREFIX + PAGE - 1) & ~(size_t)(PAGE - 1);
    uint32_t exptime = item_exptime(header);
    struct item *it = NULL;

    AZ(pthread_mutex_lock(&m->lock));
    uint32_t id = make_room(m, bytes, grade) ? take_mapping(m, bytes) : SEGMENT_NONE;
    if (id != SEGMENT_NONE) {
        struct segment *seg = &m->segments[id];
        memory_charge(m, bytes);
        reset(seg, queue);
        atomic_store_explicit(&seg->used, (uint32_t)size, memory_order_relaxed);
        atomic_store_explicit(&seg->items, 1, memory_order_relaxed);
        if (exptime != 0)
            atomic_store(&seg->min_exptime, exptime);
        it = (struct item *)(void *)seg->base;
        memcpy(it, header, sizeof(*it));
        enqueue(m, id, queue, false);
    }
    bool low = available(m) <= m->target;
    AZ(pthread_mutex_unlock(&m->lock));
    if (low && m->low != NULL)
        m->low(m->context);
    return it;
}

void memory_unpin(struct memory *m, uint32_t id, uint32_t next_scan)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    seg->busy = false;
    seg->next_scan = next_scan;
    if (seg->large && is_garbage((struct item *)(void *)seg->base))
        drop_large(m, id);
    AZ(pthread_mutex_unlock(&m->lock));
}
