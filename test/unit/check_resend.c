/* The follower does not have what a delta builds on: it asks for the state (R20). */
#include "test/unit/delta_rig.h"

static void forget_at_follower(void)
{
    ck_assert(toy_store_delete(&b->store, "k", 1));
}

static void change_at_follower(void)
{
    const struct link_change other = large('z');
    toy_store_set(&b->store, &other);
}

static void other_at_follower(void (*spoil)(void))
{
    begin();
    spoil();
    touch(a, 100);
    settle_with(1, 1);
    spoil();
    add(a, "tail", false);
    settle_with(1, 1);
    spoil();
    add(a, "head", true);
    settle_with(1, 1);
}

START_TEST(test_the_follower_has_lost_the_item)
{
    other_at_follower(forget_at_follower);
}
END_TEST

START_TEST(test_the_follower_has_another_item)
{
    other_at_follower(change_at_follower);
}
END_TEST

static bool cannot_touch(void *store, const struct link_change *c)
{
    (void)store, (void)c;
    return false;
}

/* As over an engine without a mirror: the item is put again with its new expiry. */
START_TEST(test_a_store_that_can_only_put)
{
    struct repl_store_ops only_put = toy_store_ops;
    only_put.touch = cannot_touch;
    begin();
    b->core.store_ops = &only_put;
    touch(a, 100);
    settle_with(1, 0);
    add(a, "tail", false);
    touch(a, 200);
    settle_with(1, 0);
    b->core.store_ops = &toy_store_ops;
}
END_TEST

static bool leads_in_sync(void)
{
    repl_core_lock(&a->core);
    bool in_sync = repl_core_in_sync(&a->core);
    repl_core_unlock(&a->core);
    return in_sync;
}

static bool same_now(void)
{
    return pair_same(&p, NULL, 0);
}

/* From the touch to the state, at every step: nobody says in sync, or that nothing is at
 * risk, while the follower has another state. */
START_TEST(test_it_is_at_risk_until_the_state_is_there)
{
    begin();
    forget_at_follower();
    touch(a, 100);
    for (unsigned i = 0; i < 100 && !same_now(); i++) {
        ck_assert(!leads_in_sync());
        ck_assert_uint_gt(figures_of(a).at_risk, 0);
        one_round();
    }
    ck_assert(same_now());
    settle_in_sync();
}
END_TEST

/* Cut at every step of it. */
START_TEST(test_a_cut_while_it_asks)
{
    begin();
    for (unsigned n = 0; n < 12; n++) {
        forget_at_follower();
        add(a, "tail", false);
        for (unsigned i = 0; i < n; i++)
            one_round();
        wire_cut(&p.wire);
        settle_in_sync();
    }
}
END_TEST

START_TEST(test_the_role_moves_while_it_asks)
{
    begin();
    for (unsigned n = 0; n < 12; n++) {
        struct node *from = a->core.active ? a : b, *to = from == a ? b : a;
        ck_assert(toy_store_delete(&to->store, "k", 1));
        ck_assert_int_eq(node_touch(from, "k", 100 + n), CHANGE_OK);
        for (unsigned i = 0; i < n; i++)
            one_round();
        node_promote(to);
        settle_in_sync();
        set_large(to, 'v');
        settle_in_sync();
    }
}
END_TEST

START_TEST(test_no_room_for_the_joined_value)
{
    begin();
    b->store.value_max = LARGE;
    add(a, "tail", false);
    settle();
    ck_assert(node_has(b, "k", NULL));
    ck_assert(!pair_in_sync(&p));
    b->store.value_max = 0;
    for (unsigned i = 0; i < 40 && !pair_in_sync(&p); i++) {
        pair_pass(&p, 1000);
        settle();
    }
    settle_in_sync();
    ck_assert_uint_eq(state_of(b).nvalue, LARGE + 4);
}
END_TEST

/* What the peer asks for is at risk like a change of a client, and an agreement that was
 * under way does not cover it (R15). */
START_TEST(test_asking_ends_an_agreement)
{
    begin();
    touch(a, 100);
    a->core.agreeing = 1;
    forget_at_follower();
    settle_with(1, 1);
    ck_assert_uint_eq(a->core.agreeing, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_the_follower_has_lost_the_item,
        test_the_follower_has_another_item,
        test_a_store_that_can_only_put,
        test_it_is_at_risk_until_the_state_is_there,
        test_a_cut_while_it_asks,
        test_the_role_moves_while_it_asks,
        test_no_room_for_the_joined_value,
        test_asking_ends_an_agreement,
    };
    return unit_run_with("resend", setup, teardown, tests, N_ELEMENTS(tests));
}
