/* Sets of buckets in two sizes, against a bucket at a time. */
#include "base/bit_set.h"

#include <stdbool.h>
#include <string.h>

#include "test/unit/unit.h"

enum { FINE_BITS = 12, FINE_WORDS = (1 << FINE_BITS) / 64, SHIFT_MAX = 6 };

static bool has(const uint64_t *set, size_t b)
{
    return (set[b / 64] >> b % 64 & 1) != 0;
}

/* Words of all kinds: empty, full, one bit, some, most. */
static void draw(uint64_t *set, size_t nwords, unsigned seed)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < nwords; i++) {
        uint64_t y = x =
            x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        switch (y >> 60) {
        case 0:
        case 1:
            set[i] = UINT64_MAX;
            break;
        case 2:
            set[i] = UINT64_C(1) << (y >> 40) % 64;
            break;
        case 3:
            set[i] = ~(UINT64_C(1) << (y >> 40) % 64);
            break;
        case 4:
        case 5:
            set[i] = y & y << 7 & y << 13;
            break;
        default:
            set[i] = 0;
            break;
        }
    }
}

START_TEST(test_join)
{
    for (unsigned shift = 0; shift <= SHIFT_MAX; shift++) {
        for (unsigned seed = 0; seed < 20; seed++) {
            uint64_t fine[FINE_WORDS], coarse[FINE_WORDS] = { 0 };
            draw(fine, FINE_WORDS, seed);
            for (size_t i = 0; i < FINE_WORDS; i++)
                bits_join(coarse, i, fine[i], shift);
            for (size_t b = 0; b < (size_t)1 << (FINE_BITS - shift); b++) {
                bool any = false;
                for (size_t n = b << shift; n < (b + 1) << shift; n++)
                    any = any || has(fine, n);
                ck_assert_int_eq(has(coarse, b), any);
            }
        }
    }
}
END_TEST

START_TEST(test_spread)
{
    for (unsigned shift = 0; shift <= SHIFT_MAX; shift++) {
        for (unsigned seed = 0; seed < 20; seed++) {
            uint64_t fine[FINE_WORDS] = { 0 }, coarse[FINE_WORDS];
            draw(coarse, FINE_WORDS >> shift, seed);
            for (size_t i = 0; i < (size_t)FINE_WORDS >> shift; i++)
                bits_spread(fine, i, coarse[i], shift);
            for (size_t b = 0; b < (size_t)1 << FINE_BITS; b++)
                ck_assert_int_eq(has(fine, b), has(coarse, b >> shift));
        }
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_join, test_spread };
    return unit_run("bit_set", tests, N_ELEMENTS(tests));
}
