/* Sets of buckets: operations, and the wire form at the map's own and smaller sizes. Long
 * because the kinds of the wire form share their cases. */
#include "repl/map.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "test/unit/unit.h"

enum { BITS = 10, SIZE = 1 << BITS };

static struct map a, b;
static struct buffer wire;

static void setup(void)
{
    ck_assert(map_init(&a, BITS));
    ck_assert(map_init(&b, BITS));
    buffer_init(&wire);
}

static void teardown(void)
{
    map_fini(&a);
    map_fini(&b);
    buffer_fini(&wire);
}

/* A hash in that bucket, with other bits below it. */
static uint64_t hash_of(const struct map *m, uint64_t bucket)
{
    return bucket << (64 - m->bits) | (UINT64_C(0x123456789abcdef) >> m->bits);
}

static void add(struct map *m, uint64_t bucket)
{
    map_add(m, hash_of(m, bucket));
}

static bool has(const struct map *m, uint64_t bucket)
{
    return map_has(m, hash_of(m, bucket));
}

static bool equal(const struct map *m, const struct map *n)
{
    for (uint64_t i = 0; i < (uint64_t)1 << m->bits; i++) {
        if (has(m, i) != has(n, i))
            return false;
    }
    return map_count(m) == map_count(n) && map_is_empty(m) == map_is_empty(n);
}

/* Clients wait while maps are exchanged: no page fault may happen then. */
START_TEST(test_touch)
{
    struct map large;
    struct rusage before, after;
    ck_assert(map_init(&large, 24));
    add(&large, 5);
    map_prefault(&large);
    ck_assert(has(&large, 5));
    ck_assert_uint_eq(map_count(&large), 1);
    AZ(getrusage(RUSAGE_THREAD, &before));
    map_fill(&large);
    AZ(getrusage(RUSAGE_THREAD, &after));
    map_fini(&large);
    ck_assert_int_lt(after.ru_minflt - before.ru_minflt, 16); /* of 512 pages */
}
END_TEST

START_TEST(test_fold)
{
    uint64_t words[SIZE / 64];
    add(&a, 0);
    add(&a, 5);
    add(&a, 700);
    ck_assert_uint_eq(map_fold(&a, 6, words), 6);
    ck_assert_uint_eq(words[0], 1 | UINT64_C(1) << 700 / 16);
    ck_assert_uint_eq(map_fold(&a, 8, words), 8);
    ck_assert_uint_eq(words[0], 1 | 1 << 5 / 4);
    ck_assert_uint_eq(words[2], UINT64_C(1) << (700 / 4) % 64);
    ck_assert_uint_eq(words[1] | words[3], 0);
    ck_assert_uint_eq(map_fold(&a, 16, words), BITS);
    ck_assert_uint_eq(words[0], 1 | 1 << 5);
    ck_assert_uint_eq(words[700 / 64], UINT64_C(1) << 700 % 64);
    map_fill(&a);
    map_fold(&a, 6, words);
    ck_assert_uint_eq(words[0], UINT64_MAX);
}
END_TEST

START_TEST(test_add_has_count)
{
    ck_assert(map_is_empty(&a));
    ck_assert_uint_eq(map_count(&a), 0);
    add(&a, 0);
    add(&a, 63);
    add(&a, 64);
    add(&a, SIZE - 1);
    add(&a, 63);
    ck_assert_uint_eq(map_count(&a), 4);
    ck_assert(has(&a, 0) && has(&a, 63) && has(&a, 64) && has(&a, SIZE - 1));
    ck_assert(!has(&a, 1) && !has(&a, 62) && !has(&a, 65) && !has(&a, SIZE - 2));
    ck_assert(!map_is_empty(&a));
    map_clear(&a);
    ck_assert(map_is_empty(&a) && !has(&a, 63));
    map_fill(&a);
    ck_assert_uint_eq(map_count(&a), SIZE);
}
END_TEST

/* a has the even buckets, b every third one. */
static void interleave(void)
{
    for (uint64_t i = 0; i < SIZE; i += 2)
        add(&a, i);
    for (uint64_t i = 0; i < SIZE; i += 3)
        add(&b, i);
}

START_TEST(test_arithmetic)
{
    struct map c;
    ck_assert(map_init(&c, BITS));
    interleave();
    map_copy(&c, &a);
    ck_assert(equal(&c, &a));
    map_unite(&c, &b);
    for (uint64_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(has(&c, i), i % 2 == 0 || i % 3 == 0);
    map_copy(&c, &a);
    map_subtract(&c, &b);
    for (uint64_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(has(&c, i), i % 2 == 0 && i % 3 != 0);
    map_copy(&c, &a);
    map_intersect(&c, &b);
    for (uint64_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(has(&c, i), i % 6 == 0);
    map_fini(&c);
}
END_TEST

START_TEST(test_arithmetic_notices_emptiness)
{
    interleave();
    map_subtract(&a, &a);
    ck_assert(map_is_empty(&a));
    map_unite(&a, &b);
    ck_assert(equal(&a, &b));
    map_clear(&b);
    map_intersect(&a, &b);
    ck_assert(map_is_empty(&a));
    add(&b, 5);
    map_copy(&a, &b);
    map_clear(&b);
    map_subtract(&a, &b);
    ck_assert(has(&a, 5));
    map_copy(&a, &b);
    ck_assert(map_is_empty(&a));
}
END_TEST

/* Bucket by bucket, for sets from few to all, and any number of them from anywhere. */
START_TEST(test_note_and_take)
{
    struct map c;
    ck_assert(map_init(&c, BITS));
    interleave();
    map_note_all(&c, &a);
    ck_assert(equal(&c, &a) && !map_is_empty(&c));
    map_note(&c, UINT64_C(1) << (64 - BITS)); /* the second bucket */
    ck_assert(has(&c, 1));
    map_take(&c, &b);
    for (uint64_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(has(&c, i), (i % 2 == 0 || i == 1) && i % 3 != 0);
    ck_assert(!map_is_empty(&c));
    map_take(&c, &a);
    ck_assert(!map_is_empty(&c) && map_count(&c) == 1);
    map_fill(&b);
    map_take(&c, &b);
    ck_assert(map_is_empty(&c) && map_count(&c) == 0);
    map_fini(&c);
}
END_TEST

enum { NOTERS = 3, NOTED = 200000 };

static void *note_many(void *context)
{
    for (uint64_t i = 0; i < NOTED; i++)
        map_note(context, i % SIZE << (64 - BITS));
    return NULL;
}

/* Others note buckets while some are taken: `some` is never false while a bit is set. */
START_TEST(test_taken_while_others_note)
{
    pthread_t threads[NOTERS];
    for (unsigned i = 0; i < NOTERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, &a), 0);
    map_fill(&b);
    for (unsigned i = 0; i < 2000; i++)
        map_take(&a, &b);
    for (unsigned i = 0; i < NOTERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(map_is_empty(&a), map_count(&a) == 0);
    note_many(&a);
    ck_assert_uint_eq(map_count(&a), SIZE);
}
END_TEST

START_TEST(test_pick)
{
    for (unsigned step = 1; step < 200; step += step / 3 + 1) {
        map_clear(&a);
        for (unsigned i = 0; i < SIZE; i += step)
            add(&a, i * 7 % SIZE);
        for (size_t n = 1; n < SIZE; n += n / 2 + 1) {
            size_t at = n * 37 % SIZE, end = map_pick(&b, &a, at, n), next = at;
            for (size_t i = 0; i < n && next != MAP_END; i++) {
                next = map_next(&a, next);
                ck_assert_uint_eq(map_next(&b, i == 0 ? 0 : at), next);
                at = next = next == MAP_END ? MAP_END : next + 1;
            }
            ck_assert_uint_eq(end, next == MAP_END ? MAP_END : map_next(&a, next));
            ck_assert(next == MAP_END || map_next(&b, next) == MAP_END);
        }
    }
}
END_TEST

START_TEST(test_widen)
{
    for (unsigned bits = MAP_BITS_MIN; bits <= BITS; bits++) {
        unsigned shift = BITS - bits;
        map_clear(&a);
        map_widen(&a, bits);
        ck_assert(map_is_empty(&a));
        add(&a, 5);
        add(&a, 800);
        add(&a, SIZE - 1);
        map_widen(&a, bits);
        for (unsigned i = 0; i < SIZE; i++) {
            unsigned run = i >> shift, last = (SIZE - 1) >> shift;
            ck_assert_int_eq(has(&a, i),
                             run == 5u >> shift || run == 800u >> shift || run == last);
        }
    }
}
END_TEST

/* ---- the wire form */

static void fill_every(struct map *m, uint64_t step)
{
    map_clear(m);
    for (uint64_t i = 0; i < (uint64_t)1 << m->bits; i += step)
        add(m, i);
}

static uint8_t kind_of_wire(void)
{
    return (uint8_t)*buffer_head(&wire);
}

static void encode(const struct map *m, unsigned bits)
{
    buffer_consume(&wire, buffer_length(&wire));
    ck_assert(map_encode(m, bits, &wire));
}

/* Uses memory of exactly that size, so that a read beyond the end is noticed. */
static size_t decode(struct map *m, unsigned bits, const void *bytes, size_t n)
{
    void *exact = malloc(n > 0 ? n : 1);
    memcpy(exact, bytes, n);
    size_t used = map_decode(m, bits, exact, n);
    free(exact);
    return used;
}

static void check_round_trip(uint8_t kind)
{
    encode(&a, BITS);
    ck_assert_uint_eq(kind_of_wire(), kind);
    map_fill(&b);
    ck_assert_uint_eq(decode(&b, BITS, buffer_head(&wire), buffer_length(&wire)),
                      buffer_length(&wire));
    ck_assert(equal(&a, &b));
}

START_TEST(test_round_trip_of_each_kind)
{
    check_round_trip(0);
    map_fill(&a);
    check_round_trip(1);
    ck_assert_uint_eq(buffer_length(&wire), 1);
    fill_every(&a, 100);
    check_round_trip(2);
    map_clear(&a);
    add(&a, SIZE - 1);
    check_round_trip(2);
    for (uint64_t bucket = SIZE - 2; bucket > 0; bucket--) {
        add(&a, bucket);
        check_round_trip(bucket > 1 ? 5 : 4);
    }
    for (unsigned hole = 100; hole < SIZE - 100; hole += 99) {
        map_clear(&b);
        add(&b, hole);
        map_subtract(&a, &b);
    }
    encode(&a, BITS);
    ck_assert_uint_lt(buffer_length(&wire), 40);
    fill_every(&a, 3);
    check_round_trip(3);
    map_fill(&a);
    map_copy(&b, &a);
    map_clear(&a);
    add(&a, 0);
    add(&a, 77);
    map_subtract(&b, &a);
    map_copy(&a, &b);
    check_round_trip(4); /* all except a few */
    ck_assert_uint_lt(buffer_length(&wire), 8);
    map_fill(&a);
    fill_every(&a, 1);
    check_round_trip(1);
}
END_TEST

/* Near the limit between gaps and words, and with random contents. */
START_TEST(test_round_trip_of_any_density)
{
    unsigned seed = 1;
    for (unsigned n = 0; n <= SIZE; n += 7) {
        map_clear(&a);
        for (unsigned i = 0; i < n; i++)
            add(&a, (uint64_t)rand_r(&seed) % SIZE);
        encode(&a, BITS);
        ck_assert_uint_le(buffer_length(&wire), SIZE / 8 + 1);
        size_t used = decode(&b, BITS, buffer_head(&wire), buffer_length(&wire));
        ck_assert_uint_eq(used, buffer_length(&wire));
        ck_assert(equal(&a, &b));
    }
}
END_TEST

/* At a smaller size neighbours are joined; they are decoded as whole runs. */
START_TEST(test_round_trip_at_smaller_bits)
{
    for (unsigned bits = MAP_BITS_MIN; bits < BITS; bits++) {
        unsigned shift = BITS - bits;
        map_clear(&a);
        add(&a, 3);
        add(&a, 700);
        add(&a, SIZE - 1);
        encode(&a, bits);
        ck_assert_uint_eq(decode(&b, bits, buffer_head(&wire), buffer_length(&wire)),
                          buffer_length(&wire));
        for (unsigned i = 0; i < SIZE; i++) {
            unsigned run = i >> shift, last = (SIZE - 1) >> shift;
            bool in = run == 3u >> shift || run == 700u >> shift || run == last;
            ck_assert_int_eq(has(&b, i), in);
        }
    }
}
END_TEST

START_TEST(test_dense_maps_at_smaller_bits)
{
    fill_every(&a, 3); /* sent as words, at half the size */
    encode(&a, BITS - 1);
    ck_assert_uint_eq(kind_of_wire(), 3);
    ck_assert_uint_ne(decode(&b, BITS - 1, buffer_head(&wire), buffer_length(&wire)), 0);
    for (uint64_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(has(&b, i), has(&a, i & ~UINT64_C(1)) || has(&a, i | 1));
    fill_every(&a, 2); /* each pair has one: at half the size these are all buckets */
    encode(&a, BITS - 1);
    ck_assert_uint_eq(kind_of_wire(), 1);
    ck_assert_uint_eq(decode(&b, BITS - 1, buffer_head(&wire), 1), 1);
    ck_assert_uint_eq(map_count(&b), SIZE);
}
END_TEST

/* Two nodes with maps of different sizes see the same through the smaller one. */
START_TEST(test_maps_of_two_sizes_agree)
{
    struct map small;
    ck_assert(map_init(&small, BITS - 3));
    for (uint64_t hash = 1; hash < UINT64_MAX / 8 * 7; hash += UINT64_MAX / 37) {
        map_clear(&a);
        map_add(&a, hash);
        encode(&a, small.bits);
        ck_assert_uint_ne(
            decode(&small, small.bits, buffer_head(&wire), buffer_length(&wire)), 0);
        ck_assert_uint_eq(map_count(&small), 1);
        ck_assert(map_has(&small, hash));
    }
    map_fini(&small);
}
END_TEST

START_TEST(test_every_prefix_is_refused)
{
    const uint64_t steps[] = { 3, 100, 1000 };
    for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
        fill_every(&a, steps[i]);
        encode(&a, BITS);
        for (size_t n = 0; n < buffer_length(&wire); n++)
            ck_assert_uint_eq(decode(&b, BITS, buffer_head(&wire), n), 0);
    }
}
END_TEST

/* Bytes behind a map are left for the next one. */
START_TEST(test_maps_in_a_row)
{
    fill_every(&a, 90);
    encode(&a, BITS);
    size_t first = buffer_length(&wire);
    map_fill(&b);
    ck_assert(map_encode(&b, BITS, &wire));
    ck_assert_uint_eq(decode(&b, BITS, buffer_head(&wire), buffer_length(&wire)), first);
    ck_assert(equal(&a, &b));
    ck_assert_uint_eq(decode(&b, BITS, buffer_head(&wire) + first, 1), 1);
    ck_assert_uint_eq(map_count(&b), SIZE);
}
END_TEST

START_TEST(test_malformed_maps_are_refused)
{
    const struct {
        const char *what, *bytes;
        size_t n;
    } rows[] = {
        { "an unknown kind", "\x06", 1 },
        { "a run without its end", "\x05\x02\x01", 3 },
        { "a run that begins beyond the end", "\x05\x01\x80\x08", 4 },
        { "a run that ends beyond the end", "\x05\x02\xff\x07\x00", 5 },
        { "holes without a count", "\x04", 1 },
        { "a hole beyond the end", "\x04\x01\x80\x08", 4 },
        { "a kind far off", "\xff", 1 },
        { "gaps without a count", "\x02", 1 },
        { "a count that does not end", "\x02\x80", 2 },
        { "a count of more than 64 bits",
          "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 },
        { "more buckets than there are", "\x02\x81\x08", 3 },
        { "a gap beyond the end", "\x02\x01\x80\x08", 4 },
        { "a huge gap", "\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 },
        { "a second gap beyond the end", "\x02\x02\xff\x07\x00", 5 },
        { "fewer gaps than counted", "\x02\x02\x01", 3 },
        { "too few words", "\x03\x01\x02\x03\x04\x05\x06\x07\x08", 9 },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++)
        ck_assert_msg(decode(&a, BITS, rows[i].bytes, rows[i].n) == 0, "%s",
                      rows[i].what);
    ck_assert_uint_eq(decode(&a, BITS, "\x02\x01\xff\x07", 4), 4);
    ck_assert(has(&a, SIZE - 1));
    ck_assert_uint_eq(map_count(&a), 1);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_touch,
        test_fold,
        test_add_has_count,
        test_arithmetic,
        test_arithmetic_notices_emptiness,
        test_note_and_take,
        test_taken_while_others_note,
        test_pick,
        test_widen,
        test_round_trip_of_each_kind,
        test_round_trip_of_any_density,
        test_round_trip_at_smaller_bits,
        test_dense_maps_at_smaller_bits,
        test_maps_of_two_sizes_agree,
        test_every_prefix_is_refused,
        test_maps_in_a_row,
        test_malformed_maps_are_refused,
    };
    return unit_run_with("map", setup, teardown, tests, N_ELEMENTS(tests));
}
