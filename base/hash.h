/*
 * The one hash of a key: XXH3, 64 bits, unseeded. The store places keys with
 * it; replication names buckets with it, so both nodes of a pair must agree
 * on it (HASH_ID is compared at the handshake).
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
