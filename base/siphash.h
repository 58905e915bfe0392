/*
 * The hash that places keys in tables which clients can fill: SipHash-1-3, 64 bits, under
 * a secret that no client knows.
 *
 * Whoever can tell which keys meet in one bucket can make every look-up there walk
 * through all of them. With an unkeyed hash (base/hash.h) that takes no effort at all.
 * XXH3 under a secret would be twice as fast for keys of usual lengths, but it adds up
 * products of a key's words, was not made against an adversary, and nobody vouches for
 * it: with a seed alone there are keys that collide whatever the seed is. SipHash was
 * made for this very use. Nobody knows how to make collisions without the secret, nor in
 * this short form of one round a word and three at the end, even if hashes are seen; and
 * no client sees one.
 *
 * The two nodes of a pair have different secrets, so a hash must not leave the process,
 * nor may an order that follows from it mean anything to the peer.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is as good as any other to tests that want the same each time. */
struct siphash_secret {
    uint64_t word[2];
};

/* A new secret from the kernel. False: it gives no random numbers. A table must not be
 * used then, as any other secret could be guessed. */
bool siphash_draw(struct siphash_secret *secret);

uint64_t siphash(const struct siphash_secret *secret, const void *bytes, size_t n);

#endif
