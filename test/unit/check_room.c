/* What a node has no room for, and what takes none. */
#include "test/unit/core_rig.h"

enum { MANY = 2000, LARGE = 5000 };

static const struct pair_config in_chunks = {
    .map_bits = { 10, 10 }, .journal_bytes = 64 << 10, .whole_max = 1000, .chunk = 100
};
static char large[LARGE];

static void set_large(struct node *n, const char *key)
{
    struct link_change c = { .key = key, .value = large, .nvalue = LARGE };
    c.nkey = (uint16_t)strlen(key);
    memset(large, 'x', LARGE);
    ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
}

/* Another value under the CAS of what is here, as if something had gone wrong. */
static void falsify(struct node *n, const char *key, size_t at)
{
    struct repl_item it;
    ck_assert_int_eq(toy_store_ops.lookup(&n->store, key, strlen(key), &it), REPL_YES);
    ((char *)(uintptr_t)it.state.value)[at] = '!';
    toy_store_ops.release(&n->store, it.item);
}

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

/* ---- what is here takes no room */

static void begin_in_chunks(void)
{
    restart_pair(&in_chunks);
    link_up();
    set_many(a, 0, 100, "value");
    set_large(a, "large");
    settle_in_sync();
    a->store.value_max = b->store.value_max = 3;
}

static void copy_all(void)
{
    ck_assert_ptr_null(repl_core_resync(&a->core));
    settle_in_sync();
    ck_assert_uint_ge(items_copied(), 101);
}

START_TEST(test_a_copy_of_what_is_here_takes_no_room)
{
    begin_in_chunks();
    copy_all();
    ck_assert_uint_eq(b->core.count.apply_failed, 0);
}
END_TEST

START_TEST(test_a_copy_corrects_a_value)
{
    static const size_t at[] = { 0, 99, 100, LARGE - 1 };
    begin_in_chunks();
    b->store.value_max = 0;
    for (size_t i = 0; i < N_ELEMENTS(at); i++) {
        falsify(b, "large", at[i]);
        copy_all();
    }
}
END_TEST

/* It was evicted while its copy came, and was the same. */
START_TEST(test_a_copy_of_what_is_here_no_more)
{
    begin_in_chunks();
    ck_assert_ptr_null(repl_core_resync(&a->core));
    while (!b->core.halves[STREAM_COPY].open || b->core.halves[STREAM_COPY].got == 0)
        one_round();
    ck_assert_ptr_null(b->core.halves[STREAM_COPY].made);
    b->store.value_max = 0;
    toy_store_delete(&b->store, "large", 5);
    settle_in_sync();
}
END_TEST

/* A copy to the active node broke off, so some of the items come once more. */
START_TEST(test_the_rest_of_a_copy_takes_room_for_the_rest)
{
    restart_pair(&in_chunks);
    link_up();
    set_many(a, 0, MANY, "value");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 0);
    node_start(a);
    set(a, "own", "x"); /* active again at once */
    wire_connect(&p.wire);
    while (a->core.count.recovered < MANY / 50)
        one_round();
    size_t came = (size_t)a->core.count.recovered;
    ck_assert_uint_lt(came, MANY);
    wire_cut(&p.wire);
    a->store.value_max = 3;
    settle();
    ck_assert_uint_gt(a->core.count.apply_failed, 0);
    ck_assert_uint_le(a->core.count.apply_failed, MANY + 1 - came);
    a->store.value_max = 0;
    pass_until_in_sync(40);
    ck_assert_uint_ge(a->store.items, MANY - 10); /* but for neighbours of what is new */
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_refused_change_is_not_forgotten,
        test_an_active_node_without_room_says_so,
        test_a_copy_without_room_is_told_and_finished,
        test_the_role_moves_while_something_is_missing,
        test_a_copy_of_what_is_here_takes_no_room,
        test_a_copy_corrects_a_value,
        test_a_copy_of_what_is_here_no_more,
        test_the_rest_of_a_copy_takes_room_for_the_rest,
    };
    return unit_run_with("room", setup, teardown, tests, N_ELEMENTS(tests));
}
