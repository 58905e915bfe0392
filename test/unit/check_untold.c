/* Evictions that the peer was not told of: both nodes come to hold the same (R24). */
#include "test/unit/core_rig.h"

enum { MANY = 4000 }; /* notices of so many find no room */

static void full_pair(unsigned n)
{
    link_up();
    set_many(a, 0, n, "v");
    settle_in_sync();
}

/* Seconds pass, and nothing says that the nodes are not in sync. */
static void rest(unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        pair_pass(&p, 100);
        while (node_work(a) || node_work(b) || wire_deliver(&p.wire, 0, false) ||
               wire_deliver(&p.wire, 1, false))
            ck_assert(pair_in_sync(&p));
    }
}

static void alike_after(unsigned seconds)
{
    rest(seconds);
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).untold_buckets, 0);
    ck_assert_uint_eq(figures_of(b).untold_buckets, 0);
}

static void evict_many(struct node *n, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        node_evict(n, numbered(i));
}

START_TEST(test_notices_without_room)
{
    full_pair(MANY);
    struct repl_counters before = a->core.count;
    evict_many(a, 0, MANY - 10);
    ck_assert_uint_gt(figures_of(a).notices_lost, 0);
    settle();
    ck_assert(!pair_same(&p, NULL, 0));
    ck_assert_uint_eq(figures_of(a).at_risk, 0);
    alike_after(3);
    both_have("key 0", NULL);
    both_have(numbered(MANY - 11), NULL);
    both_have(numbered(MANY - 1), "v");
    ck_assert_uint_eq(a->core.count.shipped, before.shipped); /* no change */
    ck_assert_uint_eq(a->core.count.resyncs_partial, before.resyncs_partial);
}
END_TEST

/* What was sent, and lost with the link. */
START_TEST(test_notices_on_their_way)
{
    full_pair(20);
    node_evict(a, "key 7");
    node_work(a);
    ck_assert_uint_eq(a->core.count.notices_out, 1);
    wire_cut(&p.wire);
    node_evict(a, "key 8"); /* nobody is there */
    settle();
    ck_assert(node_has(b, "key 7", "v") && node_has(b, "key 8", "v"));
    alike_after(3);
    both_have("key 7", NULL);
    both_have("key 8", NULL);
}
END_TEST

/* They give their room back though no change follows them. */
START_TEST(test_notices_alone)
{
    full_pair(20);
    node_evict(a, "key 7");
    settle_in_sync();
    uint32_t sent = a->core.session.sent;
    rest(1);
    ck_assert_uint_eq(a->core.session.sent, sent + 1);
    ck_assert_uint_eq(a->core.session.acked, sent + 1);
    wire_cut(&p.wire);
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).untold_buckets, 0);
}
END_TEST

/* It ran out of memory before it was told what to give up. */
START_TEST(test_a_standby_that_evicts_on_its_own)
{
    full_pair(20);
    node_evict(b, "key 7");
    settle();
    ck_assert(node_has(a, "key 7", "v") && node_has(b, "key 7", NULL));
    alike_after(4);
    both_have("key 7", "v");
}
END_TEST

START_TEST(test_both_directions_at_once)
{
    full_pair(MANY);
    evict_many(a, 100, MANY);
    evict_many(b, 0, 50);
    alike_after(5);
    both_have("key 0", "v");
    both_have("key 100", NULL);
}
END_TEST

/* As long as evictions go untold, nothing is repaired. */
START_TEST(test_a_load_that_goes_on)
{
    full_pair(MANY);
    uint64_t before = items_copied();
    for (unsigned i = 0; i < 20; i++) {
        evict_many(a, 100 * i, 100 * (i + 1));
        node_evict(b, numbered(3900 + i));
        pair_pass(&p, 500);
        settle();
    }
    ck_assert_uint_eq(items_copied(), before);
    alike_after(4);
}
END_TEST

/* The new leader is told by the one before what that had not told it. */
START_TEST(test_a_role_that_moves)
{
    full_pair(20);
    wire_cut(&p.wire);
    node_evict(a, "key 7");
    settle();
    node_promote(b);
    settle();
    ck_assert(node_has(a, "key 7", NULL) && node_has(b, "key 7", "v"));
    alike_after(4);
    both_have("key 7", "v");
}
END_TEST

/* The active node has evicted an item untold, and is about to make the bucket alike. */
static void begin_repair(void)
{
    full_pair(20);
    wire_cut(&p.wire);
    node_evict(a, "key 7");
    settle();
    pair_pass(&p, 100);
    pair_pass(&p, 2000);
    while (a->core.session.copy.origin != COPY_UNTOLD)
        node_work(a);
}

START_TEST(test_a_repair_that_is_cut)
{
    begin_repair();
    ck_assert_uint_eq(figures_of(a).in_sync, 1);
    ck_assert_uint_eq(figures_of(a).dirty_buckets, 0);
    wire_cut(&p.wire);
    ck_assert_uint_eq(figures_of(a).untold_buckets, 1);
    ck_assert(node_has(b, "key 7", "v"));
    alike_after(3);
    both_have("key 7", NULL);
}
END_TEST

/* A client's write takes the role in the middle of one. */
START_TEST(test_a_role_that_moves_meanwhile)
{
    begin_repair();
    wire_deliver(&p.wire, 1, false);
    set(b, "key 9", "new");
    settle();
    alike_after(4);
    both_have("key 9", "new");
}
END_TEST

/* What the follower has no room for it evicts again: that must not go on at this pace. */
START_TEST(test_a_repair_that_makes_it_evict)
{
    unsigned times = 0;
    full_pair(20);
    node_evict(b, "key 7");
    for (unsigned i = 0; i < 1200; i++) {
        pair_pass(&p, 100);
        settle();
        times += node_evict(b, "key 7");
    }
    ck_assert_uint_ge(times, 3);
    ck_assert_uint_le(times, 8);
    set(a, "another", "v"); /* the next time is as quick as the first */
    settle();
    node_evict(b, "key 8");
    alike_after(4);
}
END_TEST

START_TEST(test_a_smaller_standby_keeps_less)
{
    struct pair_config config = { .map_bits = { 10, 10 },
                                  .journal_bytes = 64 << 10,
                                  .memory = { 2 << 20, 1 << 20 } };
    restart_pair(&config);
    full_pair(20);
    node_evict(b, "key 7");
    rest(5);
    ck_assert_uint_eq(figures_of(b).untold_buckets, 0);
    ck_assert(node_has(a, "key 7", "v") && node_has(b, "key 7", NULL));
    wire_cut(&p.wire); /* of the other direction it is told */
    node_evict(a, "key 8");
    settle();
    rest(3);
    both_have("key 8", NULL);
}
END_TEST

/* All that such a peer has comes from here: it is not copied twice. */
START_TEST(test_a_peer_that_was_away_for_good)
{
    full_pair(20);
    node_crash(b);
    wire_lose(&p.wire, 0);
    evict_many(a, 0, 10);
    node_start(b);
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).untold_buckets, 0);
}
END_TEST

/* What the leader's store had evicted in a bucket that it was missing. */
START_TEST(test_a_leader_that_is_being_filled)
{
    full_pair(20);
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "other", "1");
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100 && node_has(a, "key 1", NULL); i++)
        one_round();
    ck_assert(!map_is_empty(&a->core.missing));
    node_evict(a, "key 1");
    settle();
    alike_after(3);
}
END_TEST

START_TEST(test_a_store_without_numbers)
{
    struct pair_config config = { .map_bits = { 10, 10 },
                                  .journal_bytes = 64 << 10,
                                  .own_cas = true };
    restart_pair(&config);
    full_pair(20);
    node_evict(b, "key 7");
    rest(3);
    ck_assert_uint_eq(figures_of(b).untold_buckets, 0);
}
END_TEST

START_TEST(test_maps_of_different_sizes)
{
    for (unsigned i = 0; i < 2; i++) {
        struct pair_config config = { .map_bits = { 10, 10 }, .journal_bytes = 64 << 10 };
        config.map_bits[i] = 13;
        restart_pair(&config);
        full_pair(20);
        node_evict(b, "key 7");
        alike_after(4);
        both_have("key 7", "v");
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_notices_without_room,
        test_notices_on_their_way,
        test_notices_alone,
        test_a_standby_that_evicts_on_its_own,
        test_both_directions_at_once,
        test_a_load_that_goes_on,
        test_a_role_that_moves,
        test_a_repair_that_is_cut,
        test_a_role_that_moves_meanwhile,
        test_a_repair_that_makes_it_evict,
        test_a_smaller_standby_keeps_less,
        test_a_peer_that_was_away_for_good,
        test_a_leader_that_is_being_filled,
        test_a_store_without_numbers,
        test_maps_of_different_sizes,
    };
    return unit_run_with("untold", setup, teardown, tests, N_ELEMENTS(tests));
}
