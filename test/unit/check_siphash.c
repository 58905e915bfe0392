#include "base/siphash.h"

#include "test/unit/unit.h"

/* Python's hash of bytes is the same function; with PYTHONHASHSEED=0 the secret is 0. */
START_TEST(test_is_siphash_1_3)
{
    static const struct siphash_secret zero = { { 0, 0 } };
    static const struct {
        size_t n;
        uint64_t hash;
    } rows[] = {
        { 1, UINT64_C(0x30406ea523c53def) },  { 7, UINT64_C(0x656d393b403cf3a6) },
        { 8, UINT64_C(0x27a13bffecca29f7) },  { 9, UINT64_C(0x042c57b0ed26b687) },
        { 15, UINT64_C(0x454967f70154f532) }, { 16, UINT64_C(0x05df3a70692f6c50) },
        { 23, UINT64_C(0xfe8d0f89a51c437e) }, { 32, UINT64_C(0xbb6666c1a3ffba09) },
        { 63, UINT64_C(0x6ccf53c0c91c31a5) }
    };
    unsigned char bytes[64];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(255 - i);
    for (size_t i = 0; i < N_ELEMENTS(rows); i++)
        ck_assert_uint_eq(siphash(&zero, bytes, rows[i].n), rows[i].hash);
}
END_TEST

START_TEST(test_every_byte_counts)
{
    static const struct siphash_secret secret = { { 1, 2 } };
    char key[250] = { 0 };
    uint64_t zeros = siphash(&secret, key, sizeof(key));
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = 1;
        ck_assert_uint_ne(siphash(&secret, key, sizeof(key)), zeros);
        key[i] = 0;
    }
    for (size_t n = 0; n < sizeof(key); n++)
        ck_assert_uint_ne(siphash(&secret, key, n), zeros);
}
END_TEST

START_TEST(test_every_bit_of_the_secret_counts)
{
    const struct siphash_secret zero = { { 0, 0 } };
    for (unsigned bit = 0; bit < 128; bit++) {
        struct siphash_secret other = zero;
        other.word[bit / 64] = UINT64_C(1) << bit % 64;
        ck_assert_uint_ne(siphash(&other, "key", 3), siphash(&zero, "key", 3));
    }
}
END_TEST

START_TEST(test_no_secret_is_drawn_twice)
{
    struct siphash_secret a = { { 0, 0 } }, b = { { 0, 0 } };
    ck_assert(siphash_draw(&a) && siphash_draw(&b));
    ck_assert_uint_ne(a.word[0], b.word[0]);
    ck_assert_uint_ne(a.word[1], b.word[1]);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_is_siphash_1_3, test_every_byte_counts,
                             test_every_bit_of_the_secret_counts,
                             test_no_secret_is_drawn_twice };
    return unit_run("siphash", tests, N_ELEMENTS(tests));
}
