/*
 * The set of keys that clients changed here since a merge began, in buckets that this
 * node is missing. It is exact, unlike the map `written`, which takes what has no room
 * here. The peer's copy of such a key is out of date. To look whether the key is here
 * is not enough: what a client stored may have been evicted since, or have expired.
 *
 *   hash -> slot, slot + 1, ...     open addressing; a few slots, then there is no room
 *
 * It holds a bounded number of hashes. Any thread may call known_add at any time; it
 * never blocks. known_clear needs the gate held (repl/gate.h).
 */
#ifndef REPL_KNOWN_H
#define REPL_KNOWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known {
    size_t nslots; /* a power of two */
    _Atomic uint64_t *slots;
    atomic_bool some; /* false only if the set is empty */
};

/* An empty set, sized to go with maps of map_bits: 4 MiB for the usual ones, 8 MiB at
 * most. False if memory runs out. */
bool known_init(struct known *k, unsigned map_bits);
/* So many hashes nearly always find room in such a set. */
size_t known_room(unsigned map_bits);
void known_fini(struct known *k);

/* Make the kernel provide the memory now (see map_prefault). */
void known_prefault(struct known *k);

/* False if there is no room for the hash. */
bool known_add(struct known *k, uint64_t hash);
bool known_has(const struct known *k, uint64_t hash);
/* This hash will be added soon. */
void known_expect(const struct known *k, uint64_t hash);
void known_clear(struct known *k);

#endif
