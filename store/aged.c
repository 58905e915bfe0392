/*
 * Items that have an age: items of a copy, and items that this node moves unchanged while
 * it follows another node. Each queue position that is being filled has an open segment
 * here, so items of one age lie side by side and leave together.
 */
#include "store/memory.h"

#include "base/check.h"

/* Positions of a copy are kept separate. Moved items from segments with much to gain are
 * not: most of these segments lie close to each other in the queue, near its old end. The
 * youngest of the items decides where they go together: at the old end, an item that is
 * read often would be judged again and again, and evicted in the end. */
static bool is_same_place(const struct memory *m, const struct open_segment *open,
                          unsigned queue, uint64_t order)
{
    return open->id != SEGMENT_NONE && m->segments[open->id].queue == queue &&
           (open->order == order || (open->order > ORDER_LIVE && order > ORDER_LIVE));
}

/* The open segment for this position, else a free one, else the least recently used. */
static unsigned choose(const struct memory *m, unsigned queue, uint64_t order)
{
    const struct aged *a = &m->aged;
    unsigned best = 0;
    for (unsigned i = 0; i < AGED_OPEN; i++) {
        if (is_same_place(m, &a->open[i], queue, order))
            return i;
        if (a->used_at[i] < a->used_at[best])
            best = i;
    }
    return best;
}

static void seal(struct memory *m, unsigned i)
{
    if (m->aged.open[i].id != SEGMENT_NONE)
        memory_seal(m, &m->aged.open[i]);
    m->aged.open[i].id = SEGMENT_NONE;
    m->aged.used_at[i] = 0;
}

static struct item *alloc_locked(struct memory *m, unsigned queue, uint64_t order,
                                 const struct item *header, enum memory_grade grade)
{
    unsigned i = choose(m, queue, order);
    struct open_segment *open = &m->aged.open[i];
    struct item *it = NULL;
    if (is_same_place(m, open, queue, order))
        it = open_append(open, header, item_size(header));
    if (it == NULL) {
        uint32_t id = memory_take(m, queue, grade);
        if (id == SEGMENT_NONE)
            return NULL;
        seal(m, i);
        open_begin(open, id, m->segments[id].base, m->segment_size, order);
        it = open_append(open, header, item_size(header));
    }
    if (order > open->order)
        open->order = order;
    m->aged.used_at[i] = ++m->aged.uses;
    return it;
}

struct item *memory_alloc_aged(struct memory *m, unsigned queue, uint64_t order,
                               const struct item *header, enum memory_grade grade)
{
    if (size_is_large(m, item_size(header)))
        return memory_alloc_large(m, queue, order, header, grade);
    AZ(pthread_mutex_lock(&m->aged.lock));
    struct item *it = alloc_locked(m, queue, order, header, grade);
    AZ(pthread_mutex_unlock(&m->aged.lock));
    return it;
}

void memory_seal_aged(struct memory *m)
{
    AZ(pthread_mutex_lock(&m->aged.lock));
    for (unsigned i = 0; i < AGED_OPEN && m->aged.uses == m->aged.uses_before; i++)
        seal(m, i);
    m->aged.uses_before = m->aged.uses;
    AZ(pthread_mutex_unlock(&m->aged.lock));
}
