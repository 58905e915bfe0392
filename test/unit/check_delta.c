/* What is sent of a large value when a client adds a piece to it, or touches it. */
#include "test/unit/delta_rig.h"

/* ---- deltas alone */

static bool joins(struct delta d, struct delta other, struct delta wanted)
{
    return delta_join(&d, &other) && d.base == wanted.base && d.cas == wanted.cas &&
           d.npiece == wanted.npiece && d.before == wanted.before;
}

START_TEST(test_deltas_that_follow_one_another)
{
    const struct delta first = { 1, 2, 10, false }, second = { 2, 3, 5, false };
    const struct delta touch_1 = { 1, 1, 0, false }, touch_2 = { 2, 2, 0, false };
    const struct delta both = { 1, 3, 15, false };
    ck_assert(joins(first, second, both));
    ck_assert(joins(second, first, both));
    ck_assert(joins(touch_1, touch_1, touch_1));
    ck_assert(joins(touch_1, first, first));
    ck_assert(joins(first, touch_1, first));
    ck_assert(joins(touch_2, first, first));
    ck_assert(joins(first, touch_2, first));
}
END_TEST

START_TEST(test_prepends)
{
    const struct delta before = { 1, 2, 10, true }, behind = { 2, 3, 5, false };
    const struct delta touch = { 2, 2, 0, false }, more = { 2, 4, 1, true };
    ck_assert(joins(before, touch, before));
    ck_assert(joins(touch, before, before));
    ck_assert(joins(before, more, (struct delta){ 1, 4, 11, true }));
    struct delta d = before;
    ck_assert(!delta_join(&d, &behind));
}
END_TEST

START_TEST(test_deltas_with_a_gap)
{
    const struct delta first = { 1, 2, 10, false }, third = { 3, 4, 5, false };
    const struct delta huge = { 2, 3, UINT32_MAX, false };
    struct delta d = first;
    ck_assert(!delta_join(&d, &third));
    d = third;
    ck_assert(!delta_join(&d, &first));
    d = first;
    ck_assert(!delta_join(&d, &huge));
}
END_TEST

START_TEST(test_reduce)
{
    static const char value[2000] = "ab";
    const struct link_change whole = { .value = value, .nvalue = 2000, .cas = 9 };
    struct link_change c = whole;
    ck_assert(delta_reduce(&(struct delta){ 8, 9, 10, false }, &c));
    ck_assert(c.value == value + 1990 && c.nvalue == 10 && c.base == 8 && !c.before);
    c = whole;
    ck_assert(delta_reduce(&(struct delta){ 8, 9, 1000, true }, &c));
    ck_assert(c.value == value && c.nvalue == 1000 && c.before);
    c = whole;
    ck_assert(!delta_reduce(&(struct delta){ 8, 9, 1001, false }, &c));
    ck_assert(!delta_reduce(&(struct delta){ 7, 8, 0, false }, &c));
    c.nvalue = 1023;
    ck_assert(!delta_reduce(&(struct delta){ 9, 9, 0, false }, &c));
    ck_assert(c.value == value && c.nvalue == 1023);
}
END_TEST

/* ---- a pair, of which a is active */

START_TEST(test_a_touch)
{
    begin();
    for (unsigned i = 0; i < 10; i++) {
        touch(a, 100 + i);
        settle_with(1, 0);
        ck_assert_uint_eq(state_of(b).exptime, b->store.clock + 100 + i);
    }
    touch(a, 0);
    settle_with(1, 0);
    ck_assert_uint_eq(state_of(b).exptime, 0);
}
END_TEST

START_TEST(test_pieces_at_both_ends)
{
    begin();
    add(a, "tail", false);
    settle_with(1, 0);
    add(a, "head", true);
    touch(a, 50);
    settle_with(1, 0);
    const struct link_change c = state_of(b);
    const char *value = c.value;
    ck_assert_uint_eq(c.nvalue, LARGE + 8);
    ck_assert_uint_eq(c.flags, 77);
    ck_assert(memcmp(value, "headv", 5) == 0 &&
              memcmp(value + LARGE + 3, "vtail", 5) == 0);
}
END_TEST

START_TEST(test_changes_of_one_batch)
{
    begin();
    for (unsigned i = 0; i < 20; i++)
        add(a, i % 2 == 0 ? "ab" : "cd", false);
    touch(a, 90);
    settle_with(1, 0);
    add(a, "x", false);
    add(a, "y", true); /* at the other end: the state is sent */
    settle_with(0, 0);
    touch(a, 90);
    set_large(a, 'w');
    settle_with(0, 0);
    set_large(a, 'x');
    touch(a, 90);
    settle_with(0, 0);
}
END_TEST

/* A client has set the key, but its bracket is still open. */
START_TEST(test_a_value_that_was_set_since)
{
    const struct link_change later = large('w');
    begin();
    touch(a, 100);
    toy_store_set(&a->store, &later);
    settle_with(0, 0);
    add(a, "tail", false);
    toy_store_set(&a->store, &later);
    settle_with(0, 0);
}
END_TEST

START_TEST(test_small_values_are_sent_whole)
{
    bool found = false;
    const struct link_change piece = { .key = "s", .nkey = 1, .value = "x", .nvalue = 1 };
    begin();
    set(a, "s", "small");
    settle_in_sync();
    ck_assert_int_eq(node_touch(a, "s", 10), CHANGE_OK);
    settle_with(0, 0);
    ck_assert_int_eq(node_join(a, &piece, &found), CHANGE_OK);
    settle_with(0, 0);
    both_have("s", "smallx");
}
END_TEST

/* A part that replaces keeps what a delta has changed meanwhile. */
START_TEST(test_a_delta_during_a_copy)
{
    begin();
    set_many(a, 0, 500, "v");
    settle_in_sync();
    for (unsigned n = 0; n < 200; n += 7) {
        repl_core_lock(&a->core);
        ck_assert_ptr_null(repl_core_resync(&a->core));
        repl_core_unlock(&a->core);
        for (unsigned i = 0; i < n; i++)
            one_round();
        add(a, "tail", n % 2 == 0);
        touch(a, 1000);
        settle_in_sync();
    }
}
END_TEST

START_TEST(test_a_peer_that_takes_no_larger_values)
{
    begin();
    a->core.session.peer.item_max = LARGE;
    add(a, "tail", false);
    settle();
    ck_assert_uint_eq(a->core.count.deltas, 0);
    ck_assert(node_has(b, "k", NULL));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_deltas_that_follow_one_another,
        test_prepends,
        test_deltas_with_a_gap,
        test_reduce,
        test_a_touch,
        test_pieces_at_both_ends,
        test_changes_of_one_batch,
        test_a_value_that_was_set_since,
        test_small_values_are_sent_whole,
        test_a_delta_during_a_copy,
        test_a_peer_that_takes_no_larger_values,
    };
    return unit_run_with("delta", setup, teardown, tests, N_ELEMENTS(tests));
}
