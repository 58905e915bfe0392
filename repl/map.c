#include "repl/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/bit_set.h"
#include "base/check.h"
#include "repl/map_words.h"

bool map_init(struct map *m, unsigned bits)
{
    CHECK(bits >= MAP_BITS_MIN && bits <= MAP_BITS_MAX);
    m->bits = bits;
    m->nwords = ((size_t)1 << bits) / 64;
    m->words = calloc(m->nwords, sizeof(*m->words));
    atomic_init(&m->some, false);
    return m->words != NULL;
}

void map_prefault(struct map *m)
{
    enum { PAGE_WORDS = 4096 / sizeof(uint64_t) };
    for (size_t i = 0; i < m->nwords; i += PAGE_WORDS)
        atomic_fetch_or_explicit(&m->words[i], 0, memory_order_relaxed);
}

void map_fini(struct map *m)
{
    free(m->words);
    *m = (struct map){ 0 };
}

void map_add(struct map *m, uint64_t hash)
{
    size_t b = map_bucket(m, hash);
    uint64_t bit = UINT64_C(1) << (b % 64);
    /* Reading first keeps the cache line shared if the bit is already set. */
    if (!(map_word(m, b / 64) & bit))
        atomic_fetch_or_explicit(&m->words[b / 64], bit, memory_order_relaxed);
    if (!atomic_load_explicit(&m->some, memory_order_relaxed))
        map_set_some(m, true);
}

bool map_has(const struct map *m, uint64_t hash)
{
    size_t b = map_bucket(m, hash);
    return map_word(m, b / 64) >> (b % 64) & 1;
}

bool map_is_empty(const struct map *m)
{
    return !atomic_load_explicit(&m->some, memory_order_relaxed);
}

static bool has_words(const struct map *m)
{
    size_t i = 0;
    while (i < m->nwords && map_word(m, i) == 0)
        i++;
    return i < m->nwords;
}

void map_remove(struct map *m, uint64_t hash, unsigned bits)
{
    unsigned joined = m->bits > bits ? m->bits - bits : 0;
    size_t first = map_bucket(m, hash) >> joined << joined;
    for (size_t b = first; b < first + ((size_t)1 << joined); b++)
        map_set_word(m, b / 64, map_word(m, b / 64) & ~(UINT64_C(1) << b % 64));
    map_set_some(m, has_words(m));
}

static void note_word(struct map *m, size_t i, uint64_t w)
{
    atomic_fetch_or(&m->words[i], w);
    if (!atomic_load(&m->some))
        atomic_store(&m->some, true);
}

/* The bit is written also if it is set: it may be about to be taken. */
void map_note(struct map *m, uint64_t hash)
{
    size_t b = map_bucket(m, hash);
    note_word(m, b / 64, UINT64_C(1) << (b % 64));
}

void map_note_all(struct map *m, const struct map *part)
{
    CHECK(m->bits == part->bits);
    for (size_t i = 0; !map_is_empty(part) && i < m->nwords; i++) {
        uint64_t w = map_word(part, i);
        if (w != 0)
            note_word(m, i, w);
    }
}

/* Who notes a bucket writes its word before it looks at `some`; this looks at the words
 * after it has written `some`. So one of both sees the other. */
void map_take(struct map *m, const struct map *part)
{
    CHECK(m->bits == part->bits);
    if (map_is_empty(m) || map_is_empty(part))
        return;
    for (size_t i = 0; i < m->nwords; i++) {
        uint64_t w = map_word(part, i);
        if ((map_word(m, i) & w) != 0)
            atomic_fetch_and(&m->words[i], ~w);
    }
    atomic_store(&m->some, false);
    atomic_thread_fence(memory_order_seq_cst);
    if (has_words(m))
        atomic_store(&m->some, true);
}

uint64_t map_count(const struct map *m)
{
    uint64_t count = 0;
    if (map_is_empty(m))
        return 0;
    for (size_t i = 0; i < m->nwords; i++) {
        uint64_t w = map_word(m, i);
        count += w != 0 ? (uint64_t)__builtin_popcountll(w) : 0; /* nearly all are 0 */
    }
    return count;
}

size_t map_next(const struct map *m, size_t from)
{
    size_t i = from / 64;
    if (map_is_empty(m) || i >= m->nwords)
        return MAP_END;
    uint64_t w = map_word(m, i) & UINT64_MAX << from % 64;
    while (w == 0) {
        if (++i == m->nwords)
            return MAP_END;
        w = map_word(m, i);
    }
    return i * 64 + (size_t)__builtin_ctzll(w);
}

/* The n lowest bits that are set in a word. */
static uint64_t first_of(uint64_t w, size_t n)
{
    uint64_t rest = w;
    if (n >= 64)
        return w;
    for (; n > 0; n--)
        rest &= rest - 1;
    return w & ~rest;
}

size_t map_pick(struct map *to, const struct map *from, size_t at, size_t n)
{
    CHECK(to->bits == from->bits);
    map_clear(to);
    for (at = map_next(from, at); at != MAP_END && n > 0; at = map_next(from, at)) {
        uint64_t w = first_of(map_word(from, at / 64) & UINT64_MAX << at % 64, n);
        map_set_word(to, at / 64, w);
        map_set_some(to, true);
        n -= (size_t)__builtin_popcountll(w);
        at = at / 64 * 64 + 64 - (size_t)__builtin_clzll(w);
    }
    return at;
}

static void set_all(struct map *m, uint64_t w)
{
    for (size_t i = 0; i < m->nwords; i++)
        map_set_word(m, i, w);
    map_set_some(m, w != 0);
}

void map_clear(struct map *m)
{
    if (!map_is_empty(m))
        set_all(m, 0);
}

void map_fill(struct map *m)
{
    set_all(m, UINT64_MAX);
}

void map_copy(struct map *to, const struct map *from)
{
    CHECK(to->bits == from->bits);
    if (map_is_empty(from)) {
        map_clear(to);
        return;
    }
    for (size_t i = 0; i < to->nwords; i++)
        map_set_word(to, i, map_word(from, i));
    map_set_some(to, true);
}

void map_unite(struct map *to, const struct map *from)
{
    CHECK(to->bits == from->bits);
    if (map_is_empty(from))
        return;
    for (size_t i = 0; i < to->nwords; i++)
        map_set_word(to, i, map_word(to, i) | map_word(from, i));
    map_set_some(to, true);
}

/* The gate may be held: it writes nothing that stays as it is. */
void map_subtract(struct map *to, const struct map *from)
{
    CHECK(to->bits == from->bits);
    if (map_is_empty(from) || map_is_empty(to))
        return;
    for (size_t i = 0; i < to->nwords; i++) {
        uint64_t w = map_word(from, i);
        if (w != 0)
            map_set_word(to, i, map_word(to, i) & ~w);
    }
    map_set_some(to, has_words(to));
}

void map_intersect(struct map *to, const struct map *from)
{
    uint64_t any = 0;
    CHECK(to->bits == from->bits);
    if (map_is_empty(to))
        return;
    for (size_t i = 0; i < to->nwords; i++) {
        uint64_t w = map_word(to, i) & map_word(from, i);
        map_set_word(to, i, w);
        any |= w;
    }
    map_set_some(to, any != 0);
}

bool map_exceeds(const struct map *m, const struct map *other)
{
    CHECK(m->bits == other->bits);
    for (size_t i = 0; !map_is_empty(m) && i < m->nwords; i++) {
        if (map_word(m, i) & ~map_word(other, i))
            return true;
    }
    return false;
}

static uint64_t widen_word(uint64_t w, unsigned run)
{
    uint64_t mask = (UINT64_C(1) << run) - 1;
    for (unsigned b = 0; b < 64; b += run) {
        if (w & mask << b)
            w |= mask << b;
    }
    return w;
}

void map_widen(struct map *m, unsigned bits)
{
    CHECK(bits >= MAP_BITS_MIN && bits <= m->bits);
    size_t run = (size_t)1 << (m->bits - bits);
    if (map_is_empty(m) || run == 1)
        return;
    for (size_t i = 0; run < 64 && i < m->nwords; i++)
        map_set_word(m, i, widen_word(map_word(m, i), (unsigned)run));
    for (size_t i = 0; run >= 64 && i < m->nwords; i += run / 64) {
        uint64_t any = 0;
        for (size_t n = 0; n < run / 64; n++)
            any |= map_word(m, i + n);
        for (size_t n = 0; any != 0 && n < run / 64; n++)
            map_set_word(m, i + n, UINT64_MAX);
    }
}

unsigned map_fold(const struct map *m, unsigned bits, uint64_t *words)
{
    bits = bits < m->bits ? bits : m->bits;
    unsigned shift = m->bits - bits;
    memset(words, 0, ((size_t)1 << bits) / 8);
    for (size_t i = 0; !map_is_empty(m) && i < m->nwords; i++)
        bits_join(words, i, map_word(m, i), shift);
    return bits;
}
