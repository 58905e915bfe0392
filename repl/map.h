/*
 * A set of buckets: one bit for each of 2^bits buckets. A key's bucket is the top bits
 * of its hash, so that a map of half the size is the same map with neighbours joined,
 * and two nodes with different sizes can use the smaller.
 *
 * Any thread may call map_add, map_note, map_has and map_is_empty at any time; adding
 * never blocks and never forgets. The caller of everything else holds the core lock, and
 * the gate if clients add to the map (repl/gate.h).
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

/* An empty map; false if memory runs out. */
bool map_init(struct map *m, unsigned bits);
void map_fini(struct map *m);

/* Make the kernel provide the memory now: it does that at the first write, which takes
 * milliseconds for a map. Others may use the map meanwhile. */
void map_prefault(struct map *m);

static inline size_t map_bucket(const struct map *m, uint64_t hash)
{
    return (size_t)(hash >> (64 - m->bits));
}

/* By the hash of a key. */
void map_add(struct map *m, uint64_t hash);
bool map_has(const struct map *m, uint64_t hash);
/* Remove all buckets that a map of 2^bits buckets, or more, has joined to that of the
 * hash. */
void map_remove(struct map *m, uint64_t hash, unsigned bits);

/* For a map to which threads add at any moment, also while its owner takes out of it.
 * What a thread did before it noted a bucket is seen by whoever takes the bucket out. */
void map_note(struct map *m, uint64_t hash);
void map_note_all(struct map *m, const struct map *part); /* m |= part */
void map_take(struct map *m, const struct map *part);     /* m &= ~part */

bool map_is_empty(const struct map *m);
uint64_t map_count(const struct map *m); /* how many buckets are in the set */

/* The first bucket in the set at or above `from`; MAP_END if there is none. */
#define MAP_END SIZE_MAX
size_t map_next(const struct map *m, size_t from);

/* to = at most n buckets of `from`, the first ones that are not below `at`. The one
 * behind the last of them; MAP_END if there is none. Of two maps of one size. */
size_t map_pick(struct map *to, const struct map *from, size_t at, size_t n);

void map_clear(struct map *m);
void map_fill(struct map *m);

/* For two maps of the same size. */
void map_copy(struct map *to, const struct map *from);
void map_unite(struct map *to, const struct map *from);     /* to |= from */
void map_subtract(struct map *to, const struct map *from);  /* to &= ~from */
void map_intersect(struct map *to, const struct map *from); /* to &= from */
bool map_exceeds(const struct map *m,
                 const struct map *other); /* has it what that has not? */

/* Join neighbours: if a bucket is set, set all buckets that share one bucket of a map
 * of `bits` with it. Then a peer with such a map understands exactly what this map
 * says. */
void map_widen(struct map *m, unsigned bits);

/* Writes the map as plain words: as a map of `bits` would be, or of its own bits if these
 * are fewer. Neighbours are joined. Returns the bits. words: 2^bits / 64 of them. */
unsigned map_fold(const struct map *m, unsigned bits, uint64_t *words);

/* The wire form at `bits` (not above the map's own): a byte for the kind, then
 *   0 empty   1 all   2 the gaps between set buckets as varints   3 the plain words
 *   4 the gaps between buckets that are not set
 *   5 the gaps between buckets at which a run of set buckets begins or ends
 * whichever is short. encode: false if memory runs out. decode replaces the map's
 * contents: it takes what encode made at `bits` and widens it to the map's own size. It
 * returns the number of bytes used, 0 if they are not a map. */
bool map_encode(const struct map *m, unsigned bits, struct buffer *out);
size_t map_decode(struct map *m, unsigned bits, const void *bytes, size_t n);

#endif
