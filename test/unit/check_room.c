/* What a node has no room for. */
#include "test/unit/core_rig.h"

enum { MANY = 2000 };

static void pass_until_in_sync(unsigned seconds)
{
    for (unsigned i = 0; i < seconds && !pair_in_sync(&p); i++) {
        pair_pass(&p, 1000);
        settle();
    }
    settle_in_sync();
}

START_TEST(test_a_refused_change_is_not_forgotten)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    b->store.value_max = 3;
    set(a, "key 7", "too long");
    settle();
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_uint_eq(figures_of(&p.node[i]).in_sync, 0);
        ck_assert_ptr_nonnull(strstr(figures_of(&p.node[i]).health, "room"));
    }
    ck_assert_uint_gt(figures_of(a).at_risk, 0);
    ck_assert(node_has(b, "key 7", NULL));
    for (unsigned i = 0; i < 10; i++) { /* as often as it likes */
        pair_pass(&p, 1000);
        settle();
        ck_assert_uint_eq(figures_of(a).in_sync, 0);
        ck_assert_uint_eq(figures_of(b).in_sync, 0);
    }
    ck_assert_uint_le(b->core.count.apply_failed, 5); /* but ever more rarely */
    b->store.value_max = 0;
    pass_until_in_sync(40);
    both_have("key 7", "too long");
}
END_TEST

/* It was restarted with less room than its peer uses. */
START_TEST(test_an_active_node_without_room_says_so)
{
    link_up();
    set_many(a, 0, 100, "value");
    settle_in_sync();
    node_crash(a);
    node_start(a);
    a->store.value_max = 3;
    set(a, "own", "x"); /* active again at once */
    settle();
    ck_assert(a->core.active && figures_of(a).in_sync == 0);
    ck_assert_ptr_nonnull(strstr(figures_of(a).health, "it has no room"));
    a->store.value_max = 0;
    pass_until_in_sync(40);
    both_have("key 1", "value");
}
END_TEST

START_TEST(test_a_copy_without_room_is_told_and_finished)
{
    set_many(a, 0, MANY, "value");
    b->store.value_max = 3;
    settle();
    ck_assert_uint_eq(figures_of(a).in_sync, 0);
    ck_assert_uint_eq(b->store.items, 0);
    ck_assert_uint_ge(figures_of(a).at_risk, MANY / 2);
    b->store.value_max = 0;
    pass_until_in_sync(40);
    ck_assert_uint_eq(b->store.items, MANY);
}
END_TEST

/* The role moves while something is missing: it comes back from the other. */
START_TEST(test_the_role_moves_while_something_is_missing)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    b->store.value_max = 3;
    set(a, "key 7", "too long");
    settle();
    b->store.value_max = 0;
    node_promote(b);
    settle_in_sync();
    both_have("key 7", "too long");
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_refused_change_is_not_forgotten,
        test_an_active_node_without_room_says_so,
        test_a_copy_without_room_is_told_and_finished,
        test_the_role_moves_while_something_is_missing,
    };
    return unit_run_with("room", setup, teardown, tests, N_ELEMENTS(tests));
}
