/*
 * A set of buckets: one bit for each of 2^bits sets of keys. A key's bucket is the
 * top bits of its hash, so that a map of half the size is the same map with
 * neighbours joined, and two nodes with different sizes agree on the smaller.
 *
 * map_add may be called by any thread at any time; it never blocks and never
 * forgets. All else belongs to whoever holds the core lock, and where the map is
 * one that clients add to, with the gate held exclusively (repl/gate.h).
 */
#ifndef REPL_MAP_H
#define REPL_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { MAP_BITS_MIN = 6, MAP_BITS_MAX = 30 };

struct map {
    unsigned bits;
    size_t nwords;
    _Atomic uint64_t *words;
    atomic_bool some; /* false only if no bit is set */
};

/* An empty map; false if memory is out. */
bool map_init(struct map *m, unsigned bits);
void map_fini(struct map *m);

/* The kernel gives memory when it is first written to, and takes milliseconds for a map.
 * This has it do so now, whatever others do with the map meanwhile. */
void map_prefault(struct map *m);

static inline size_t map_bucket(const struct map *m, uint64_t hash)
{
    return (size_t)(hash >> (64 - m->bits));
}

/* By hash of a key. */
void map_add(struct map *m, uint64_t hash);
bool map_has(const struct map *m, uint64_t hash);

bool map_is_empty(const struct map *m);
uint64_t map_count(const struct map *m); /* buckets in the set */

/* The first bucket of the set that is not below `from`; MAP_END if there is none. */
#define MAP_END SIZE_MAX
size_t map_next(const struct map *m, size_t from);

void map_clear(struct map *m);
void map_fill(struct map *m);

/* Of two maps of one size. */
void map_copy(struct map *to, const struct map *from);
void map_unite(struct map *to, const struct map *from);     /* to |= from */
void map_subtract(struct map *to, const struct map *from);  /* to &= ~from */
void map_intersect(struct map *to, const struct map *from); /* to &= from */

/* Join neighbours: each run that is one bucket of a map of `bits` becomes all set if any
 * of it is. What a peer with such a map understands is then what is meant here. */
void map_widen(struct map *m, unsigned bits);

/* The wire form, at `bits` (not above the map's own): a kind byte, then
 *   0 empty   1 all   2 the gaps between set buckets as varints   3 the plain words
 *   4 the gaps between those that are not set
 * whichever is short. Decode replaces the contents; it takes what encode made at
 * `bits` and widens it to the map's own size. It returns the bytes used, 0 if they
 * are not a map. */
bool map_encode(const struct map *m, unsigned bits, struct buffer *out);
size_t map_decode(struct map *m, unsigned bits, const void *bytes, size_t n);

#endif
