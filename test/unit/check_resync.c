/* Copies of a part or of everything: after cuts and overflow, and with failing stores. */
#include "test/unit/core_rig.h"

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
    ck_assert_uint_gt(figures_of(a).at_risk, 0);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 301);
}
END_TEST

/* One side notices late; meanwhile its peer has already reconnected. */
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

/* A standby promoted in the middle of its first copy has to send and to receive. */
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
    ck_assert_uint_ge(b->store.items, 990); /* both had changed the bucket of that key */
    both_have("key 999", "new");
    both_have("key 1", "v");
}
END_TEST

/* ---- stores that fail for a while */

/* The nodes report "in sync" only if it is true, however often the stores fail. */
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

/* The leader cannot store items that only the peer has: it reports what is lost. */
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
    ck_assert_ptr_nonnull(strstr(a->core.fault.text, "could not take an item"));
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

/* Clients continue to change keys during the repair; its end must not clear new bits of
 * `dirty`. */
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

/* A peer that reads nothing: clients continue, memory stays bounded, all is repaired. */
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
    };
    return unit_run_with("resync", setup, teardown, tests, N_ELEMENTS(tests));
}
