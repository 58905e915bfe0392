/* The exact set of keys that clients changed: bounded, exact, shared by many threads. */
#include "repl/known.h"

#include <pthread.h>

#include "base/hash.h"
#include "test/unit/unit.h"

enum { BITS = 14, SLOTS = 1 << (BITS - 5), THREADS = 4, EACH = 60 };

static struct known k;

static void setup(void)
{
    ck_assert(known_init(&k, BITS));
}

static void teardown(void)
{
    known_fini(&k);
}

static uint64_t hash_of(unsigned i)
{
    return hash_key(&i, sizeof(i));
}

START_TEST(test_what_is_added_is_known)
{
    ck_assert_uint_eq(k.nslots, SLOTS);
    for (unsigned i = 0; i < SLOTS / 4; i++) {
        ck_assert(!known_has(&k, hash_of(i)));
        ck_assert(known_add(&k, hash_of(i)));
        ck_assert(known_add(&k, hash_of(i))); /* takes no more space */
        ck_assert(known_has(&k, hash_of(i)));
    }
    known_clear(&k);
    for (unsigned i = 0; i < SLOTS / 4; i++)
        ck_assert(!known_has(&k, hash_of(i)));
}
END_TEST

/* Keys of one bucket differ only in the low bits, and two hashes in the high ones. */
START_TEST(test_neighbours)
{
    ck_assert(known_add(&k, 0));
    ck_assert(known_add(&k, UINT64_C(1) << 63));
    ck_assert(known_has(&k, 0));
    ck_assert(known_has(&k, UINT64_C(1) << 63));
    ck_assert(!known_has(&k, UINT64_C(1) << 62));
    ck_assert(!known_has(&k, 2));
}
END_TEST

/* When it is full it reports that, and keeps what it has. */
START_TEST(test_it_fills_up)
{
    static bool added[4 * SLOTS];
    unsigned n = 0;
    for (unsigned i = 0; i < 4 * SLOTS; i++) {
        added[i] = known_add(&k, hash_of(i));
        n += added[i];
    }
    ck_assert_uint_gt(n, SLOTS * 3 / 4);
    ck_assert_uint_le(n, SLOTS);
    for (unsigned i = 0; i < 4 * SLOTS; i++)
        ck_assert(known_has(&k, hash_of(i)) == added[i]);
}
END_TEST

START_TEST(test_sizes)
{
    const unsigned bits[] = { 6, 9, 24, 30 };
    const size_t slots[] = { 16, 16, 1 << 19, 1 << 20 };
    for (size_t i = 0; i < N_ELEMENTS(bits); i++) {
        known_fini(&k);
        ck_assert(known_init(&k, bits[i]));
        ck_assert_uint_eq(k.nslots, slots[i]);
    }
    ck_assert(known_add(&k, 7));
    known_prefault(&k);
    ck_assert(known_has(&k, 7));
}
END_TEST

static void *add_some(void *arg)
{
    unsigned from = *(unsigned *)arg;
    for (unsigned i = 0; i < EACH; i++)
        ck_assert(known_add(&k, hash_of(from + i)));
    return NULL;
}

/* Two threads add each half of the keys. */
START_TEST(test_many_threads)
{
    pthread_t threads[THREADS];
    unsigned from[THREADS] = { 0, EACH / 2, EACH, EACH * 3 / 2 };
    for (unsigned i = 0; i < THREADS; i++)
        AZ(pthread_create(&threads[i], NULL, add_some, &from[i]));
    for (unsigned i = 0; i < THREADS; i++)
        AZ(pthread_join(threads[i], NULL));
    for (unsigned i = 0; i < EACH * 5 / 2; i++)
        ck_assert(known_has(&k, hash_of(i)));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_what_is_added_is_known, test_neighbours, test_it_fills_up, test_sizes,
        test_many_threads,
    };
    return unit_run_with("known", setup, teardown, tests, N_ELEMENTS(tests));
}
