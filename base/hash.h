/*
 * The hash of a key that both nodes of a pair agree on: XXH3, 64 bits, unseeded. It
 * determines replication's buckets (HASH_ID is compared at the handshake).
 *
 * Anybody can make keys that all have one hash. So use it only where the work has a bound
 * of its own, such as in maps (repl/map.h) and tables that look at a few slots; tables
 * with chains use base/siphash.h.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HASH_ID 0x58333634u /* "X364": XXH3, 64 bits */

static inline uint64_t hash_key(const void *key, size_t nkey)
{
    return XXH3_64bits(key, nkey);
}

#endif
