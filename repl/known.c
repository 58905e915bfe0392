#include "repl/known.h"

#include <stdlib.h>

enum { BITS_MIN = 4, BITS_MAX = 20, PROBES = 16 };

/* One slot for 2^5 buckets: while a store is filled, only some of its keys change. */
enum { BUCKET_BITS = 5 };

static size_t slots_for(unsigned map_bits)
{
    unsigned bits = map_bits < BITS_MIN + BUCKET_BITS ? BITS_MIN : map_bits - BUCKET_BITS;
    return (size_t)1 << (bits < BITS_MAX ? bits : BITS_MAX);
}

/* Up to a quarter there are no long rows of slots in use. */
size_t known_room(unsigned map_bits)
{
    return slots_for(map_bits) / 4;
}

bool known_init(struct known *k, unsigned map_bits)
{
    k->nslots = slots_for(map_bits);
    k->slots = calloc(k->nslots, sizeof(*k->slots));
    atomic_init(&k->some, false);
    return k->slots != NULL;
}

void known_fini(struct known *k)
{
    free(k->slots);
    *k = (struct known){ 0 };
}

void known_prefault(struct known *k)
{
    enum { PAGE_SLOTS = 4096 / sizeof(uint64_t) };
    for (size_t i = 0; i < k->nslots; i += PAGE_SLOTS)
        atomic_fetch_or_explicit(&k->slots[i], 0, memory_order_relaxed);
}

/* 0 marks an empty slot, so hash 0 is stored as 1. */
static uint64_t mark_of(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

/* The slot comes from the low bits of the hash: the maps use the top bits. */
static _Atomic uint64_t *slot(const struct known *k, uint64_t hash, unsigned probe)
{
    return &k->slots[(hash + probe) & (k->nslots - 1)];
}

bool known_add(struct known *k, uint64_t hash)
{
    uint64_t mark = mark_of(hash);
    if (!atomic_load_explicit(&k->some, memory_order_relaxed))
        atomic_store_explicit(&k->some, true, memory_order_relaxed);
    for (unsigned i = 0; i < PROBES; i++) {
        _Atomic uint64_t *at = slot(k, hash, i);
        uint64_t found = atomic_load_explicit(at, memory_order_relaxed);
        if (found == 0 && atomic_compare_exchange_strong_explicit(at, &found, mark,
                                                                  memory_order_relaxed,
                                                                  memory_order_relaxed))
            return true;
        if (found == mark)
            return true;
    }
    return false;
}

bool known_has(const struct known *k, uint64_t hash)
{
    uint64_t mark = mark_of(hash), found = mark;
    for (unsigned i = 0; i < PROBES && found != 0; i++) {
        found = atomic_load_explicit(slot(k, hash, i), memory_order_relaxed);
        if (found == mark)
            return true;
    }
    return false;
}

void known_expect(const struct known *k, uint64_t hash)
{
    __builtin_prefetch(slot(k, hash, 0), 1);
}

void known_clear(struct known *k)
{
    if (!atomic_load_explicit(&k->some, memory_order_relaxed))
        return;
    for (size_t i = 0; i < k->nslots; i++)
        atomic_store_explicit(&k->slots[i], 0, memory_order_relaxed);
    atomic_store_explicit(&k->some, false, memory_order_relaxed);
}
