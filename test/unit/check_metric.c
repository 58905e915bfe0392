#include "base/metric.h"

#include <stdint.h>
#include <string.h>

#include "test/unit/unit.h"

struct snapshot {
    uint64_t shipped, pending;
    const char *error;
};

static const struct metric_row rows[] = {
    { "shipped", METRIC_COUNTER, offsetof(struct snapshot, shipped), true, "Sent." },
    { "pending", METRIC_GAUGE, offsetof(struct snapshot, pending), false, "Waiting." },
    { "error", METRIC_TEXT, offsetof(struct snapshot, error), false, "The last one." },
};

static void collect(void *context, const char *name, const char *value)
{
    char *all = context;
    size_t n = strlen(all);
    snprintf(all + n, 256 - n, "%s=%s\n", name, value);
}

START_TEST(test_all_rows_in_order)
{
    struct snapshot s = { UINT64_MAX, 0, "peer is gone" };
    char all[256] = "";
    metric_each(rows, N_ELEMENTS(rows), &s, false, collect, all);
    ck_assert_str_eq(all,
                     "shipped=18446744073709551615\npending=0\nerror=peer is gone\n");
}
END_TEST

START_TEST(test_brief_rows_only)
{
    struct snapshot s = { 1, 2, NULL };
    char all[256] = "";
    metric_each(rows, N_ELEMENTS(rows), &s, true, collect, all);
    ck_assert_str_eq(all, "shipped=1\n");
}
END_TEST

START_TEST(test_no_text_reads_as_empty)
{
    struct snapshot s = { 1, 2, NULL };
    char all[256] = "";
    metric_each(rows + 2, 1, &s, false, collect, all);
    ck_assert_str_eq(all, "error=\n");
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_all_rows_in_order, test_brief_rows_only,
                             test_no_text_reads_as_empty };
    return unit_run("metric", tests, N_ELEMENTS(tests));
}
