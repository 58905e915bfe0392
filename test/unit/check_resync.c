/* Copies of a part or the whole: after cuts, overflow, split brain and restarts; over
 * unlike nodes and stores. */
#include "test/unit/core_rig.h"

/* ---- cuts */

START_TEST(test_only_dirty_buckets_are_copied)
{
    link_up();
    set_many(a, 0, 2000, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    uint64_t copied = items_copied();
    set(a, "key 5", "new");
    ck_assert_int_eq(node_delete(a, "key 6"), CHANGE_OK);
    settle_in_sync();
    both_have("key 5", "new");
    both_have("key 6", NULL);
    ck_assert_uint_le(items_copied() - copied, 20); /* of 2 buckets of 1024 */
    ck_assert_uint_eq(a->core.count.resyncs_partial, 1);
}
END_TEST

START_TEST(test_frames_lost_on_the_way_are_copied)
{
    link_up();
    set_many(a, 0, 300, "v");
    while (node_work(a))
        continue;
    for (unsigned i = 0; i < 100; i++)
        wire_deliver(&p.wire, 1, false);
    wire_cut(&p.wire);
    ck_assert_uint_gt(map_count(&a->core.dirty), 0);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 301);
}
END_TEST

/* One side notices late; meanwhile its peer has taken up with it anew. */
START_TEST(test_cut_noticed_by_one_side)
{
    for (unsigned who = 0; who < 2; who++) {
        restart_pair(NULL);
        link_up();
        set(a, "k", "1");
        node_work(a);
        wire_lose(&p.wire, who);
        set(a, "k", "2");
        node_work(a);
        wire_connect(&p.wire);
        settle_in_sync();
        both_have("k", "2");
    }
}
END_TEST

START_TEST(test_a_copy_cut_in_the_middle_is_finished)
{
    set_many(a, 0, 1000, "v");
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 200; i++) {
        one_round();
    }
    ck_assert_uint_gt(b->store.items, 0);
    ck_assert_uint_lt(b->store.items, 1000);
    wire_cut(&p.wire);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 1000);
}
END_TEST

/* A standby promoted in the middle of its first copy owes and is owed. */
START_TEST(test_promotion_in_the_middle_of_a_copy)
{
    set_many(a, 0, 1000, "v");
    wire_connect(&p.wire);
    while (b->store.items < 300) {
        one_round();
    }
    set(b, "key 999", "new");
    settle_in_sync();
    ck_assert(b->core.active);
    ck_assert_uint_ge(b->store.items, 990); /* the bucket of that key was in dispute */
    both_have("key 999", "new");
    both_have("key 1", "v");
}
END_TEST

/* ---- stores that cannot do what they are asked for, for a while */

/* In sync is said when it is so, however often the stores fail on the way. */
static void settle_with_failures(unsigned one_in)
{
    char why[400] = "";
    unsigned n = 0;
    do {
        a->store.one_in_fails = b->store.one_in_fails = one_in;
        ck_assert(pair_settle(&p));
        a->store.one_in_fails = b->store.one_in_fails = 0;
        ck_assert_uint_lt(++n, 10000);
    } while (!pair_in_sync(&p));
    ck_assert_msg(pair_same(&p, why, sizeof(why)), "one in %u: %s", one_in, why);
    ck_assert_uint_gt(a->core.count.store_failures + b->core.count.store_failures, 0);
}

START_TEST(test_a_copy_by_a_store_that_fails)
{
    for (unsigned one_in = 2; one_in < 60; one_in += 1 + one_in / 4) {
        restart_pair(NULL);
        set_many(a, 0, 200, "v");
        settle_with_failures(one_in);
        ck_assert_uint_eq(b->store.items, 200);
    }
}
END_TEST

START_TEST(test_a_purge_in_a_store_that_fails)
{
    for (unsigned one_in = 2; one_in < 60; one_in += 1 + one_in / 4) {
        restart_pair(NULL);
        link_up();
        set_many(a, 0, 200, "v");
        settle_in_sync();
        wire_cut(&p.wire);
        for (unsigned i = 0; i < 200; i += 2)
            ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
        settle_with_failures(one_in);
        both_have("key 4", NULL);
        both_have("key 5", "v");
    }
}
END_TEST

START_TEST(test_changes_of_a_store_that_fails)
{
    for (unsigned one_in = 2; one_in < 60; one_in += 1 + one_in / 4) {
        restart_pair(NULL);
        link_up();
        set_many(a, 0, 100, "v");
        settle_in_sync();
        set_many(a, 50, 150, "new");
        toy_store_evict(&a->store, "key 3", 5);
        ck_assert(!node_incr(a, "key 3", "4"));
        for (unsigned i = 0; i < 50; i += 2)
            ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
        settle_with_failures(one_in);
        both_have("key 4", NULL);
        both_have("key 3", NULL);
        both_have("key 55", "new");
    }
}
END_TEST

/* The leader cannot take what only the peer has: it says what is lost. */
START_TEST(test_a_refill_without_room_is_told)
{
    set_many(a, 0, 100, "value");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "x", "y");
    a->store.value_max = 3;
    settle();
    ck_assert_uint_eq(a->core.count.apply_failed, 100);
    ck_assert_ptr_nonnull(strstr(a->core.last_error, "could not take an item"));
}
END_TEST

/* ---- overflow: R13 */

START_TEST(test_overflow_is_repaired)
{
    const struct pair_config config = { .map_bits = { 10, 10 }, .journal_bytes = 4096 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, 3000, "v");
    ck_assert_uint_gt(map_count(&a->core.dirty), 0);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 3001);
    ck_assert_int_eq(node_delete(a, "key 1"), CHANGE_OK);
    settle_in_sync();
    both_have("key 1", NULL);
}
END_TEST

START_TEST(test_deletes_through_an_overflow)
{
    const struct pair_config config = { .map_bits = { 8, 8 }, .journal_bytes = 4096 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, 500, "v");
    settle_in_sync();
    for (unsigned i = 0; i < 500; i++)
        ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 1);
}
END_TEST

/* Clients change on while the repair runs; new dirt is not cleared by its end. */
START_TEST(test_overflow_during_the_repair)
{
    const struct pair_config config = { .map_bits = { 8, 8 }, .journal_bytes = 4096 };
    char value[20];
    unsigned n = 0;
    restart_pair(&config);
    link_up();
    set_many(a, 0, 500, "v");
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(value, sizeof(value), "%u", i);
        set(a, numbered(n++ % 500), value);
        if (i % 3 == 0)
            node_work(a);
        node_work(b);
        wire_deliver(&p.wire, 0, false);
        wire_deliver(&p.wire, 1, false);
    }
    settle_in_sync();
    both_have(numbered((n - 1) % 500), "2999");
}
END_TEST

/* A peer that takes nothing: clients go on, memory stays bounded, all is made good. */
START_TEST(test_a_peer_that_is_stuck)
{
    char value[1001];
    memset(value, 'x', 1000);
    value[1000] = '\0';
    link_up();
    wire_hold(&p.wire, 0, true);
    for (unsigned i = 0; i < 20000; i++) {
        set(a, numbered(i % 5000), value);
        if (i % 50 == 0)
            node_work(a);
    }
    const struct wire_connection *c = &p.wire.connections[p.wire.end[0].session];
    ck_assert_uint_le(buffer_length(&c->pipe[1]), 2 << 20);
    AZ(pthread_mutex_lock(&a->core.lock));
    ck_assert_int_eq(repl_core_need(&a->core), NEED_PEER);
    AZ(pthread_mutex_unlock(&a->core.lock));
    wire_hold(&p.wire, 0, false);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 5001);
}
END_TEST

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

/* What the old active accepted but never shipped is recovered. */
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

/* The active restarts so fast that clients never left it: it is refilled, and what
 * clients change meanwhile is not overwritten. */
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
    ck_assert_int_eq(node_delete(a, "key 180"), CHANGE_OK); /* its copy is on the way */
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
    ck_assert_uint_ge(found, 270); /* but for neighbours of what was touched */
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

/* The only one that could fill it is gone for good: what it has is all there is. */
/* b has replicated with another node since, and holds what no map of a knows of; the
 * leader's state is the one that counts, whoever leads. */
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
        ck_assert(toy_store_ops.put(&b->store, &of_another));
        set(&p.node[leader], "x", "y");
        settle_in_sync();
        both_have("key 7", leader == 0 ? "v" : "another's");
        both_have("x", "y");
        uint64_t copied = items_copied();
        wire_cut(&p.wire);
        settle_in_sync();
        ck_assert_uint_eq(items_copied(), copied); /* strangers no more */
    }
}
END_TEST

START_TEST(test_survivor_of_a_half_copy_is_not_wiped)
{
    set_many(a, 0, 500, "v");
    wire_connect(&p.wire);
    while (b->store.items < 200) {
        one_round();
    }
    node_crash(a);
    wire_lose(&p.wire, 1);
    size_t left = b->store.items;
    node_start(a);
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, left);
    ck_assert_uint_eq(b->store.items, left);
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

/* Nodes with maps of different sizes: what is purged there is copied from here. */
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

/* A store that runs one walk at a time: the purge and the copy take turns. */
START_TEST(test_one_walk_at_a_time)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .single_walk = true };
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

/* A store whose own CAS numbers say nothing about age next to those adopted. */
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
        test_only_dirty_buckets_are_copied,
        test_frames_lost_on_the_way_are_copied,
        test_cut_noticed_by_one_side,
        test_a_copy_cut_in_the_middle_is_finished,
        test_promotion_in_the_middle_of_a_copy,
        test_a_copy_by_a_store_that_fails,
        test_a_purge_in_a_store_that_fails,
        test_changes_of_a_store_that_fails,
        test_a_refill_without_room_is_told,
        test_overflow_is_repaired,
        test_deletes_through_an_overflow,
        test_overflow_during_the_repair,
        test_a_peer_that_is_stuck,
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
        test_one_walk_at_a_time,
        test_purge_in_a_store_without_a_cas_clock,
    };
    return unit_run_with("resync", setup, teardown, tests, N_ELEMENTS(tests));
}
