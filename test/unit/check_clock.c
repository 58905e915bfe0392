#include "server/clock.h"

#include <stdint.h>
#include <unistd.h>

#include "base/monotonic.h"
#include "test/unit/unit.h"

enum { NOW = 1000, MONTH = CLOCK_RELATIVE_MAX };

static const time_t STARTED = 1700000000;

START_TEST(test_zero_is_never)
{
    ck_assert_uint_eq(clock_relative(0, NOW, STARTED), 0);
}
END_TEST

START_TEST(test_negative_is_expired)
{
    ck_assert_uint_eq(clock_relative(-1, NOW, STARTED), 1);
    ck_assert_uint_eq(clock_relative(INT32_MIN, NOW, STARTED), 1);
}
END_TEST

START_TEST(test_up_to_a_month_is_relative)
{
    ck_assert_uint_eq(clock_relative(1, NOW, STARTED), NOW + 1);
    ck_assert_uint_eq(clock_relative(MONTH, NOW, STARTED), NOW + MONTH);
}
END_TEST

START_TEST(test_beyond_a_month_is_a_date)
{
    ck_assert_uint_eq(clock_relative(MONTH + 1, NOW, STARTED), 1);
    ck_assert_uint_eq(clock_relative(STARTED, NOW, STARTED), 1);
    ck_assert_uint_eq(clock_relative(STARTED + 1, NOW, STARTED), 1);
    ck_assert_uint_eq(clock_relative(STARTED + 5000, NOW, STARTED), 5000);
}
END_TEST

START_TEST(test_far_dates_do_not_wrap)
{
    time_t far = STARTED + (time_t)UINT32_MAX + 10;
    ck_assert_uint_eq(clock_relative(far, NOW, STARTED), UINT32_MAX);
}
END_TEST

START_TEST(test_dates_convert_both_ways)
{
    clock_start();
    time_t date = time(NULL) + 40 * 24 * 3600;
    ck_assert_int_eq(clock_abstime(clock_realtime(date)), date);
    clock_tick();
    ck_assert_int_eq(clock_abstime(clock_realtime(date)), date);
    ck_assert_uint_ge(clock_now(), 2);
    ck_assert_uint_eq(clock_realtime(10), clock_now() + 10);
}
END_TEST

/* The date of the machine's monotonic second 0. */
static int64_t date_of_boot(void)
{
    clock_start();
    int64_t second = (int64_t)(monotonic_us() / 1000000);
    clock_tick();
    return clock_date() - second;
}

/* Processes that start at different moments of a second. */
START_TEST(test_all_nodes_of_a_machine_name_the_same_date)
{
    int64_t first = date_of_boot(),
            now = time(NULL) - (int64_t)(monotonic_us() / 1000000);
    for (int i = 0; i < 20; i++) {
        usleep(50000); /* a second passes: the time itself is the subject */
        int64_t date = date_of_boot();
        if (date != first) /* a second began meanwhile, or the two clocks drift */
            date = date_of_boot();
        ck_assert_int_eq(date, first);
    }
    ck_assert_int_le(first, now + 1);
    ck_assert_int_ge(first, now - 1);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_zero_is_never,
                             test_negative_is_expired,
                             test_up_to_a_month_is_relative,
                             test_beyond_a_month_is_a_date,
                             test_far_dates_do_not_wrap,
                             test_dates_convert_both_ways,
                             test_all_nodes_of_a_machine_name_the_same_date };
    return unit_run("clock", tests, N_ELEMENTS(tests));
}
