/*
 * The keys that clients changed here since a merge began, in buckets that this node
 * is missing: exact, as the touched map behind it is not. What the peer's copy says of
 * such a key is out of date. It is not enough to look whether the key is here: what a
 * client stored may have been evicted since, or have expired.
 *
 *   hash -> slot, slot + 1, ...     open addressing, a few slots, then it is full there
 *
 * A fixed number of hashes. known_add may be called by any thread at any time and never
 * blocks. known_clear needs the gate held exclusively (repl/gate.h).
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
    atomic_bool some; /* false only if it is empty */
};

/* An empty set, of a size that suits maps of so many bits: 4 MiB for the usual ones, 8 at
 * most. False if memory is out. */
bool known_init(struct known *k, unsigned map_bits);
void known_fini(struct known *k);

/* Have the kernel give the memory now (see map_prefault). */
void known_prefault(struct known *k);

/* False if there is no room for it. */
bool known_add(struct known *k, uint64_t hash);
bool known_has(const struct known *k, uint64_t hash);
void known_clear(struct known *k);

#endif
