/* The wire form of a map (map.h). */
#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "repl/map_words.h"

enum { KIND_EMPTY, KIND_ALL, KIND_GAPS, KIND_WORDS, KIND_HOLES, KIND_RUNS };

/* Word i of this map as a map of `bits` would have it. */
static uint64_t word_at(const struct map *m, unsigned bits, size_t i)
{
    unsigned shift = m->bits - bits;
    uint64_t w = 0;
    if (shift == 0)
        return map_word(m, i);
    for (size_t b = 0; b < 64; b++) {
        size_t from = (i * 64 + b) << shift;
        size_t to = from + ((size_t)1 << shift);
        for (; from < to; from++) {
            if (map_word(m, from / 64) >> (from % 64) & 1) {
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

/* Flip the buckets from `from` to before `to` of a map of `bits`; each is a run of
 * buckets here if this map is larger. */
static void flip(struct map *m, unsigned bits, uint64_t from, uint64_t to)
{
    from <<= m->bits - bits;
    to <<= m->bits - bits;
    for (; from < to; from = (from | 63) + 1) {
        uint64_t mask = UINT64_MAX << from % 64;
        if (from / 64 == to / 64)
            mask &= ~(UINT64_MAX << to % 64);
        map_set_word(m, from / 64, map_word(m, from / 64) ^ mask);
    }
    map_set_some(m, true);
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
        flip(m, bits, next + gap, next + gap + 1);
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
        if (inside)
            flip(m, bits, at, next + gap);
        at = next + gap;
        next = at + 1;
    }
    if (inside)
        flip(m, bits, at, size);
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
            map_set_word(m, i, w);
            any |= w;
            continue;
        }
        for (; w != 0; w &= w - 1)
            flip(m, bits, i * 64 + (uint64_t)__builtin_ctzll(w),
                 i * 64 + (uint64_t)__builtin_ctzll(w) + 1);
    }
    if (any != 0)
        map_set_some(m, true);
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
