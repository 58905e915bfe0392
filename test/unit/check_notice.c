/* What the active node's store does on its own, and how the standby reacts. */
#include "test/unit/core_rig.h"

static void full_pair(unsigned n)
{
    link_up();
    set_many(a, 0, n, "v");
    settle_in_sync();
}

static void status_of(struct node *n, struct repl_status *status)
{
    repl_core_status(&n->core, status);
}

START_TEST(test_an_eviction_is_repeated)
{
    struct repl_status before, after;
    full_pair(20);
    status_of(a, &before);
    node_evict(a, "key 7");
    status_of(a, &after);
    ck_assert(node_has(b, "key 7", "v"));
    ck_assert_uint_eq(after.at_risk, 0);
    ck_assert_uint_eq(after.pending, 0);
    ck_assert_uint_eq(after.in_sync, 1);
    settle_in_sync();
    both_have("key 7", NULL);
    status_of(a, &after);
    ck_assert_uint_eq(after.count.shipped, before.count.shipped);
    ck_assert_uint_eq(after.dirty_buckets, 0);
    ck_assert_uint_eq(items_copied(), 1); /* the first write */
    ck_assert(a->core.active && !b->core.active);
}
END_TEST

START_TEST(test_a_newer_item_stays)
{
    full_pair(20);
    node_evict(a, "key 7");
    set(a, "key 7", "new");
    settle_in_sync();
    both_have("key 7", "new");
}
END_TEST

/* The order of messages does not matter: the notice contains the CAS. */
START_TEST(test_an_old_notice_does_nothing)
{
    struct link_note old = { .key = "key 7", .nkey = 5, .kind = LINK_NOTE_EVICTED };
    struct repl_item it;
    full_pair(20);
    ck_assert(toy_store_ops.lookup(&b->store, "key 7", 5, &it));
    old.cas = it.state.cas;
    toy_store_ops.release(&b->store, it.item);
    set(a, "key 7", "new");
    settle_in_sync();
    notice_take(&a->core, &old);
    settle_in_sync();
    both_have("key 7", "new");
}
END_TEST

START_TEST(test_a_standby_tells_nothing)
{
    full_pair(20);
    node_evict(b, "key 7");
    settle();
    ck_assert(node_has(a, "key 7", "v") && node_has(b, "key 7", NULL));
    ck_assert_uint_eq(b->core.count.notices_out, 0);
}
END_TEST

/* Nobody needs to know of it at once. */
START_TEST(test_without_a_link_nothing_is_told)
{
    full_pair(20);
    wire_cut(&p.wire);
    node_evict(a, "key 7");
    settle();
    ck_assert(pair_in_sync(&p));
    ck_assert(node_has(b, "key 7", "v")); /* an extra item, but correct */
    node_evict(a, "key 8");
    wire_cut(&p.wire);
    settle();
    ck_assert(node_has(b, "key 8", "v")); /* the notice's session is over */
}
END_TEST

/* It has evicted a key that clients turn out to want. */
START_TEST(test_a_standby_asks_for_what_is_read)
{
    full_pair(20);
    uint64_t before = a->core.count.shipped;
    node_evict(b, "key 7");
    node_read(a, "key 7");
    node_read(a, "key 8");
    settle_in_sync();
    both_have("key 7", "v");
    ck_assert_uint_eq(a->core.count.shipped,
                      before); /* this does not count as a change */
}
END_TEST

/* a restarts empty and has received a key from b when the link breaks. It evicts the key
 * while it is sent once more: b must not lose it. */
START_TEST(test_what_comes_again_is_not_told)
{
    full_pair(3);
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "other", "1");
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100 && node_has(a, "key 1", NULL); i++)
        one_round();
    ck_assert(node_has(a, "key 1", "v"));
    wire_cut(&p.wire);
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100 && b->core.count.resync_items < 2 * 3; i++)
        one_round();
    ck_assert(!map_is_empty(&a->core.missing));
    node_evict(a, "key 1");
    settle_in_sync();
    ck_assert(node_has(b, "key 1", "v"));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_an_eviction_is_repeated,        test_a_newer_item_stays,
        test_an_old_notice_does_nothing,     test_a_standby_tells_nothing,
        test_without_a_link_nothing_is_told, test_a_standby_asks_for_what_is_read,
        test_what_comes_again_is_not_told,
    };
    return unit_run_with("notice", setup, teardown, tests, N_ELEMENTS(tests));
}
