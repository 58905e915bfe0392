/*
 * The hash for tables that clients can fill with keys: SipHash-1-3, 64 bits, with a
 * secret that no client knows.
 *
 * A client that can predict which keys share a bucket can force every look-up there to
 * walk through all of them. With an unkeyed hash (base/hash.h) that is easy. XXH3 with a
 * secret would be twice as fast for keys of usual lengths. But it sums products of a
 * key's words, was not designed against an adversary, and nobody vouches for it: if only
 * a seed is secret, some keys collide for every seed. SipHash was designed for this use.
 * Nobody knows how to make collisions without the secret, even if hashes are seen, and
 * not in this short form with one round per word and three at the end either; and no
 * client sees a hash.
 *
 * The two nodes of a pair have different secrets. So a hash must not leave the process,
 * and an order that depends on it has no meaning for the peer.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is valid, for tests that need the same hashes each time. */
struct siphash_secret {
    uint64_t word[2];
};

/* Gets a new secret from the kernel. False: the kernel provides no random numbers. Do not
 * use a table then, as any other secret could be guessed. */
bool siphash_draw(struct siphash_secret *secret);

uint64_t siphash(const struct siphash_secret *secret, const void *bytes, size_t n);

#endif
