/* Figures as people read them, and durations as they write them. */
#include "ctl/units.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test/unit/unit.h"

START_TEST(test_counts)
{
    char text[UNITS_ROOM];
    ck_assert_str_eq(units_count(text, 0), "0");
    ck_assert_str_eq(units_count(text, 999), "999");
    ck_assert_str_eq(units_count(text, 1000), "1,000");
    ck_assert_str_eq(units_count(text, 12345), "12,345");
    ck_assert_str_eq(units_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(test_bytes)
{
    char text[UNITS_ROOM];
    ck_assert_str_eq(units_bytes(text, 0), "0 bytes");
    ck_assert_str_eq(units_bytes(text, 1023), "1023 bytes");
    ck_assert_str_eq(units_bytes(text, 1024), "1.0 KiB");
    ck_assert_str_eq(units_bytes(text, 1536), "1.5 KiB");
    ck_assert_str_eq(units_bytes(text, 200 * 1024), "200 KiB");
    ck_assert_str_eq(units_bytes(text, (1 << 20) - 1), "1.0 MiB"); /* not 1024 KiB */
    ck_assert_str_eq(units_bytes(text, UINT64_C(3) << 30), "3.0 GiB");
    ck_assert_str_eq(units_bytes(text, UINT64_MAX), "16384 PiB");
}
END_TEST

START_TEST(test_durations)
{
    char text[UNITS_ROOM];
    ck_assert_str_eq(units_duration(text, 0), "0 s");
    ck_assert_str_eq(units_duration(text, 999), "999 us");
    ck_assert_str_eq(units_duration(text, 1000), "1 ms");
    ck_assert_str_eq(units_duration(text, 999999), "999 ms");
    ck_assert_str_eq(units_duration(text, 59999999), "59 s");
    ck_assert_str_eq(units_duration(text, UINT64_C(185) * 1000000), "3 min 5 s");
    ck_assert_str_eq(units_duration(text, UINT64_C(7800) * 1000000), "2 h 10 min");
    ck_assert_str_eq(units_duration(text, UINT64_C(90000) * 1000000), "1 d 1 h");
}
END_TEST

START_TEST(test_moments)
{
    char text[UNITS_ROOM], shown[UNITS_ROOM];
    struct tm tm = { 0 };
    time_t before = time(NULL) - 5;
    units_moment(text, 5000);
    ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    tm.tm_isdst = -1;
    time_t shows = mktime(&tm);
    ck_assert(shows >= before && shows <= before + 2);
    ck_assert_uint_eq(strlen(units_clock(shown, 0)), 8);
    ck_assert_uint_eq(strlen(units_clock(shown, UINT64_C(2) * 86400 * 1000)), 19);
}
END_TEST

START_TEST(test_what_people_write)
{
    static const char *const wrong[] = { "",     "0",  "0h",         "h",   "-5", "5x",
                                         "1.5h", " 5", "1234567890", "5s ", "+5" };
    uint64_t s = 0;
    ck_assert(units_seconds("90", &s) && s == 90);
    ck_assert(units_seconds("90s", &s) && s == 90);
    ck_assert(units_seconds("15m", &s) && s == 900);
    ck_assert(units_seconds("15min", &s) && s == 900);
    ck_assert(units_seconds("2h", &s) && s == 7200);
    ck_assert(units_seconds("1d", &s) && s == 86400);
    for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
        ck_assert_msg(!units_seconds(wrong[i], &s), "'%s'", wrong[i]);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_counts, test_bytes, test_durations, test_moments, test_what_people_write,
    };
    return unit_run("units", tests, N_ELEMENTS(tests));
}
