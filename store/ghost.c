#include "store/ghost.h"

enum { FIRST_ENTRIES = 4096 };

bool ghost_init(struct ghost *g, size_t bytes)
{
    uint32_t entries = FIRST_ENTRIES;
    while (entries < 1u << 31 && (size_t)entries * 2 * sizeof(uint16_t) <= bytes)
        entries *= 2;
    *g = (struct ghost){ .max_entries = entries };
    if (!range_init(&g->range, entries * sizeof(uint16_t)))
        return false;
    g->prints = (_Atomic uint16_t *)(void *)g->range.base;
    return true;
}

void ghost_fini(struct ghost *g)
{
    range_fini(&g->range);
}

size_t ghost_resize(struct ghost *g, uint64_t items)
{
    uint32_t now = atomic_load(&g->mask) + 1, entries = FIRST_ENTRIES;
    size_t added;
    while (entries < items && entries < g->max_entries)
        entries *= 2;
    if (entries <= now || !range_grow(&g->range, entries * sizeof(uint16_t), &added))
        return 0;
    atomic_store_explicit(&g->mask, entries - 1, memory_order_release);
    return added;
}
