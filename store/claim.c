/* Chooses which of the queued segments to reclaim. */
#include "store/memory.h"

#include "base/check.h"
#include "store/memory_internal.h"

/* With some ten thousand segments, looking at each costs as much as a reclaim. So only
 * small stores survey all segments for every claim; others keep and reuse the best finds.
 */
enum { SURVEY_SHARE = 4096 };

/* Shares of a segment. A gain below the first is never worth moving the rest. A gain
 * below the second is not worth it if evicting would do as well. SPARE_SEGMENTS: how much
 * the gain of all segments together must be before small gains are collected. */
enum { WORTH_LEAST = 32, WORTH_MOVING = 16, SPARE_SEGMENTS = 2 };

static bool is_claimable(const struct segment *seg)
{
    return seg->state == SEGMENT_QUEUED && !seg->busy && !seg->parked;
}

/* Bytes that reclaiming a segment gives back; UINT64_MAX if nothing in it is live. A
 * short unused rest at its end does not count: the next segment will have one, too. */
static uint64_t gain_of(const struct memory *m, const struct segment *seg)
{
    uint64_t used = atomic_load_explicit(&seg->used, memory_order_relaxed);
    uint64_t dead = atomic_load_explicit(&seg->dead, memory_order_acquire) & DEAD_BYTES;
    if (dead == used)
        return UINT64_MAX;
    if (seg->charged <= used - dead)
        return 0;
    uint64_t rest = seg->charged > used ? seg->charged - used : 0;
    return rest < m->segment_size / 8 ? dead : dead + rest;
}

/* Adds a find; if the list is full it replaces the smallest. */
static void keep_find(struct finds *f, uint32_t id, uint64_t gain)
{
    unsigned least = 0;
    if (f->n < FINDS_MAX) {
        f->gain[f->n] = gain;
        f->id[f->n++] = id;
        return;
    }
    for (unsigned i = 1; i < FINDS_MAX; i++) {
        if (f->gain[i] < f->gain[least])
            least = i;
    }
    if (gain > f->gain[least]) {
        f->gain[least] = gain;
        f->id[least] = id;
    }
}

static void survey(struct memory *m, uint32_t now)
{
    uint64_t charged = 0, gained = 0;
    struct finds *f = &m->finds;
    *f = (struct finds){ .expiring = SEGMENT_NONE,
                         .good_for = m->arena_next / SURVEY_SHARE };
    for (uint32_t id = 0; id < m->arena_next; id++) {
        const struct segment *seg = &m->segments[id];
        if (!is_claimable(seg))
            continue;
        uint64_t gain = gain_of(m, seg);
        charged += seg->charged;
        gained += gain < seg->charged ? gain : seg->charged;
        if (gain * WORTH_LEAST >= m->segment_size)
            keep_find(f, id, gain);
        if (atomic_load_explicit(&seg->min_exptime, memory_order_relaxed) <= now)
            f->expiring = id;
    }
    /* Compaction pays when a large part of the memory is dead. A small part is the cost
     * of keeping the order. */
    f->pays = gained * 100 > charged * 15;
    f->spare = gained;
}

/* Removes the best find from the list, if it is still valid. */
static uint32_t take_find(struct memory *m, uint64_t *gain)
{
    struct finds *f = &m->finds;
    unsigned best = 0;
    if (f->n == 0)
        return SEGMENT_NONE;
    for (unsigned i = 0; i < f->n; i++) {
        const struct segment *seg = &m->segments[f->id[i]];
        f->gain[i] = is_claimable(seg) ? gain_of(m, seg) : 0;
        if (f->gain[i] > f->gain[best])
            best = i;
    }
    uint32_t id = f->id[best];
    *gain = f->gain[best];
    f->n--;
    f->id[best] = f->id[f->n];
    f->gain[best] = f->gain[f->n];
    return *gain == 0 ? SEGMENT_NONE : id;
}

/* Without eviction every byte counts; with it, moving items must be worth the effort. */
static uint32_t worth_compacting(struct memory *m, bool may_evict, uint32_t now)
{
    struct finds *f = &m->finds;
    uint64_t gain = 0;
    if (f->good_for == 0 || !may_evict || (f->pays && f->n == 0))
        survey(m, now);
    else
        f->good_for--;
    uint32_t id = take_find(m, &gain);
    if (!may_evict)
        return id != SEGMENT_NONE ? id : f->expiring;
    if (gain == UINT64_MAX || (f->pays && gain * 8 >= m->segment_size))
        return id;
    return SEGMENT_NONE;
}

static uint32_t oldest(struct memory *m, unsigned queue)
{
    uint32_t id = m->queue[queue].head;
    while (id != SEGMENT_NONE && m->segments[id].busy)
        id = m->segments[id].next;
    return id;
}

/* The small queue pays while it exceeds a tenth, or if the main queue yields nothing. */
static uint32_t next_to_evict(struct memory *m, bool main_is_vain)
{
    size_t small = m->queue[QUEUE_SMALL].bytes, main = m->queue[QUEUE_MAIN].bytes;
    unsigned first = main_is_vain || small * 10 > small + main ? QUEUE_SMALL : QUEUE_MAIN;
    uint32_t id = oldest(m, first);
    return id != SEGMENT_NONE
               ? id
               : oldest(m, first == QUEUE_SMALL ? QUEUE_MAIN : QUEUE_SMALL);
}

/* A follower is told what to move and what to evict, so its segments empty by themselves.
 * The other way to gain memory without evicting is to move what is left in some segments.
 * If this node has as much memory as the leader, there is enough to gain. If it has less,
 * evicting is cheaper. */
static uint32_t worth_following(struct memory *m, uint32_t now)
{
    uint64_t gain = 0;
    if (m->finds.good_for == 0 || m->finds.n == 0)
        survey(m, now);
    else
        m->finds.good_for--;
    uint32_t id = take_find(m, &gain);
    bool spare = m->finds.spare >= SPARE_SEGMENTS * (uint64_t)m->segment_size;
    return gain * (spare ? WORTH_LEAST : WORTH_MOVING) >= m->segment_size ? id
                                                                          : SEGMENT_NONE;
}

unsigned memory_age(const struct memory *m, const struct item *it, unsigned ages)
{
    const struct segment *seg = memory_segment(m, it);
    unsigned queue = seg->queue;
    uint64_t order = seg->order, oldest = m->oldest[queue], youngest = m->youngest[queue];
    if (order >= youngest)
        return ages - 1;
    return order <= oldest
               ? 0
               : (unsigned)((order - oldest) * ages / (youngest - oldest + 1));
}

static void claim(struct memory *m, uint32_t id)
{
    segment_list_remove(m->segments, memory_list_of(m, &m->segments[id]), id);
    m->segments[id].state = SEGMENT_CLAIMED;
    m->claimed++;
}

enum claim_mode memory_claim(struct memory *m, const struct claim_order *order,
                             uint32_t *id)
{
    enum claim_mode mode = CLAIM_COMPACT;
    *id = SEGMENT_NONE;
    AZ(pthread_mutex_lock(&m->lock));
    if (order->compact && order->follow && order->evict)
        *id = worth_following(m, order->now);
    else if (order->compact)
        *id = worth_compacting(m, order->evict, order->now);
    if (*id == SEGMENT_NONE && order->evict) {
        *id = next_to_evict(m, order->main_is_vain);
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

bool memory_may_hold(struct memory *m, size_t size)
{
    if (!size_is_large(m, size))
        return true;
    AZ(pthread_mutex_lock(&m->lock));
    bool may =
        m->parked.count == 0 || m->parked.bytes + size <= budget_limit(&m->budget) / 2;
    AZ(pthread_mutex_unlock(&m->lock));
    return may;
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
