/* Nodes with different pasts meet again, after a split and restarts; also nodes and
 * stores that differ. */
#include "test/unit/core_rig.h"

/* ---- split brain */

START_TEST(test_split_brain)
{
    link_up();
    set(a, "untouched", "v");
    set(a, "both", "v");
    set(a, "deleted here, set there", "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set(a, "only a", "a");
    set(a, "both", "a");
    ck_assert_int_eq(node_delete(a, "deleted here, set there"), CHANGE_OK);
    set(b, "only b", "b");
    set(b, "both", "b");
    set(b, "deleted here, set there", "b");
    ck_assert(a->core.active && b->core.active);
    settle_in_sync();
    both_have("only a", "a");
    both_have("only b", "b");
    both_have("both", NULL);
    both_have("deleted here, set there", NULL);
    both_have("untouched", "v");
    ck_assert_uint_ge(a->core.count.invalidated + b->core.count.invalidated, 1);
    ck_assert_int_ne(a->core.active, b->core.active);
}
END_TEST

/* Changes that the old active node accepted but never shipped are recovered. */
START_TEST(test_unshipped_changes_are_recovered)
{
    link_up();
    set(a, "k", "accepted");
    wire_cut(&p.wire);
    set(b, "other", "b");
    settle_in_sync();
    ck_assert(b->core.active);
    both_have("k", "accepted");
    both_have("other", "b");
}
END_TEST

START_TEST(test_writes_during_the_merge)
{
    link_up();
    set_many(a, 0, 200, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set_many(a, 0, 100, "a");
    set_many(b, 100, 200, "b");
    wire_connect(&p.wire);
    struct node *winner = NULL;
    for (unsigned i = 0; i < 400; i++) {
        for (unsigned n = 0; n < 2; n++) {
            wire_deliver(&p.wire, n, true);
            wire_deliver(&p.wire, n, false);
            node_work(&p.node[n]);
        }
        if (a->core.active != b->core.active) {
            winner = a->core.active ? a : b;
            set(winner, numbered(i % 200), "during");
            ck_assert(node_has(winner, numbered(i % 200), "during"));
        }
    }
    ck_assert_ptr_nonnull(winner);
    settle_in_sync();
    for (unsigned i = 0; i < 200; i++)
        both_have(numbered(i), "during");
}
END_TEST

/* ---- restarts */

START_TEST(test_standby_restarts_empty)
{
    link_up();
    set_many(a, 0, 200, "v");
    settle_in_sync();
    node_crash(b);
    wire_lose(&p.wire, 0);
    set(a, "meanwhile", "x");
    node_start(b);
    settle_in_sync();
    ck_assert(a->core.active);
    ck_assert_uint_eq(b->store.items, 202);
}
END_TEST

/* The active node restarts so fast that clients never left it: it is refilled, and
 * changes by clients meanwhile are not overwritten. */
START_TEST(test_active_restarts_empty)
{
    link_up();
    set_many(a, 0, 300, "old");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "key 7", "new");
    ck_assert_int_eq(node_delete(a, "key 8"), CHANGE_OK);
    wire_connect(&p.wire);
    while (a->store.items < 150) {
        one_round();
    }
    for (unsigned i = 100; i < 170; i++)
        set(a, numbered(i), "during");
    ck_assert_int_eq(node_delete(a, "key 180"), CHANGE_OK); /* its copy is in flight */
    ck_assert_int_eq(node_delete(a, "key 250"), CHANGE_OK);
    settle_in_sync();
    ck_assert(a->core.active);
    both_have("key 7", "new");
    both_have("key 8", NULL);
    both_have("key 180", NULL);
    both_have("key 250", NULL);
    for (unsigned i = 100; i < 170; i++)
        both_have(numbered(i), "during");
    unsigned found = 0;
    for (unsigned i = 0; i < 300; i++)
        found += node_has(a, numbered(i), NULL) ? 0 : 1;
    ck_assert_uint_ge(found, 270); /* except for neighbours of changed keys */
}
END_TEST

START_TEST(test_flush_during_a_refill)
{
    link_up();
    set_many(a, 0, 100, "old");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "x", "y");
    wire_connect(&p.wire);
    while (a->store.items < 50) {
        one_round();
    }
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, 0);
    ck_assert_uint_eq(b->store.items, 0);
}
END_TEST

/* b has replicated with another node since, and holds keys that no map of a knows of. The
 * leader's state is the one that counts, whichever node leads. */
START_TEST(test_a_node_with_another_past)
{
    static const struct link_change of_another = {
        .key = "key 7", .nkey = 5, .value = "another's", .nvalue = 9, .cas = 7
    };
    for (unsigned leader = 0; leader < 2; leader++) {
        restart_pair(NULL);
        link_up();
        set_many(a, 0, 50, "v");
        settle_in_sync();
        wire_cut(&p.wire);
        b->core.met.bytes[0] ^= 1;
        ck_assert(toy_store_ops.put(&b->store, &of_another, NULL));
        set(&p.node[leader], "x", "y");
        settle_in_sync();
        both_have("key 7", leader == 0 ? "v" : "another's");
        both_have("x", "y");
        uint64_t copied = items_copied();
        wire_cut(&p.wire);
        settle_in_sync();
        ck_assert_uint_eq(items_copied(), copied); /* related now */
    }
}
END_TEST

/* Whether clients have written to the empty node or not. */
START_TEST(test_survivor_of_a_half_copy_is_not_wiped)
{
    for (unsigned terms = 0; terms < 3; terms++) {
        restart_pair(NULL);
        set_many(a, 0, 500, "v");
        wire_connect(&p.wire);
        while (b->store.items < 200) {
            one_round();
        }
        node_crash(a);
        wire_lose(&p.wire, 1);
        size_t left = b->store.items;
        node_start(a);
        for (unsigned i = 0; i < terms; i++) {
            node_demote(a);
            node_promote(a);
        }
        wire_connect(&p.wire);
        while (!b->core.session.merged) {
            one_round();
        }
        ck_assert(map_is_empty(&b->core.missing)); /* nobody has the rest */
        settle_in_sync();
        ck_assert_uint_eq(a->store.items, left);
        ck_assert_uint_eq(b->store.items, left);
    }
}
END_TEST

START_TEST(test_fail_over_and_back)
{
    char value[20];
    set(a, "first", "1");
    for (unsigned i = 0; i < 20; i++) {
        struct node *active = &p.node[i % 2], *other = &p.node[1 - i % 2];
        settle_in_sync();
        snprintf(value, sizeof(value), "%u", i);
        set(active, "k", value);
        settle_in_sync();
        node_crash(active);
        wire_lose(&p.wire, other->number);
        ck_assert(node_has(other, "k", value));
        set(other, "l", value);
        node_start(active);
    }
    settle_in_sync();
    both_have("first", "1");
    both_have("k", "19");
}
END_TEST

/* ---- configurations */

/* Nodes with maps of different sizes: what one node purges, the other one copies. */
START_TEST(test_maps_of_different_sizes)
{
    for (unsigned who = 0; who < 2; who++) {
        struct pair_config config = { .map_bits = { 6, 6 }, .journal_bytes = 4096 };
        config.map_bits[who] = 12;
        restart_pair(&config);
        set_many(a, 0, 1000, "v");
        settle_in_sync();
        ck_assert_uint_eq(b->store.items, 1000);
        wire_cut(&p.wire);
        set(a, "key 3", "new");
        settle_in_sync();
        ck_assert_uint_eq(b->store.items, 1000);
        set_many(a, 0, 400, "overflow"); /* of the journal */
        settle_in_sync();
        ck_assert_uint_eq(b->store.items, 1000);
        wire_cut(&p.wire);
        set(b, "key 4", "b");
        set(a, "key 900", "a");
        settle_in_sync();
        both_have("key 3", "overflow");
        set(b, "key 5", "promoted");
        settle_in_sync();
        both_have("key 5", "promoted");
    }
}
END_TEST

/* A store that allows one scan at a time: the purge and the copy take turns. */
START_TEST(test_one_scan_at_a_time)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .single_scan = true };
    restart_pair(&config);
    link_up();
    set_many(a, 0, 500, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set_many(a, 0, 200, "a");
    set_many(b, 300, 500, "b");
    settle_in_sync();
    set_many(b, 0, 500, "w");
    settle_in_sync();
    both_have("key 499", "w");
}
END_TEST

/* A store whose own CAS values say nothing about age compared with adopted ones. */
START_TEST(test_purge_in_a_store_without_a_cas_clock)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .own_cas = true };
    restart_pair(&config);
    link_up();
    for (unsigned round = 0; round < 3; round++)
        set_many(a, 0, 300, "v");
    settle();
    ck_assert(pair_same(&p, NULL, 0));
    for (unsigned i = 0; i < 300; i++)
        ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
    settle();
    ck_assert_uint_eq(b->store.items, 1);
    wire_cut(&p.wire);
    set(a, "both", "a");
    set(b, "both", "b");
    settle();
    both_have("both", NULL);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_split_brain,
        test_unshipped_changes_are_recovered,
        test_writes_during_the_merge,
        test_standby_restarts_empty,
        test_active_restarts_empty,
        test_flush_during_a_refill,
        test_a_node_with_another_past,
        test_survivor_of_a_half_copy_is_not_wiped,
        test_fail_over_and_back,
        test_maps_of_different_sizes,
        test_one_scan_at_a_time,
        test_purge_in_a_store_without_a_cas_clock,
    };
    return unit_run_with("recovery", setup, teardown, tests, N_ELEMENTS(tests));
}
