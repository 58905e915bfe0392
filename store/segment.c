#include "store/segment.h"

void segment_reset(struct segment *seg, unsigned queue)
{
    atomic_store_explicit(&seg->dead, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->used, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->items, 0, memory_order_relaxed);
    atomic_store_explicit(&seg->min_exptime, EXPTIME_NONE, memory_order_relaxed);
    seg->queue = (uint8_t)queue;
    seg->order = ORDER_OPEN;
    seg->state = SEGMENT_OPEN;
    seg->next_search = 0;
}

static void lower(_Atomic uint32_t *least, uint32_t value)
{
    uint32_t seen = atomic_load(least);
    while (value < seen && !atomic_compare_exchange_weak(least, &seen, value))
        ;
}

void segment_note_exptime(struct segment *seg, uint32_t exptime)
{
    if (exptime != 0)
        lower(&seg->min_exptime, exptime);
}

void segment_list_clear(struct segment_list *list)
{
    *list = (struct segment_list){ .head = SEGMENT_NONE, .tail = SEGMENT_NONE };
}

/* Links id between two neighbours, either of which may be SEGMENT_NONE. */
static void link_between(struct segment *all, struct segment_list *list, uint32_t id,
                         uint32_t before, uint32_t after)
{
    all[id].prev = before;
    all[id].next = after;
    *(before == SEGMENT_NONE ? &list->head : &all[before].next) = id;
    *(after == SEGMENT_NONE ? &list->tail : &all[after].prev) = id;
    list->count++;
    list->bytes += all[id].charged;
}

void segment_list_append(struct segment *all, struct segment_list *list, uint32_t id)
{
    link_between(all, list, id, list->tail, SEGMENT_NONE);
}

/* It is nearly always the youngest; if it is not, it belongs near the old end. */
void segment_list_insert(struct segment *all, struct segment_list *list, uint32_t id)
{
    uint64_t order = all[id].order;
    uint32_t before = list->tail, after = SEGMENT_NONE;
    if (before != SEGMENT_NONE && all[before].order > order) {
        before = SEGMENT_NONE;
        after = list->head;
        while (all[after].order <= order) {
            before = after;
            after = all[after].next;
        }
    }
    link_between(all, list, id, before, after);
}

void segment_list_remove(struct segment *all, struct segment_list *list, uint32_t id)
{
    uint32_t before = all[id].prev, after = all[id].next;
    *(before == SEGMENT_NONE ? &list->head : &all[before].next) = after;
    *(after == SEGMENT_NONE ? &list->tail : &all[after].prev) = before;
    list->count--;
    list->bytes -= all[id].charged;
}

uint32_t segment_list_pop(struct segment *all, struct segment_list *list)
{
    uint32_t id = list->tail;
    if (id != SEGMENT_NONE)
        segment_list_remove(all, list, id);
    return id;
}
