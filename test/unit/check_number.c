/* Numbers as clients write them: formatted, parsed, and invalid ones. */
#include "protocol/number.h"

#include <string.h>

#include "unit.h"

START_TEST(numbers_come_back_as_they_went)
{
    char text[NUMBER_MAX];
    uint64_t back, value = 1;
    for (int shift = 0; shift < 64; shift++) {
        for (int d = -2; d <= 2; d++) {
            uint64_t v = (value << shift) + (uint64_t)d;
            size_t n = (size_t)(number_format(text, v) - text);
            ck_assert(number_parse(text, n, &back));
            ck_assert_uint_eq(back, v);
        }
    }
    for (uint64_t v = 0; v < 20000; v++) {
        size_t n = (size_t)(number_format(text, v) - text);
        ck_assert(number_parse(text, n, &back) && back == v);
    }
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const bad[] = { "",
                                       "+",
                                       "-",
                                       "--1",
                                       "+-1",
                                       " 1",
                                       "1 ",
                                       "0x1",
                                       "1.0",
                                       "1e3",
                                       "18446744073709551616",
                                       "99999999999999999999" };
    uint64_t u;
    int64_t s;
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        ck_assert(!number_parse(bad[i], strlen(bad[i]), &u));
        ck_assert(!number_parse_signed(bad[i], strlen(bad[i]), &s));
    }
    ck_assert(!number_parse("-1", 2, &u));
    ck_assert(!number_parse_signed("9223372036854775808", 19, &s));
    ck_assert(!number_parse_signed("-9223372036854775809", 20, &s));
    ck_assert(number_parse_signed("-9223372036854775808", 20, &s) && s == INT64_MIN);
    ck_assert(number_parse("00000000000000000000000000001", 29, &u) && u == 1);
}
END_TEST

START_TEST(white_space_and_a_negative_zero_are_read_as_memcached_does)
{
    static const char *const good[] = { "\t5", "5\t", "\v+5\r", "5\r-1", "5\n" };
    uint64_t u;
    int64_t s;
    for (size_t i = 0; i < N_ELEMENTS(good); i++) {
        ck_assert(number_parse(good[i], strlen(good[i]), &u) && u == 5);
        ck_assert(number_parse_signed(good[i], strlen(good[i]), &s) && s == 5);
    }
    ck_assert(number_parse("-0", 2, &u) && u == 0);
    ck_assert(number_parse_signed("\t-5\t", 4, &s) && s == -5);
    ck_assert(!number_parse("\t", 1, &u) && !number_parse("-\t0", 3, &u));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        numbers_come_back_as_they_went,
        what_is_no_number_is_refused,
        white_space_and_a_negative_zero_are_read_as_memcached_does,
    };
    return unit_run("number", tests, N_ELEMENTS(tests));
}
