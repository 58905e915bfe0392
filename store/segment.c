/* Segments between their states: free lists, queues, large items. */
#include <sys/mman.h>

#include "base/check.h"
#include "store/memory.h"

enum { PAGE = 4096 };

static void list_append(struct memory *m, struct segment_list *list, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    seg->next = SEGMENT_NONE;
    seg->prev = list->tail;
    if (list->tail == SEGMENT_NONE)
        list->head = id;
    else
        m->segments[list->tail].next = id;
    list->tail = id;
    list->count++;
    list->bytes += seg->charged;
}

static void list_remove(struct memory *m, struct segment_list *list, uint32_t id)
{
    struct segment *seg = &m->segments[id];

    if (seg->prev == SEGMENT_NONE)
        list->head = seg->next;
    else
        m->segments[seg->prev].next = seg->next;
    if (seg->next == SEGMENT_NONE)
        list->tail = seg->prev;
    else
        m->segments[seg->next].prev = seg->prev;
    list->count--;
    list->bytes -= seg->charged;
}

static uint32_t list_pop(struct memory *m, struct segment_list *list)
{
    uint32_t id = list->tail;

    if (id != SEGMENT_NONE)
        list_remove(m, list, id);
    return id;
}

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

static void enqueue(struct memory *m, uint32_t id, unsigned queue)
{
    struct segment *seg = &m->segments[id];

    seg->queue = (uint8_t)queue;
    seg->state = SEGMENT_QUEUED;
    list_append(m, &m->queue[queue], id);
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
    enqueue(m, open->id, seg->queue);
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

void memory_requeue(struct memory *m, uint32_t id, unsigned queue)
{
    struct segment *seg = &m->segments[id];

    AZ(pthread_mutex_lock(&m->lock));
    if (seg->large && is_garbage((struct item *)(void *)seg->base))
        free_mapping(m, id); /* its last owner met it claimed, and left it to us */
    else
        enqueue(m, id, queue);
    AZ(pthread_mutex_unlock(&m->lock));
}

static void drop_large(struct memory *m, uint32_t id)
{
    list_remove(m, &m->queue[m->segments[id].queue], id);
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
        enqueue(m, id, queue);
    }
    bool low = available(m) <= m->target;
    AZ(pthread_mutex_unlock(&m->lock));
    if (low && m->low != NULL)
        m->low(m->context);
    return it;
}

/* What a look over all queued segments tells. */
struct survey {
    uint64_t used, dead;
    uint32_t best; /* most dead bytes */
    uint64_t best_dead;
    uint32_t expiring; /* one with items that expired, SEGMENT_NONE */
};

static struct survey survey(struct memory *m, uint32_t now)
{
    struct survey s = { .best = SEGMENT_NONE, .expiring = SEGMENT_NONE };

    for (uint32_t id = 0; id < m->arena_next; id++) {
        struct segment *seg = &m->segments[id];
        if (seg->state != SEGMENT_QUEUED || seg->busy)
            continue;
        uint64_t dead =
            atomic_load_explicit(&seg->dead, memory_order_acquire) & DEAD_BYTES;
        s.used += atomic_load_explicit(&seg->used, memory_order_relaxed);
        s.dead += dead;
        if (dead > s.best_dead) {
            s.best_dead = dead;
            s.best = id;
        }
        if (atomic_load_explicit(&seg->min_exptime, memory_order_relaxed) <= now)
            s.expiring = id;
    }
    return s;
}

/* Compaction pays when a good part of the memory is dead; a little is the price of
 * keeping order. Without eviction every byte counts. */
static uint32_t worth_compacting(struct memory *m, const struct survey *s, bool may_evict)
{
    if (s->best == SEGMENT_NONE)
        return may_evict ? SEGMENT_NONE : s->expiring;
    uint64_t used =
        atomic_load_explicit(&m->segments[s->best].used, memory_order_relaxed);
    if (s->best_dead == used)
        return s->best;
    if (!may_evict)
        return s->best_dead * 16 >= m->segment_size ? s->best : s->expiring;
    if (s->dead * 100 > s->used * 15 && s->best_dead * 8 >= m->segment_size)
        return s->best;
    return SEGMENT_NONE;
}

static uint32_t oldest(struct memory *m, unsigned queue)
{
    uint32_t id = m->queue[queue].head;

    while (id != SEGMENT_NONE && m->segments[id].busy)
        id = m->segments[id].next;
    return id;
}

/* The small queue pays while it has more than its tenth. */
static uint32_t next_to_evict(struct memory *m)
{
    size_t small = m->queue[QUEUE_SMALL].bytes, main = m->queue[QUEUE_MAIN].bytes;
    unsigned first = small * 10 > small + main ? QUEUE_SMALL : QUEUE_MAIN;
    uint32_t id = oldest(m, first);

    return id != SEGMENT_NONE
               ? id
               : oldest(m, first == QUEUE_SMALL ? QUEUE_MAIN : QUEUE_SMALL);
}

enum claim_mode memory_claim(struct memory *m, bool may_evict, uint32_t now, uint32_t *id)
{
    enum claim_mode mode = CLAIM_COMPACT;

    AZ(pthread_mutex_lock(&m->lock));
    struct survey s = survey(m, now);
    *id = worth_compacting(m, &s, may_evict);
    if (*id == SEGMENT_NONE && may_evict) {
        *id = next_to_evict(m);
        mode = CLAIM_EVICT;
    }
    if (*id == SEGMENT_NONE) {
        mode = CLAIM_NOTHING;
    } else {
        list_remove(m, &m->queue[m->segments[*id].queue], *id);
        m->segments[*id].state = SEGMENT_CLAIMED;
    }
    AZ(pthread_mutex_unlock(&m->lock));
    return mode;
}

static void count_one(const struct segment *seg, struct census *c, uint64_t used,
                      uint64_t items)
{
    uint64_t dead = atomic_load_explicit(&seg->dead, memory_order_relaxed);
    uint64_t dead_items = dead / DEAD_ONE_ITEM;

    dead &= DEAD_BYTES;
    c->large += seg->large;
    c->segments += !seg->large;
    c->items += items - (dead_items < items ? dead_items : items);
    c->bytes += used - (dead < used ? dead : used);
    c->dead += dead;
}

static void count_open(struct memory *m, struct census census[QUEUES])
{
    for (uint32_t i = 0; i < m->nlanes; i++)
        for (int q = 0; q < QUEUES; q++) {
            spin_acquire(&m->lanes[i].lock);
            struct open_segment open = m->lanes[i].open[q];
            spin_release(&m->lanes[i].lock);
            if (open.id == SEGMENT_NONE)
                continue;
            const struct segment *seg = &m->segments[open.id];
            if (seg->state == SEGMENT_OPEN) /* not sealed by now */
                count_one(seg, &census[q], (uint64_t)(open.next - seg->base), open.items);
        }
}

void memory_count(struct memory *m, struct census census[QUEUES], uint64_t *free_segments)
{
    memset(census, 0, QUEUES * sizeof(census[0]));
    AZ(pthread_mutex_lock(&m->lock));
    count_open(m, census);
    for (uint32_t id = 0; id < m->large_next; id++) {
        if (id == m->arena_next && id < m->narena)
            id = m->narena;
        if (id >= m->large_next)
            break;
        const struct segment *seg = &m->segments[id];
        if (seg->state == SEGMENT_QUEUED || seg->state == SEGMENT_CLAIMED)
            count_one(seg, &census[seg->queue],
                      atomic_load_explicit(&seg->used, memory_order_relaxed),
                      atomic_load_explicit(&seg->items, memory_order_relaxed));
    }
    *free_segments = available(m);
    AZ(pthread_mutex_unlock(&m->lock));
}

/* Where the items of an open segment end now; NULL if no lane has it. */
static char *open_end(struct memory *m, uint32_t id, unsigned queue)
{
    char *end = NULL;

    for (uint32_t i = 0; i < m->nlanes && end == NULL; i++) {
        struct lane *lane = &m->lanes[i];
        spin_acquire(&lane->lock);
        struct open_segment *open = &lane->open[queue];
        if (open->id == id) {
            end = open->next;
            if (open->min_exptime < atomic_load(&m->segments[id].min_exptime))
                atomic_store(&m->segments[id].min_exptime, open->min_exptime);
        }
        spin_release(&lane->lock);
    }
    return end;
}

/* Where the items of a segment end that is due for a scan; NULL if it is not. */
static char *due_end(struct memory *m, uint32_t id, uint32_t now)
{
    struct segment *seg = &m->segments[id];
    char *end = NULL;

    if (seg->busy || seg->next_scan > now)
        return NULL;
    if (seg->state == SEGMENT_OPEN)
        end = open_end(m, id, seg->queue);
    else if (seg->state == SEGMENT_QUEUED)
        end = seg->base + atomic_load_explicit(&seg->used, memory_order_relaxed);
    return atomic_load(&seg->min_exptime) <= now ? end : NULL;
}

uint32_t memory_pin_next(struct memory *m, uint32_t *cursor, uint32_t now, char **end)
{
    uint32_t found = SEGMENT_NONE;

    AZ(pthread_mutex_lock(&m->lock));
    for (; found == SEGMENT_NONE && *cursor < m->large_next; ++*cursor) {
        if (*cursor >= m->arena_next && *cursor < m->narena)
            *cursor = m->narena;
        if (*cursor >= m->large_next)
            break;
        *end = due_end(m, *cursor, now);
        if (*end != NULL)
            found = *cursor;
    }
    if (found != SEGMENT_NONE)
        m->segments[found].busy = true;
    AZ(pthread_mutex_unlock(&m->lock));
    return found;
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
