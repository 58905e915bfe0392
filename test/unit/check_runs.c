/* Runs of pages, checked against a map of the owner of each page. */
#include <string.h>

#include "store/runs.h"
#include "test/unit/unit.h"

enum { PAGES = 16384, MOST = 1024, NOBODY = 0 };

static struct runs runs;
static uint32_t owner[PAGES]; /* number of the run in use at this page, plus one */

static void setup(void)
{
    ck_assert(runs_init(&runs, PAGES * RUN_PAGE, MOST));
    memset(owner, 0, sizeof(owner));
}

static void teardown(void)
{
    runs_fini(&runs);
}

static uint32_t take(enum run_kind kind, uint32_t pages, uint32_t align)
{
    uint32_t n = runs_take(&runs, kind, pages, align);
    if (n == RUN_NONE)
        return RUN_NONE;
    const struct run *run = &runs.run[n];
    CHECK(run->pages == pages && run->page % align == 0 && run->page + pages <= PAGES);
    for (uint32_t p = run->page; p < run->page + pages; p++) {
        CHECK(owner[p] == NOBODY);
        owner[p] = n + 1;
    }
    memset(runs_base(&runs, n), 1, 1);
    return n;
}

static void give(uint32_t n, enum run_kind kind)
{
    const struct run *run = &runs.run[n];
    for (uint32_t p = run->page; p < run->page + run->pages; p++) {
        CHECK(owner[p] == n + 1);
        owner[p] = NOBODY;
    }
    runs_give(&runs, n, kind);
}

/* From right to left: no gaps, no adjacent free runs of one kind, correct sums. */
static void check_all(void)
{
    size_t bytes[RUN_USED + 1] = { 0 };
    uint32_t end = runs.top, right = RUN_NONE;
    for (uint32_t n = runs.last; n != RUN_NONE; right = n, n = runs.run[n].left) {
        const struct run *run = &runs.run[n];
        CHECK(run->right == right && run->page + run->pages == end);
        CHECK(run->kind == RUN_USED || right == RUN_NONE ||
              runs.run[right].kind != run->kind);
        CHECK((owner[run->page] != NOBODY) == (run->kind == RUN_USED));
        bytes[run->kind] += run->pages * RUN_PAGE;
        end = run->page;
    }
    CHECK(end == 0);
    CHECK(bytes[RUN_WARM] == runs.bytes[RUN_WARM]);
    CHECK(bytes[RUN_COLD] == runs.bytes[RUN_COLD]);
}

static uint32_t random_below(uint32_t *state, uint32_t most)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % most;
}

START_TEST(runs_come_and_go)
{
    static uint32_t held[400];
    uint32_t state = 1, nheld = 0;
    for (int i = 0; i < 60000; i++) {
        enum run_kind kind = random_below(&state, 2) ? RUN_WARM : RUN_COLD;
        uint32_t align = random_below(&state, 4) == 0 ? 64 : 1;
        uint32_t pages = align > 1 ? align : 1 + random_below(&state, 60);
        uint32_t n = RUN_NONE;
        if (nheld < N_ELEMENTS(held) && random_below(&state, 2) == 0)
            n = take(kind, pages, align);
        if (n != RUN_NONE) {
            held[nheld++] = n;
        } else if (nheld > 0) {
            uint32_t k = random_below(&state, nheld);
            give(held[k], kind);
            held[k] = held[--nheld];
        }
        if (i % 50 == 0)
            check_all();
    }
    while (nheld > 0)
        give(held[--nheld], RUN_COLD);
    check_all();
}
END_TEST

START_TEST(neighbours_become_one)
{
    uint32_t n[8];
    for (int i = 0; i < 8; i++)
        n[i] = take(RUN_COLD, 2048, 1);
    ck_assert_uint_eq(runs_take(&runs, RUN_COLD, 1, 1), RUN_NONE);
    for (int i = 0; i < 8; i += 2)
        give(n[i], RUN_WARM);
    ck_assert_uint_eq(runs_take(&runs, RUN_WARM, 2049, 1), RUN_NONE);
    for (int i = 1; i < 8; i += 2)
        give(n[i], RUN_WARM);
    ck_assert_uint_ne(take(RUN_WARM, PAGES, 1), RUN_NONE);
}
END_TEST

START_TEST(kinds_are_kept_apart)
{
    uint32_t a = take(RUN_COLD, 10, 1), b = take(RUN_COLD, 10, 1);
    give(a, RUN_WARM);
    ck_assert_uint_eq(runs.bytes[RUN_WARM], 10 * RUN_PAGE);
    ck_assert_uint_eq(runs_take(&runs, RUN_WARM, 11, 1), RUN_NONE);
    a = runs_take_smallest(&runs, RUN_WARM);
    ck_assert_uint_eq(runs.run[a].pages, 10);
    ck_assert_uint_eq(runs_take_smallest(&runs, RUN_WARM), RUN_NONE);
    runs_give(&runs, a, RUN_COLD);
    give(b, RUN_COLD);
    check_all();
    ck_assert_uint_ne(take(RUN_COLD, PAGES, 1), RUN_NONE);
}
END_TEST

/* Pages cannot be cut into more parts than there are numbers: it fails without a loss. */
START_TEST(numbers_run_out)
{
    uint32_t n = 0;
    while (take(RUN_COLD, 1, 1) != RUN_NONE)
        n++;
    ck_assert_uint_ge(n, MOST - 2);
    ck_assert_uint_lt(n, PAGES);
    check_all();
}
END_TEST

START_TEST(more_than_there_are_numbers_for)
{
    struct runs huge;
    ck_assert(!runs_init(&huge, (size_t)1 << 45, 10));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        runs_come_and_go, neighbours_become_one,           kinds_are_kept_apart,
        numbers_run_out,  more_than_there_are_numbers_for,
    };
    return unit_run_with("runs", setup, teardown, tests, N_ELEMENTS(tests));
}
