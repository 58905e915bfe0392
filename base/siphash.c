#include "base/siphash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

bool siphash_draw(struct siphash_secret *secret)
{
    ssize_t n;
    do
        n = getrandom(secret, sizeof(*secret), 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*secret);
}

struct state {
    uint64_t a, b, c, d;
};

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void stir(struct state *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotate(s->b, 13) ^ s->a;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a = rotate(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotate(s->b, 17) ^ s->c;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c = rotate(s->c, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
    s->d ^= word;
    stir(s);
    s->a ^= word;
}

static inline uint64_t load(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return le64toh(word);
}

/* Loads the bytes after the last whole word. In a longer input they are the upper end of
 * its last eight bytes: this takes one load instead of a loop. */
static inline uint64_t load_rest(const unsigned char *bytes, size_t n)
{
    size_t rest = n % sizeof(uint64_t);
    uint64_t word = 0;
    if (rest != 0 && n > sizeof(word))
        return load(bytes + n - sizeof(word)) >> 8 * (sizeof(word) - rest);
    while (rest > 0)
        word = word << 8 | bytes[--rest];
    return word;
}

uint64_t siphash(const struct siphash_secret *secret, const void *bytes, size_t n)
{
    struct state s = { secret->word[0] ^ UINT64_C(0x736f6d6570736575),
                       secret->word[1] ^ UINT64_C(0x646f72616e646f6d),
                       secret->word[0] ^ UINT64_C(0x6c7967656e657261),
                       secret->word[1] ^ UINT64_C(0x7465646279746573) };
    const unsigned char *at = bytes, *end = at + n - n % sizeof(uint64_t);
    for (; at != end; at += sizeof(uint64_t))
        absorb(&s, load(at));
    absorb(&s, (uint64_t)n << 56 | load_rest(bytes, n));
    s.c ^= 0xff;
    for (int round = 0; round < 3; round++)
        stir(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}
