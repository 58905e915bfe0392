/* So many bytes a second: the limit alone, and a copy that keeps to it. */
#include "test/unit/core_rig.h"

START_TEST(test_average)
{
    struct rate r = { .per_second = 1000000 };
    uint64_t taken = 0, now = 5000000;
    for (; now < 15000000; now += 700) { /* asked at moments that do not fit */
        while (rate_allows(&r, now)) {
            rate_take(&r, 1234, now);
            taken += 1234;
        }
    }
    ck_assert_uint_ge(taken, 10000000);
    ck_assert_uint_le(taken, 10100000);
}
END_TEST

/* A large piece is waited for, a pause is not made up for. */
START_TEST(test_pieces)
{
    struct rate r = { .per_second = 1000000 };
    rate_take(&r, 3000000, 5000000);
    ck_assert(!rate_allows(&r, 7900000));
    uint64_t due = rate_due_us(&r, 7900000);
    ck_assert_uint_ge(due, 7940000);
    ck_assert_uint_le(due, 8000001);
    ck_assert(rate_allows(&r, due));
    rate_take(&r, 100000, 90000000);
    ck_assert(!rate_allows(&r, 90000000));
    ck_assert(rate_allows(&r, 90050001));
}
END_TEST

START_TEST(test_no_limit)
{
    struct rate r = { .per_second = 0 };
    rate_take(&r, UINT64_MAX, 1);
    ck_assert(rate_allows(&r, 1));
}
END_TEST

/* It stops, tells when it goes on, and lets changes pass meanwhile. */
START_TEST(test_a_copy)
{
    struct pair_config config = p.config;
    config.copy_rate = 20000;
    restart_pair(&config);
    node_crash(b);
    set_many(a, 0, 1000, "some forty bytes, some of them in the key");
    node_start(b);
    unsigned pieces = 0;
    for (settle(); !pair_in_sync(&p); settle()) {
        uint64_t due = repl_core_due_us(&a->core);
        ck_assert_uint_gt(due, p.now_us);
        set(a, "live", numbered(pieces));
        settle();
        ck_assert(node_has(b, "live", numbered(pieces)));
        pair_pass(&p, (unsigned)((due - p.now_us + 999) / 1000));
        ck_assert_uint_lt(++pieces, 1000);
    }
    ck_assert_uint_gt(p.now_us, 3000000);
    ck_assert_uint_gt(pieces, 3);
    settle_in_sync();
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_average, test_pieces, test_no_limit, test_a_copy };
    return unit_run_with("rate", setup, teardown, tests, N_ELEMENTS(tests));
}
