/* The words of a map, for the files that implement it (map.c, map_wire.c). */
#ifndef REPL_MAP_WORDS_H
#define REPL_MAP_WORDS_H

#include "repl/map.h"

static inline uint64_t map_word(const struct map *m, size_t i)
{
    return atomic_load_explicit(&m->words[i], memory_order_relaxed);
}

static inline void map_set_word(struct map *m, size_t i, uint64_t w)
{
    atomic_store_explicit(&m->words[i], w, memory_order_relaxed);
}

static inline void map_set_some(struct map *m, bool some)
{
    atomic_store_explicit(&m->some, some, memory_order_relaxed);
}

#endif
