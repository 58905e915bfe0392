/* Sets of buckets, and their wire form. Long because the wire form works on their words.
 */
#include "repl/map.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { KIND_EMPTY, KIND_ALL, KIND_GAPS, KIND_WORDS, KIND_HOLES, KIND_RUNS };

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

static uint64_t word(const struct map *m, size_t i)
{
    return atomic_load_explicit(&m->words[i], memory_order_relaxed);
}

static void set_word(struct map *m, size_t i, uint64_t w)
{
    atomic_store_explicit(&m->words[i], w, memory_order_relaxed);
}

static void set_some(struct map *m, bool some)
{
    atomic_store_explicit(&m->some, some, memory_order_relaxed);
}

void map_add(struct map *m, uint64_t hash)
{
    size_t b = map_bucket(m, hash);
    uint64_t bit = UINT64_C(1) << (b % 64);
    /* Reading first keeps the cache line shared if the bit is already set. */
    if (!(word(m, b / 64) & bit))
        atomic_fetch_or_explicit(&m->words[b / 64], bit, memory_order_relaxed);
    if (!atomic_load_explicit(&m->some, memory_order_relaxed))
        set_some(m, true);
}

bool map_has(const struct map *m, uint64_t hash)
{
    size_t b = map_bucket(m, hash);
    return word(m, b / 64) >> (b % 64) & 1;
}

bool map_is_empty(const struct map *m)
{
    return !atomic_load_explicit(&m->some, memory_order_relaxed);
}

uint64_t map_count(const struct map *m)
{
    uint64_t count = 0;
    if (map_is_empty(m))
        return 0;
    for (size_t i = 0; i < m->nwords; i++)
        count += (uint64_t)__builtin_popcountll(word(m, i));
    return count;
}

size_t map_next(const struct map *m, size_t from)
{
    size_t i = from / 64;
    if (map_is_empty(m) || i >= m->nwords)
        return MAP_END;
    uint64_t w = word(m, i) & UINT64_MAX << from % 64;
    while (w == 0) {
        if (++i == m->nwords)
            return MAP_END;
        w = word(m, i);
    }
    return i * 64 + (size_t)__builtin_ctzll(w);
}

size_t map_pick(struct map *to, const struct map *from, size_t at, size_t n)
{
    CHECK(to->bits == from->bits);
    map_clear(to);
    size_t b = map_next(from, at);
    for (; b != MAP_END && n > 0; n--) {
        set_word(to, b / 64, word(to, b / 64) | UINT64_C(1) << (b % 64));
        set_some(to, true);
        b = map_next(from, b + 1);
    }
    return b;
}

static void set_all(struct map *m, uint64_t w)
{
    for (size_t i = 0; i < m->nwords; i++)
        set_word(m, i, w);
    set_some(m, w != 0);
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
        set_word(to, i, word(from, i));
    set_some(to, true);
}

void map_unite(struct map *to, const struct map *from)
{
    CHECK(to->bits == from->bits);
    if (map_is_empty(from))
        return;
    for (size_t i = 0; i < to->nwords; i++)
        set_word(to, i, word(to, i) | word(from, i));
    set_some(to, true);
}

void map_subtract(struct map *to, const struct map *from)
{
    uint64_t any = 0;
    CHECK(to->bits == from->bits);
    if (map_is_empty(from) || map_is_empty(to))
        return;
    for (size_t i = 0; i < to->nwords; i++) {
        uint64_t w = word(to, i) & ~word(from, i);
        set_word(to, i, w);
        any |= w;
    }
    set_some(to, any != 0);
}

void map_intersect(struct map *to, const struct map *from)
{
    uint64_t any = 0;
    CHECK(to->bits == from->bits);
    if (map_is_empty(to))
        return;
    for (size_t i = 0; i < to->nwords; i++) {
        uint64_t w = word(to, i) & word(from, i);
        set_word(to, i, w);
        any |= w;
    }
    set_some(to, any != 0);
}

bool map_exceeds(const struct map *m, const struct map *other)
{
    CHECK(m->bits == other->bits);
    for (size_t i = 0; !map_is_empty(m) && i < m->nwords; i++) {
        if (word(m, i) & ~word(other, i))
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
        set_word(m, i, widen_word(word(m, i), (unsigned)run));
    for (size_t i = 0; run >= 64 && i < m->nwords; i += run / 64) {
        uint64_t any = 0;
        for (size_t n = 0; n < run / 64; n++)
            any |= word(m, i + n);
        for (size_t n = 0; any != 0 && n < run / 64; n++)
            set_word(m, i + n, UINT64_MAX);
    }
}

unsigned map_fold(const struct map *m, unsigned bits, uint64_t *words)
{
    bits = bits < m->bits ? bits : m->bits;
    unsigned shift = m->bits - bits;
    memset(words, 0, ((size_t)1 << bits) / 8);
    for (size_t b = map_next(m, 0); b != MAP_END;) {
        size_t joined = b >> shift;
        words[joined / 64] |= UINT64_C(1) << joined % 64;
        b = map_next(m, (joined + 1) << shift);
    }
    return bits;
}

/* Word i of this map as a map of `bits` would have it. */
static uint64_t word_at(const struct map *m, unsigned bits, size_t i)
{
    unsigned shift = m->bits - bits;
    uint64_t w = 0;
    if (shift == 0)
        return word(m, i);
    for (size_t b = 0; b < 64; b++) {
        size_t from = (i * 64 + b) << shift;
        size_t to = from + ((size_t)1 << shift);
        for (; from < to; from++) {
            if (word(m, from / 64) >> (from % 64) & 1) {
                w |= UINT64_C(1) << b;
                break;
            }
        }
    }
    return w;
}

static bool put_varint(struct buffer *out, uint64_t n)
{
    uint8_t bytes[10];
    size_t len = 0;
    for (; n >= 0x80; n >>= 7)
        bytes[len++] = (uint8_t)(n | 0x80);
    bytes[len++] = (uint8_t)n;
    return buffer_append(out, bytes, len);
}

/* What a kind lists of a word of the map: the buckets that are set, those that are not,
 * or those at which runs of set buckets begin and end. */
static uint64_t listed(uint8_t kind, uint64_t w, uint64_t before)
{
    return kind == KIND_GAPS ? w : kind == KIND_HOLES ? ~w : w ^ (w << 1 | before >> 63);
}

/* The gaps between what the kind lists. */
static bool put_gaps(const struct map *m, unsigned bits, uint8_t kind, uint64_t count,
                     struct buffer *out)
{
    size_t nwords = ((size_t)1 << bits) / 64;
    uint64_t next = 0, before = 0;
    bool ok = put_varint(out, count);
    for (size_t i = 0; i < nwords; i++) {
        uint64_t word = word_at(m, bits, i);
        for (uint64_t w = listed(kind, word, before); w != 0; w &= w - 1) {
            uint64_t b = i * 64 + (uint64_t)__builtin_ctzll(w);
            ok = ok && put_varint(out, b - next);
            next = b + 1;
        }
        before = word;
    }
    return ok;
}

static bool put_words(const struct map *m, unsigned bits, struct buffer *out)
{
    size_t nwords = ((size_t)1 << bits) / 64;
    char *room = buffer_reserve(out, nwords * 8);
    if (room == NULL)
        return false;
    for (size_t i = 0; i < nwords; i++) {
        uint64_t w = htole64(word_at(m, bits, i));
        memcpy(room + i * 8, &w, 8);
    }
    buffer_commit(out, nwords * 8);
    return true;
}

/* How long the list of each kind is. */
struct lists {
    uint64_t gaps, holes, runs;
};

static struct lists lists_of(const struct map *m, unsigned bits)
{
    size_t nwords = ((size_t)1 << bits) / 64;
    struct lists l = { 0, 0, 0 };
    uint64_t before = 0;
    for (size_t i = 0; i < nwords && !map_is_empty(m); i++) {
        uint64_t w = word_at(m, bits, i);
        l.gaps += (uint64_t)__builtin_popcountll(w);
        l.runs += (uint64_t)__builtin_popcountll(listed(KIND_RUNS, w, before));
        before = w;
    }
    l.holes = nwords * 64 - l.gaps;
    return l;
}

/* A gap takes about 8 / 7 x log2(size / count) bits, two bytes for most maps. */
static uint8_t kind_of(const struct lists *l, uint64_t size)
{
    uint64_t most = size / 8 / 2;
    return l->gaps == 0                                                ? KIND_EMPTY
           : l->holes == 0                                             ? KIND_ALL
           : l->runs < l->gaps && l->runs < l->holes && l->runs < most ? KIND_RUNS
           : l->gaps < most                                            ? KIND_GAPS
           : l->holes < most                                           ? KIND_HOLES
                                                                       : KIND_WORDS;
}

bool map_encode(const struct map *m, unsigned bits, struct buffer *out)
{
    CHECK(bits >= MAP_BITS_MIN && bits <= m->bits);
    struct lists l = lists_of(m, bits);
    uint8_t kind = kind_of(&l, UINT64_C(1) << bits);
    if (!buffer_append(out, &kind, 1))
        return false;
    if (kind == KIND_RUNS || kind == KIND_GAPS || kind == KIND_HOLES)
        return put_gaps(m, bits, kind,
                        kind == KIND_RUNS   ? l.runs
                        : kind == KIND_GAPS ? l.gaps
                                            : l.holes,
                        out);
    return kind != KIND_WORDS || put_words(m, bits, out);
}

static bool get_varint(const uint8_t **p, const uint8_t *end, uint64_t *n)
{
    *n = 0;
    for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
        uint8_t byte = *(*p)++;
        *n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Flip bucket b of a map of `bits`; that is a run of buckets here if this map is
 * larger. */
static void flip_wide(struct map *m, unsigned bits, uint64_t b)
{
    unsigned shift = m->bits - bits;
    for (uint64_t i = b << shift; i < (b + 1) << shift; i++)
        set_word(m, i / 64, word(m, i / 64) ^ UINT64_C(1) << (i % 64));
    set_some(m, true);
}

static const uint8_t *get_gaps(struct map *m, unsigned bits, const uint8_t *p,
                               const uint8_t *end)
{
    uint64_t count, gap, size = UINT64_C(1) << bits, next = 0;
    if (!get_varint(&p, end, &count) || count > size)
        return NULL;
    for (; count > 0; count--) {
        if (!get_varint(&p, end, &gap) || gap >= size - next)
            return NULL;
        flip_wide(m, bits, next + gap);
        next += gap + 1;
    }
    return p;
}

/* At each bucket of the list a run begins or ends; the last may last to the end. */
static const uint8_t *get_runs(struct map *m, unsigned bits, const uint8_t *p,
                               const uint8_t *end)
{
    uint64_t count, gap, size = UINT64_C(1) << bits, next = 0, at = 0;
    bool inside = false;
    if (!get_varint(&p, end, &count) || count > size)
        return NULL;
    for (; count > 0; count--, inside = !inside) {
        if (!get_varint(&p, end, &gap) || gap >= size - next)
            return NULL;
        for (; at < next + gap; at++) {
            if (inside)
                flip_wide(m, bits, at);
        }
        next += gap + 1;
    }
    for (; inside && at < size; at++)
        flip_wide(m, bits, at);
    return p;
}

static const uint8_t *get_words(struct map *m, unsigned bits, const uint8_t *p,
                                const uint8_t *end)
{
    size_t nwords = ((size_t)1 << bits) / 64;
    uint64_t any = 0;
    if ((size_t)(end - p) < nwords * 8)
        return NULL;
    for (size_t i = 0; i < nwords; i++, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        w = le64toh(w);
        if (bits == m->bits) { /* the usual case, and fast: clients wait meanwhile */
            set_word(m, i, w);
            any |= w;
            continue;
        }
        for (; w != 0; w &= w - 1)
            flip_wide(m, bits, i * 64 + (uint64_t)__builtin_ctzll(w));
    }
    if (any != 0)
        set_some(m, true);
    return p;
}

size_t map_decode(struct map *m, unsigned bits, const void *bytes, size_t n)
{
    const uint8_t *p = bytes, *end = p + n;
    CHECK(bits >= MAP_BITS_MIN && bits <= m->bits);
    map_clear(m);
    if (n == 0)
        return 0;
    switch (*p++) {
    case KIND_EMPTY:
        break;
    case KIND_ALL:
        map_fill(m);
        break;
    case KIND_GAPS:
        p = get_gaps(m, bits, p, end);
        break;
    case KIND_HOLES:
        map_fill(m);
        p = get_gaps(m, bits, p, end);
        break;
    case KIND_WORDS:
        p = get_words(m, bits, p, end);
        break;
    case KIND_RUNS:
        p = get_runs(m, bits, p, end);
        break;
    default:
        p = NULL;
    }
    return p == NULL ? 0 : (size_t)(p - (const uint8_t *)bytes);
}
