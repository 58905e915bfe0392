#include <stdbool.h>
#include <stdint.h>

#include <memcached/util.h>

#include "test/unit/unit.h"

START_TEST(test_unsigned_64)
{
    uint64_t n;
    ck_assert(safe_strtoull("0", &n) && n == 0);
    ck_assert(safe_strtoull("18446744073709551615", &n) && n == UINT64_MAX);
    ck_assert(safe_strtoull("123 rest", &n) && n == 123);
    ck_assert(safe_strtoull("123\r\n", &n) && n == 123);
    ck_assert(!safe_strtoull("18446744073709551616", &n));
    ck_assert(!safe_strtoull("-1", &n) && n == 0);
    ck_assert(!safe_strtoull("12x", &n));
    ck_assert(!safe_strtoull("", &n));
    ck_assert(!safe_strtoull(" ", &n));
    ck_assert(!safe_strtoull("x", &n));
}
END_TEST

START_TEST(test_signed_64)
{
    int64_t n;
    ck_assert(safe_strtoll("-9223372036854775808", &n) && n == INT64_MIN);
    ck_assert(safe_strtoll("9223372036854775807", &n) && n == INT64_MAX);
    ck_assert(!safe_strtoll("9223372036854775808", &n));
    ck_assert(!safe_strtoll("--1", &n));
    ck_assert(!safe_strtoll("", &n));
}
END_TEST

START_TEST(test_32_bits)
{
    uint32_t u;
    int32_t i;
    ck_assert(safe_strtoul("4294967295", &u) && u == UINT32_MAX);
    ck_assert(!safe_strtoul("4294967296", &u));
    ck_assert(!safe_strtoul("-1", &u));
    ck_assert(safe_strtol("-2147483648", &i) && i == INT32_MIN);
    ck_assert(!safe_strtol("2147483648", &i));
    ck_assert(!safe_strtol("-2147483649", &i));
}
END_TEST

START_TEST(test_float)
{
    float f;
    ck_assert(safe_strtof("1.25", &f) && f == 1.25f);
    ck_assert(!safe_strtof("1,25", &f));
    ck_assert(!safe_strtof("", &f));
    ck_assert(!safe_strtof("1e99", &f));
}
END_TEST

START_TEST(test_byte_order)
{
    const unsigned char wire[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    uint64_t n = htonll(UINT64_C(0x0102030405060708));
    ck_assert_mem_eq(&n, wire, 8);
    ck_assert_uint_eq(ntohll(n), UINT64_C(0x0102030405060708));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_unsigned_64, test_signed_64, test_32_bits, test_float,
                             test_byte_order };
    return unit_run("util", tests, N_ELEMENTS(tests));
}
