/* Queued segments: which one to reclaim, what they hold, which to search. */
#include "base/check.h"
#include "store/segment.h"

/* What a look over all queued segments tells. */
struct survey {
    uint64_t charged, gain;
    uint32_t best; /* where most is to be gained */
    uint64_t best_gain;
    uint32_t garbage;  /* one in which nothing lives, SEGMENT_NONE */
    uint32_t expiring; /* one with items that expired, SEGMENT_NONE */
};

static void survey_one(struct survey *s, const struct segment *seg, uint32_t id,
                       uint32_t now)
{
    uint64_t used = atomic_load_explicit(&seg->used, memory_order_relaxed);
    uint64_t dead = atomic_load_explicit(&seg->dead, memory_order_acquire) & DEAD_BYTES;
    uint64_t gain = seg->charged > used - dead ? seg->charged - (used - dead) : 0;

    if (dead == used)
        s->garbage = id;
    s->charged += seg->charged;
    s->gain += gain;
    if (gain > s->best_gain) {
        s->best_gain = gain;
        s->best = id;
    }
    if (atomic_load_explicit(&seg->min_exptime, memory_order_relaxed) <= now)
        s->expiring = id;
}

static struct survey survey(struct memory *m, uint32_t now)
{
    struct survey s = { .best = SEGMENT_NONE,
                        .garbage = SEGMENT_NONE,
                        .expiring = SEGMENT_NONE };

    for (uint32_t id = 0; id < m->arena_next; id++) {
        const struct segment *seg = &m->segments[id];
        if (seg->state == SEGMENT_QUEUED && !seg->busy && !seg->parked)
            survey_one(&s, seg, id, now);
    }
    return s;
}

/* Compaction pays when a good part of the memory is dead; a little is the price of
 * keeping order. Without eviction every byte counts. */
static uint32_t worth_compacting(const struct memory *m, const struct survey *s,
                                 bool may_evict)
{
    if (s->garbage != SEGMENT_NONE)
        return s->garbage;
    if (!may_evict)
        return s->best_gain * 16 >= m->segment_size ? s->best : s->expiring;
    if (s->gain * 100 > s->charged * 15 && s->best_gain * 8 >= m->segment_size)
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

static void claim(struct memory *m, uint32_t id)
{
    list_remove(m, list_of(m, &m->segments[id]), id);
    m->segments[id].state = SEGMENT_CLAIMED;
    m->claimed++;
}

enum claim_mode memory_claim(struct memory *m, bool compact, bool evict, uint32_t now,
                             uint32_t *id)
{
    enum claim_mode mode = CLAIM_COMPACT;

    *id = SEGMENT_NONE;
    AZ(pthread_mutex_lock(&m->lock));
    if (compact) {
        struct survey s = survey(m, now);
        *id = worth_compacting(m, &s, evict);
    }
    if (*id == SEGMENT_NONE && evict) {
        *id = next_to_evict(m);
        mode = CLAIM_EVICT;
    }
    if (*id == SEGMENT_NONE)
        mode = m->claimed > 0 ? CLAIM_WAIT : CLAIM_NOTHING;
    else
        claim(m, *id);
    AZ(pthread_mutex_unlock(&m->lock));
    return mode;
}

uint32_t memory_queued(struct memory *m)
{
    AZ(pthread_mutex_lock(&m->lock));
    uint32_t n = m->queue[QUEUE_SMALL].count + m->queue[QUEUE_MAIN].count;
    AZ(pthread_mutex_unlock(&m->lock));
    return n;
}

uint32_t memory_parked(struct memory *m)
{
    AZ(pthread_mutex_lock(&m->lock));
    uint32_t n = m->parked.count;
    AZ(pthread_mutex_unlock(&m->lock));
    return n;
}

uint32_t memory_claim_parked(struct memory *m)
{
    AZ(pthread_mutex_lock(&m->lock));
    uint32_t id = m->parked.head;
    while (id != SEGMENT_NONE && m->segments[id].busy)
        id = m->segments[id].next;
    if (id != SEGMENT_NONE)
        claim(m, id);
    AZ(pthread_mutex_unlock(&m->lock));
    return id;
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
    *free_segments = memory_available(m);
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
