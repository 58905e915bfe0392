/* Counts what the segments of each queue contain. */
#include "store/memory.h"

#include "base/check.h"

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

static void count_open_one(struct memory *m, const struct open_segment *open,
                           struct census census[QUEUES])
{
    if (open->id == SEGMENT_NONE)
        return;
    const struct segment *seg = &m->segments[open->id];
    if (seg->state == SEGMENT_OPEN) /* it has not been sealed meanwhile */
        count_one(seg, &census[seg->queue], (uint64_t)(open->next - seg->base),
                  open->items);
}

/* The caller also holds the lock of the aged segments. */
static void count_open(struct memory *m, struct census census[QUEUES])
{
    for (uint32_t i = 0; i < m->nlanes; i++) {
        for (int q = 0; q < QUEUES; q++) {
            spin_acquire(&m->lanes[i].lock);
            struct open_segment open = m->lanes[i].open[q];
            spin_release(&m->lanes[i].lock);
            count_open_one(m, &open, census);
        }
    }
}

void memory_count(struct memory *m, struct census census[QUEUES], uint64_t *free_segments)
{
    memset(census, 0, QUEUES * sizeof(census[0]));
    *free_segments = memory_available(m);
    AZ(pthread_mutex_lock(&m->aged.lock));
    AZ(pthread_mutex_lock(&m->lock));
    count_open(m, census);
    for (unsigned i = 0; i < AGED_OPEN; i++)
        count_open_one(m, &m->aged.open[i], census);
    AZ(pthread_mutex_unlock(&m->aged.lock));
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
