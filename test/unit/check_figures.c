/* What the figures say: how much is at risk, how old it is, and who does not keep up. */
#include "test/unit/core_rig.h"

enum { MANY = 2000 };

START_TEST(test_at_risk_counts_changes)
{
    const struct pair_config config = { .map_bits = { 6, 6 }, .journal_bytes = 64 << 10 };
    restart_pair(&config);
    link_up();
    wire_cut(&p.wire);
    set_many(a, 0, MANY, "v");
    ck_assert_uint_eq(figures_of(a).at_risk, MANY);
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).at_risk, 0);
    set(a, "k", "v");
    ck_assert_uint_eq(figures_of(a).at_risk, 1);
    wire_cut(&p.wire);
    ck_assert_uint_eq(figures_of(a).at_risk, 1);
}
END_TEST

START_TEST(test_at_risk_after_a_broken_fill)
{
    const struct pair_config config = { .map_bits = { 14, 14 },
                                        .journal_bytes = 1 << 20 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    return_empty(b);
    while (b->store.items < MANY / 2)
        one_round();
    for (unsigned i = 0; i < 2; i++) {
        uint64_t lost = MANY + 1 - b->store.items;
        ck_assert_uint_ge(figures_of(a).at_risk, lost * 9 / 10);
        ck_assert_uint_le(figures_of(a).at_risk, MANY + 1);
        wire_cut(&p.wire);
    }
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).at_risk, 0);
}
END_TEST

static void pass(struct node *n, unsigned ms)
{
    repl_core_lock(&n->core);
    repl_core_tick(&n->core, p.now_us += (uint64_t)ms * 1000);
    repl_core_unlock(&n->core);
}

START_TEST(test_lag_of_a_standby_that_hangs)
{
    link_up();
    ck_assert_uint_eq(figures_of(a).lag_us, 0);
    set(a, "k", "v");
    node_work(a); /* b takes nothing from now on */
    pass(a, 700);
    set(a, "k", "w");
    node_work(a);
    pass(a, 800);
    ck_assert_uint_eq(figures_of(a).lag_us, 1500000);
    wire_cut(&p.wire);
    pass(a, 1000);
    pass(a, 1000);
    ck_assert_uint_ge(figures_of(a).lag_us, 1000000);
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).lag_us, 0);
}
END_TEST

START_TEST(test_overflow_is_told)
{
    const struct pair_config config = { .map_bits = { 10, 10 }, .journal_bytes = 4096 };
    restart_pair(&config);
    link_up();
    pass(a, 100);
    ck_assert_uint_eq(a->core.keep_up.since_us, 0);
    for (unsigned i = 0; i < 400; i++) {
        set_many(a, 0, 500, "v"); /* and nothing moves */
        pass(a, 100);
    }
    ck_assert(a->core.keep_up.hopeless);
    ck_assert_ptr_nonnull(strstr(figures_of(a).last_error, "raise journal"));
    ck_assert_ptr_nonnull(strstr(figures_of(a).health, "raise journal"));
    settle_in_sync();
    pass(a, 100);
    ck_assert_uint_eq(a->core.keep_up.since_us, 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_at_risk_counts_changes,
        test_at_risk_after_a_broken_fill,
        test_lag_of_a_standby_that_hangs,
        test_overflow_is_told,
    };
    return unit_run_with("figures", setup, teardown, tests, N_ELEMENTS(tests));
}
