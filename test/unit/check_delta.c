/* What is sent of a large value when a client adds a piece to it, or touches it, and what
 * a follower makes of that. */
#include "test/unit/core_rig.h"

enum { LARGE = 50000 };

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

static struct link_change large(char fill)
{
    static char value[LARGE];
    memset(value, fill, sizeof(value));
    return (struct link_change){
        .key = "k", .nkey = 1, .value = value, .nvalue = LARGE, .flags = 77
    };
}

static void set_large(struct node *n, char fill)
{
    const struct link_change c = large(fill);
    ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
}

static void add(struct node *n, const char *piece, bool before)
{
    bool found = false;
    const struct link_change c = { .key = "k",
                                   .nkey = 1,
                                   .value = piece,
                                   .nvalue = (uint32_t)strlen(piece),
                                   .before = before };
    ck_assert_int_eq(node_join(n, &c, &found), CHANGE_OK);
    ck_assert(found);
}

static void touch(struct node *n, uint32_t exptime)
{
    ck_assert_int_eq(node_touch(n, "k", exptime), CHANGE_OK);
}

static struct link_change state_of(struct node *n)
{
    struct repl_item it;
    ck_assert_int_eq(toy_store_ops.lookup(&n->store, "k", 1, &it), REPL_YES);
    toy_store_ops.release(&n->store, it.item);
    return it.state;
}

static void begin(void)
{
    link_up();
    set_large(a, 'v');
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.deltas, 0);
}

/* Settles with so many messages of this kind more than before. */
static void settle_with(uint64_t deltas, uint64_t resent)
{
    deltas += a->core.count.deltas;
    resent += a->core.count.resent;
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.deltas, deltas);
    ck_assert_uint_eq(a->core.count.resent, resent);
}

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

/* ---- the follower has something else */

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
        test_the_follower_has_lost_the_item,
        test_the_follower_has_another_item,
        test_a_store_that_can_only_put,
        test_it_is_at_risk_until_the_state_is_there,
        test_a_cut_while_it_asks,
        test_the_role_moves_while_it_asks,
        test_no_room_for_the_joined_value,
        test_asking_ends_an_agreement,
        test_a_delta_during_a_copy,
        test_a_peer_that_takes_no_larger_values,
    };
    return unit_run_with("delta", setup, teardown, tests, N_ELEMENTS(tests));
}
