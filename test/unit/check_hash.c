#include "base/hash.h"

#include "test/unit/unit.h"

/* The two nodes of a pair may be different builds and must agree on the buckets: these
 * numbers must never change while HASH_ID stays the same. */
START_TEST(test_is_the_hash_that_the_id_names)
{
    ck_assert_uint_eq(hash_key("", 0), UINT64_C(0x2d06800538d394c2));
    ck_assert_uint_eq(hash_key("a", 1), UINT64_C(0xe6c632b61e964e1f));
    ck_assert_uint_eq(HASH_ID, 0x58333634u);
}
END_TEST

START_TEST(test_every_byte_counts)
{
    char key[250] = { 0 };
    uint64_t zeros = hash_key(key, sizeof(key));
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = 1;
        ck_assert_uint_ne(hash_key(key, sizeof(key)), zeros);
        key[i] = 0;
    }
    for (size_t n = 0; n < sizeof(key); n++)
        ck_assert_uint_ne(hash_key(key, n), zeros);
}
END_TEST

/* Buckets use the low or the high bits: usual keys must not cluster in either. */
START_TEST(test_buckets_fill_evenly)
{
    enum { BITS = 10, KEYS = 100 << BITS };
    static unsigned low[1 << BITS], high[1 << BITS];
    char key[32];
    for (int i = 0; i < KEYS; i++) {
        int n = snprintf(key, sizeof(key), "user:%d:name", i);
        uint64_t hash = hash_key(key, (size_t)n);
        low[hash & ((1 << BITS) - 1)]++;
        high[hash >> (64 - BITS)]++;
    }
    for (int b = 0; b < 1 << BITS; b++) {
        ck_assert_uint_gt(low[b], 40);
        ck_assert_uint_lt(low[b], 180);
        ck_assert_uint_gt(high[b], 40);
        ck_assert_uint_lt(high[b], 180);
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_is_the_hash_that_the_id_names, test_every_byte_counts,
                             test_buckets_fill_evenly };
    return unit_run("hash", tests, N_ELEMENTS(tests));
}
