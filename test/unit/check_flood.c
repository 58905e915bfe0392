/* Keys that were chosen to share one bucket are not slower than others. */
#include "test/unit/flood.h"

#include <string.h>

#include "base/hash.h"
#include "test/unit/store_rig.h"

enum { KEYS = 20000, CHAIN_MAX = 4 }; /* buckets: 28 items; the average is 5 */

static void setup(void)
{
    rig_start("cache_size=64m");
}

static void fill(void)
{
    char key[FLOOD_KEY];
    for (unsigned i = 0; i < KEYS; i++) {
        flood_key(key, i);
        struct fake_store what = {
            .op = OPERATION_SET, .key = key, .nkey = FLOOD_KEY, .value = "v"
        };
        ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_SUCCESS);
    }
}

static unsigned longest_chain(struct table *t)
{
    unsigned longest = 0;
    for (uint32_t i = 0; i < table_count(t); i++) {
        unsigned n = 0;
        for (struct bucket *b = &t->buckets[i]; b != NULL; b = bucket_next(t, b))
            n++;
        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Otherwise the other tests would prove nothing. */
START_TEST(test_they_do_meet_without_a_secret)
{
    char key[FLOOD_KEY], first[FLOOD_KEY];
    flood_key(first, 0);
    for (unsigned i = 1; i < KEYS; i++) {
        flood_key(key, i);
        ck_assert_uint_eq(hash_key(key, sizeof(key)), hash_key(first, sizeof(first)));
    }
}
END_TEST

START_TEST(test_the_store_spreads_them)
{
    fill();
    ck_assert_uint_eq(rig_stat("curr_items"), KEYS);
    ck_assert_uint_le(longest_chain(&store_of((ENGINE_HANDLE *)engine)->table),
                      CHAIN_MAX);
}
END_TEST

/* What a client learns about one node's order tells nothing about another, or the next
 * run. */
START_TEST(test_each_store_has_a_secret_of_its_own)
{
    struct siphash_secret secrets[2] = { 0 }, none = { { 0, 0 } };
    for (int i = 0; i < 2; i++) {
        struct fake_host *another = fake_host_create();
        ENGINE_HANDLE_V1 *other =
            fake_engine_create(another, store_create_instance, "cache_size=1m", NULL);
        secrets[i] = store_of((ENGINE_HANDLE *)other)->secret;
        fake_engine_destroy(other);
        fake_host_destroy(another);
    }
    ck_assert_int_ne(memcmp(&secrets[0], &none, sizeof(none)), 0);
    ck_assert_int_ne(memcmp(&secrets[1], &none, sizeof(none)), 0);
    ck_assert_int_ne(memcmp(&secrets[0], &secrets[1], sizeof(none)), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_they_do_meet_without_a_secret,
                             test_the_store_spreads_them,
                             test_each_store_has_a_secret_of_its_own };
    return rig_run("flood", setup, tests, N_ELEMENTS(tests));
}
