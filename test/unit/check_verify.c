/* The comparison of both nodes: what it finds, what it ignores, what ends it. */
#include "base/check.h"
#include "base/hash.h"
#include "test/unit/core_rig.h"

static const char *begin(struct node *n)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    const char *why = repl_core_verify_begin(&n->core);
    AZ(pthread_mutex_unlock(&n->core.lock));
    return why;
}

static void filled_pair(void)
{
    set_many(a, 0, 200, "v");
    settle_in_sync();
}

static const struct repl_difference *compare(void)
{
    ck_assert_ptr_null(begin(a));
    ck_assert(pair_run(&p));
    ck_assert_int_eq(a->core.verify.state, VERIFY_DONE);
    ck_assert_int_eq(b->core.verify.state, VERIFY_NONE);
    ck_assert(!(gate_flags(&a->core.gate) & GATE_WRITTEN));
    return a->core.verify.found;
}

/* Changes one store behind replication's back. */
static void tamper(struct node *n, const char *key, const struct link_change *as)
{
    struct repl_item it;
    struct link_change c = *as;
    uint64_t cas = 0;
    c.key = key;
    c.nkey = (uint16_t)strlen(key);
    if (toy_store_ops.lookup(&n->store, c.key, c.nkey, &it)) {
        cas = it.state.cas;
        toy_store_ops.release(&n->store, it.item);
    }
    if (c.cas == 0)
        c.cas = cas;
    ck_assert(toy_store_ops.put(&n->store, &c, NULL));
}

START_TEST(test_equal_nodes)
{
    filled_pair();
    const struct repl_difference *found = compare();
    ck_assert_uint_eq(a->core.verify.round, 0);
    ck_assert_uint_eq(found[0].compared, 200);
    ck_assert_uint_eq(found[0].unequal + found[0].absent + found[0].left_out, 0);
}
END_TEST

START_TEST(test_empty_nodes)
{
    settle_in_sync();
    node_promote(a);
    settle_in_sync();
    const struct repl_difference *found = compare();
    ck_assert_uint_eq(found[0].compared + found[0].unequal + found[0].absent, 0);
}
END_TEST

/* Each is in a bucket of its own, and differs in another part of the item. */
START_TEST(test_unequal_items_are_repaired)
{
    static const struct link_change as[] = {
        { .value = "w", .nvalue = 1 },
        { .value = "v", .nvalue = 1, .flags = 7 },
        { .value = "v", .nvalue = 1, .exptime = 2000 },
        { .value = "v", .nvalue = 1, .cas = 12345 },
        { .value = "v", .nvalue = 1, .credit = LINK_MARKS },
    };
    for (unsigned i = 0; i < N_ELEMENTS(as); i++) {
        restart_pair(NULL);
        filled_pair();
        tamper(b, "key 7", &as[i]);
        ck_assert(!pair_same(&p, NULL, 0));
        const struct repl_difference *found = compare();
        ck_assert_uint_eq(found[0].unequal, 1);
        ck_assert_uint_eq(found[0].absent, 0);
        ck_assert_uint_eq(found[0].nsample, 1);
        ck_assert_uint_eq(found[0].sample[0],
                          map_bucket(&a->core.dirty, hash_key("key 7", 5)));
        ck_assert_uint_eq(a->core.verify.round, 1);
        ck_assert_uint_eq(found[1].unequal + found[1].absent, 0);
        ck_assert_uint_eq(found[1].compared, 200);
        settle_in_sync();
        both_have("key 7", "v");
    }
}
END_TEST

START_TEST(test_items_on_one_node_are_found)
{
    filled_pair();
    static const struct link_change extra = { .value = "w", .nvalue = 1, .cas = 5 };
    node_evict(b, "key 3");
    tamper(b, "a key of b alone", &extra);
    const struct repl_difference *found = compare();
    ck_assert_uint_eq(found[0].unequal, 0);
    ck_assert_uint_eq(found[0].absent, 2);
    ck_assert_uint_eq(found[1].unequal + found[1].absent, 0);
    settle_in_sync();
    both_have("key 3", "v");
    both_have("a key of b alone", NULL);
}
END_TEST

/* One message at a time; a client changes something after some of them. */
static unsigned compare_under_load(void)
{
    unsigned changes = 0;
    ck_assert_ptr_null(begin(a));
    for (unsigned i = 0; a->core.verify.state < VERIFY_DONE && i < 100000; i++) {
        one_round();
        if (i % 4 != 0)
            continue;
        if (++changes % 5 == 0)
            ck_assert_int_eq(node_delete(a, numbered(changes % 50)), CHANGE_OK);
        else
            set(a, numbered(changes % 50), "changed");
    }
    ck_assert_int_eq(a->core.verify.state, VERIFY_DONE);
    return changes;
}

START_TEST(test_what_clients_change_is_left_out)
{
    filled_pair();
    unsigned changes = compare_under_load();
    const struct repl_difference *found = a->core.verify.found;
    ck_assert_uint_gt(changes, 50);
    ck_assert_uint_eq(a->core.verify.round, 0);
    ck_assert_uint_eq(found[0].unequal + found[0].absent, 0);
    ck_assert_uint_gt(found[0].left_out, 0);
    ck_assert_uint_le(found[0].left_out, 50);
    settle_in_sync();
}
END_TEST

START_TEST(test_a_difference_is_found_under_load)
{
    static const struct link_change wrong = { .value = "w", .nvalue = 1 };
    filled_pair();
    tamper(b, "key 123", &wrong);
    compare_under_load();
    ck_assert_uint_eq(a->core.verify.found[0].unequal, 1);
    settle_in_sync();
    both_have("key 123", "v");
}
END_TEST

/* An item that is about to expire may be gone on one node a moment earlier. */
START_TEST(test_expiry_is_no_difference)
{
    struct link_change c = { .key = "short", .nkey = 5, .value = "x", .nvalue = 1 };
    filled_pair();
    c.exptime = 5;
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    settle_in_sync();
    node_evict(b, "short");
    const struct repl_difference *found = compare();
    ck_assert_uint_eq(found[0].absent, 0);
    ck_assert_uint_eq(found[0].compared, 200);
}
END_TEST

START_TEST(test_a_cut_ends_it)
{
    filled_pair();
    ck_assert_ptr_null(begin(a));
    node_work(a);
    wire_cut(&p.wire);
    ck_assert_int_eq(a->core.verify.state, VERIFY_FAILED);
    ck_assert_ptr_nonnull(a->core.verify.why);
    settle_in_sync();
    compare();
}
END_TEST

/* Also at the follower, half-way through its answer; later ones are not affected. */
START_TEST(test_a_promotion_ends_it)
{
    filled_pair();
    node_evict(b, "key 3"); /* not a client's change: only a comparison finds it */
    ck_assert_ptr_null(begin(a));
    while (b->core.verify.state != VERIFY_ANSWER) {
        node_work(a);
        ck_assert(wire_deliver(&p.wire, 1, false) || wire_deliver(&p.wire, 0, false));
    }
    node_promote(b);
    settle();
    ck_assert_int_eq(a->core.verify.state, VERIFY_FAILED);
    ck_assert_ptr_null(begin(b));
    ck_assert(pair_run(&p));
    ck_assert_int_eq(b->core.verify.state, VERIFY_DONE);
    ck_assert_uint_eq(b->core.verify.found[0].absent, 1); /* b lost it, a has it */
    ck_assert_uint_eq(b->core.verify.found[1].absent, 0);
}
END_TEST

/* A repair during the comparison would make the follower miss items for a while. */
START_TEST(test_an_overflow_meanwhile_is_repaired_after_it)
{
    struct pair_config config = { .map_bits = { 10, 6 }, .journal_bytes = 1024 };
    restart_pair(&config);
    filled_pair();
    ck_assert_ptr_null(begin(a));
    while (a->core.verify.state == VERIFY_SETTLE)
        ck_assert(node_work(a) || wire_deliver(&p.wire, 0, false));
    set_many(a, 100, 200, "much");
    ck_assert(!map_is_empty(&a->core.dirty));
    ck_assert(pair_run(&p));
    ck_assert_int_eq(a->core.verify.state, VERIFY_DONE);
    ck_assert_uint_eq(a->core.verify.found[0].absent, 0);
    ck_assert_uint_eq(a->core.verify.found[0].unequal, 0);
    settle_in_sync();
}
END_TEST

START_TEST(test_reasons_against_it)
{
    ck_assert_ptr_nonnull(strstr(begin(a), "no peer"));
    set(b, "k", "v");
    settle_in_sync();
    ck_assert_ptr_nonnull(strstr(begin(a), "the peer leads"));
    ck_assert_ptr_null(begin(b));
    ck_assert_ptr_nonnull(strstr(begin(b), "under way"));
    ck_assert(pair_run(&p));
    node_crash(b);
    wire_lose(&p.wire, 0);
    node_start(b);
    set(b, "x", "y");
    wire_connect(&p.wire);
    while (!b->core.session.merged) {
        node_work(b);
        for (unsigned i = 0; i < 2; i++) {
            wire_deliver(&p.wire, i, true);
            wire_deliver(&p.wire, i, false);
        }
    }
    ck_assert_ptr_nonnull(strstr(begin(b), "being filled"));
    settle_in_sync();
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_equal_nodes,
        test_empty_nodes,
        test_unequal_items_are_repaired,
        test_items_on_one_node_are_found,
        test_what_clients_change_is_left_out,
        test_a_difference_is_found_under_load,
        test_expiry_is_no_difference,
        test_a_cut_ends_it,
        test_a_promotion_ends_it,
        test_an_overflow_meanwhile_is_repaired_after_it,
        test_reasons_against_it,
    };
    return unit_run_with("verify", setup, teardown, tests, N_ELEMENTS(tests));
}
