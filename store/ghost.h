/*
 * Keys that were evicted recently without having been read: 16-bit fingerprints of
 * hashes. A key that is set again while its ghost exists has proven itself and goes
 * directly to the main queue. A wrong answer only puts an item into the wrong queue.
 *
 * Lock-free; the effective size follows the number of items.
 */
#ifndef STORE_GHOST_H
#define STORE_GHOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/range.h"

struct ghost {
    _Atomic uint16_t *prints;
    _Atomic uint32_t mask; /* entries in use, minus one; 0: none */
    uint32_t max_entries;
    struct range range;
};

/* Uses at most `bytes` of memory. False: no address space. */
bool ghost_init(struct ghost *g, size_t bytes);
void ghost_fini(struct ghost *g);

/* Uses at least as many entries as there are items. Returns how many bytes it grew. */
size_t ghost_resize(struct ghost *g, uint64_t items);

static inline uint16_t ghost_print(uint32_t hash)
{
    return (uint16_t)(hash >> 16) | 1;
}

/* The low bits select the entry. They are mixed, so that the fingerprint adds to them. */
static inline uint32_t ghost_index(uint32_t hash, uint32_t mask)
{
    return (hash * 0x9e3779b1u >> 4) & mask;
}

static inline void ghost_add(struct ghost *g, uint32_t hash)
{
    uint32_t mask = atomic_load_explicit(&g->mask, memory_order_acquire);
    if (mask != 0)
        atomic_store_explicit(&g->prints[ghost_index(hash, mask)], ghost_print(hash),
                              memory_order_relaxed);
}

static inline bool ghost_has(struct ghost *g, uint32_t hash)
{
    uint32_t mask = atomic_load_explicit(&g->mask, memory_order_acquire);
    return mask != 0 && atomic_load_explicit(&g->prints[ghost_index(hash, mask)],
                                             memory_order_relaxed) == ghost_print(hash);
}

#endif
