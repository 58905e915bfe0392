/* Numbers in values, by memcached's rules. */
#include "base/counter.h"

#include <string.h>

#include "test/unit/unit.h"

/* Cuts the text into pieces of `size` bytes. */
static size_t cut(char *text, size_t n, size_t size, struct iovec *pieces)
{
    size_t count = 0;
    for (size_t at = 0; at < n; at += size, count++)
        pieces[count] = (struct iovec){ text + at, n - at < size ? n - at : size };
    return count;
}

static void is(const char *text, bool good, uint64_t wanted)
{
    char room[64];
    struct iovec pieces[64];
    uint64_t number = 0;
    strcpy(room, text);
    for (size_t size = 1; size < sizeof(room); size++) {
        size_t n = cut(room, strlen(text), size, pieces);
        ck_assert_msg(counter_read(pieces, n, &number) == good, "'%s'", text);
        ck_assert_msg(!good || number == wanted, "'%s'", text);
    }
}

START_TEST(test_numbers)
{
    is("0", true, 0);
    is("12", true, 12);
    is("  12", true, 12);
    is("\t\r\n12", true, 12);
    is("+12", true, 12);
    is("12   ", true, 12);
    is("12\r\n", true, 12);
    is("12 of them", true, 12);
    is("000000000000000000000000000012", true, 12);
    is("18446744073709551615", true, UINT64_MAX);
}
END_TEST

START_TEST(test_no_numbers)
{
    const char *const rows[] = { "",
                                 "   ",
                                 "x",
                                 "x12",
                                 "12x",
                                 "-12",
                                 "+",
                                 "+ 1",
                                 "++1",
                                 "1.5",
                                 "0x1",
                                 "18446744073709551616",
                                 "123456789012345678901" };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++)
        is(rows[i], false, 0);
}
END_TEST

START_TEST(test_length_of_a_value)
{
    static char text[COUNTER_VALUE_MAX + 1];
    struct iovec value = { text, COUNTER_VALUE_MAX };
    uint64_t number;
    memset(text, ' ', sizeof(text));
    text[0] = '7';
    ck_assert(counter_read(&value, 1, &number));
    ck_assert_uint_eq(number, 7);
    value.iov_len++;
    ck_assert(!counter_read(&value, 1, &number));
}
END_TEST

START_TEST(test_changes)
{
    ck_assert_uint_eq(counter_change(5, true, 3), 8);
    ck_assert_uint_eq(counter_change(UINT64_MAX, true, 2), 1);
    ck_assert_uint_eq(counter_change(5, false, 3), 2);
    ck_assert_uint_eq(counter_change(5, false, 5), 0);
    ck_assert_uint_eq(counter_change(5, false, 6), 0);
}
END_TEST

static void becomes(uint64_t number, size_t former, const char *wanted)
{
    char room[64];
    struct iovec pieces[64];
    size_t length = counter_length(number, former);
    for (size_t size = 1; size < sizeof(room); size++) {
        memset(room, '?', sizeof(room));
        size_t n = cut(room, length, size, pieces);
        ck_assert(counter_write(pieces, n, number));
        room[length] = '\0';
        ck_assert_str_eq(room, wanted);
    }
}

START_TEST(test_texts)
{
    becomes(0, 0, "0");
    becomes(12, 0, "12");
    becomes(9, 2, "9 ");
    becomes(100, 2, "100");
    becomes(7, 6, "7     ");
    becomes(UINT64_MAX, 1, "18446744073709551615");
    becomes(1, 20, "1                   ");
    struct iovec narrow = { (char[2]){ 0 }, 2 };
    ck_assert(!counter_write(&narrow, 1, 100));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_numbers, test_no_numbers, test_length_of_a_value,
                             test_changes, test_texts };
    return unit_run("counter", tests, N_ELEMENTS(tests));
}
