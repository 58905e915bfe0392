/* Copies by parts: what a break costs, and what is never taken away. */
#include "base/hash.h"
#include "test/unit/core_rig.h"

enum { MANY = 2000 };

static const char *resync(struct node *n)
{
    repl_core_lock(&n->core);
    const char *why = repl_core_resync(&n->core);
    repl_core_unlock(&n->core);
    return why;
}

/* Of a millisecond each. */
static void rounds(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        one_round();
        pair_pass(&p, 1);
    }
}

/* ---- what a break costs */

/* Each link lasts for a twentieth of the copy. */
START_TEST(test_a_fill_that_is_cut_again_and_again)
{
    unsigned cuts = 0;
    set_many(a, 0, MANY, "v");
    while (!pair_in_sync(&p) && cuts < 100) {
        wire_connect(&p.wire);
        rounds(200);
        if (!pair_in_sync(&p)) {
            wire_cut(&p.wire);
            cuts++;
        }
    }
    ck_assert_uint_gt(cuts, 5);
    ck_assert_uint_lt(cuts, 100);
    ck_assert_uint_lt(items_copied(), 3 * MANY);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, MANY);
}
END_TEST

/* No link lasts for as long as the first part takes. */
START_TEST(test_parts_become_as_small_as_the_link_needs)
{
    unsigned cuts = 0;
    set_many(a, 0, MANY, "v");
    for (; !pair_in_sync(&p) && cuts < MANY; cuts++) {
        wire_connect(&p.wire);
        rounds(30);
        if (!pair_in_sync(&p))
            wire_cut(&p.wire);
    }
    ck_assert_uint_gt(cuts, 64); /* so many parts there are at first */
    ck_assert_uint_lt(cuts, MANY);
    settle_in_sync();
}
END_TEST

START_TEST(test_a_cut_repair_goes_on_where_it_was)
{
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set_many(a, 0, MANY, "w");
    uint64_t before = items_copied();
    for (unsigned i = 0; i < 5; i++) {
        wire_connect(&p.wire);
        rounds(500);
        ck_assert_uint_eq(b->store.items, MANY + 1); /* nothing is ever emptied */
        wire_cut(&p.wire);
    }
    settle_in_sync();
    ck_assert_uint_lt(items_copied() - before, 2 * MANY);
}
END_TEST

/* Changes that find no room come again and again: the rest has its turn all the same. */
START_TEST(test_a_fill_beside_an_overflow)
{
    const struct pair_config config = { .map_bits = { 10, 10 }, .journal_bytes = 4096 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    return_empty(b);
    for (unsigned i = 0; i < 200 && b->store.items < MANY; i++) {
        set_many(a, 0, 100, numbered(i));
        rounds(100);
    }
    ck_assert_uint_ge(b->store.items, MANY);
    ck_assert_uint_gt(figures_of(a).journal_overflows, 1000);
    settle_in_sync();
}
END_TEST

/* ---- an operator's resync */

START_TEST(test_the_active_dies_during_a_resync)
{
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    for (unsigned n = 1; n < 3000; n += n) {
        ck_assert_ptr_null(resync(a));
        rounds(n);
        ck_assert_uint_eq(b->store.items, MANY + 1);
        ck_assert_uint_eq(figures_of(a).at_risk, 0);
    }
    node_crash(a);
    wire_lose(&p.wire, 1);
    ck_assert_uint_eq(b->store.items, MANY + 1);
    node_start(a);
    settle_in_sync();
}
END_TEST

/* It makes good what went wrong without anybody's notice: old, too much, and missing. */
START_TEST(test_a_resync_replaces)
{
    const struct link_change old = {
        .key = "key 1", .nkey = 5, .value = "old", .nvalue = 3
    };
    const struct link_change more = {
        .key = "more", .nkey = 4, .value = "x", .nvalue = 1
    };
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    toy_store_set(&b->store, &old);
    toy_store_set(&b->store, &more);
    toy_store_delete(&b->store, "key 2", 5);
    ck_assert_ptr_null(resync(a));
    ck_assert(!pair_in_sync(&p));
    settle_in_sync();
    both_have("key 1", "v");
    both_have("key 2", "v");
    both_have("more", NULL);
}
END_TEST

/* It counts as having come all the same: nothing is purged. */
START_TEST(test_what_is_here_is_not_stored_again)
{
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    uint64_t stored = b->store.serial;
    toy_store_touch(&b->store, "key 7", 5, 9);
    ck_assert_ptr_null(resync(a));
    settle_in_sync();
    ck_assert_uint_eq(b->store.serial, stored);
    ck_assert_uint_eq(b->store.items, MANY + 1);
    ck_assert_uint_eq(b->core.count.apply_failed, 0);
}
END_TEST

/* What clients do meanwhile stands, whether the part has passed it or not. */
START_TEST(test_changes_during_a_resync)
{
    char value[20];
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    ck_assert_ptr_null(resync(a));
    for (unsigned i = 0; i < 3 * MANY; i++) {
        snprintf(value, sizeof(value), "%u", i);
        if (i % 11 == 0)
            (void)node_delete(a, numbered(i % (2 * MANY)));
        else
            set(a, numbered(i % (2 * MANY)), value);
        one_round();
    }
    settle_in_sync();
    ck_assert(node_has(b, numbered(MANY - 1), value));
}
END_TEST

/* More than can be noted: what comes in vain is copied again. */
START_TEST(test_more_arrives_than_can_be_noted)
{
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    b->core.arrived.nslots = 16;
    ck_assert_ptr_null(resync(a));
    settle();
    ck_assert(!pair_in_sync(&p));
    for (unsigned i = 0; i < 100 && !pair_in_sync(&p); i++) {
        pair_pass(&p, 1000);
        settle();
    }
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, MANY + 1);
}
END_TEST

/* ---- the link is never deaf */

START_TEST(test_changes_flow_during_a_purge)
{
    const struct pair_config config = { .map_bits = { 6, 6 }, .journal_bytes = 1 << 20 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, 5 * MANY, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    for (unsigned i = 0; i < 5 * MANY; i++)
        ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
    wire_connect(&p.wire);
    while (b->core.purge.goal == NULL) {
        node_work(a);
        for (unsigned n = 0; n < 2; n++) {
            wire_deliver(&p.wire, n, true);
            wire_deliver(&p.wire, n, false);
        }
    }
    set(a, "new", "x"); /* b's purge stands still meanwhile */
    for (unsigned i = 0; i < 5; i++) {
        node_work(a);
        wire_deliver(&p.wire, 1, false);
        wire_deliver(&p.wire, 0, false);
    }
    ck_assert(b->core.purge.goal != NULL);
    ck_assert(node_has(b, "new", "x"));
    ck_assert_uint_eq(figures_of(a).pending, 0);
    settle_in_sync();
    both_have("new", "x");
    both_have("key 1", NULL);
}
END_TEST

/* Everything is to be copied to the peer, though this node is missing most of it itself:
 * what only the peer has comes first. */
START_TEST(test_a_repair_waits_until_its_buckets_are_whole)
{
    link_up();
    wire_cut(&p.wire);
    set_many(a, 0, MANY, "v");
    node_promote(b);
    wire_connect(&p.wire);
    while (b->core.session.lead != LEAD_LEADER || map_is_empty(&b->core.missing))
        one_round();
    repl_core_lock(&b->core);
    map_fill(&b->core.dirty);
    repl_core_unlock(&b->core);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, MANY + 1);
}
END_TEST

/* The role moves away and back before an operator's copy begins: what the peer's clients
 * changed meanwhile is fetched first. */
START_TEST(test_a_copy_waits_until_its_node_is_whole)
{
    link_up();
    set_many(a, 0, 20, "v");
    settle_in_sync();
    ck_assert_ptr_null(resync(a));
    wire_cut(&p.wire);
    node_promote(b);
    set(b, "key 1", "changed");
    set(b, "only here", "x");
    for (unsigned i = 0; i < 2; i++) { /* a's term is the higher one */
        node_demote(a);
        node_promote(a);
    }
    settle_in_sync();
    ck_assert(a->core.active);
    both_have("only here", "x");
    both_have("key 1", "changed");
}
END_TEST

/* ---- a merge is agreed by both, or by none */

/* MAP has come, and MERGE is on its way. */
static void until_the_leader_has_merged(struct node *leader)
{
    while (!leader->core.session.merged) {
        node_work(a);
        node_work(b);
        for (unsigned n = 0; n < 2; n++) {
            wire_deliver(&p.wire, n, true);
            if (!leader->core.session.merged)
                wire_deliver(&p.wire, n, false);
        }
    }
}

/* MERGE never comes; then the role moves. */
static void cut_before_the_merge(struct node *leader)
{
    wire_connect(&p.wire);
    until_the_leader_has_merged(leader);
    wire_cut(&p.wire);
}

static void restart_as_active(struct node *n)
{
    node_crash(n);
    wire_lose(&p.wire, 1);
    node_start(n);
    set(n, "of a", "1");
}

static void write_on_both_sides(void)
{
    set(a, "of a too", "2");
    node_promote(b);
    set(b, "of b", "3");
    node_promote(b);
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.invalidated + b->core.count.invalidated, 0);
    both_have("of a", "1");
    both_have("of a too", "2");
    both_have("of b", "3");
    both_have("key 5", "v");
}

START_TEST(test_a_merge_that_only_the_leader_knows)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    restart_as_active(a);
    cut_before_the_merge(a);
    write_on_both_sides();
}
END_TEST

/* Both become active before MERGE comes, and the leader merges again, in one session. */
START_TEST(test_two_merges_that_only_the_leader_knows)
{
    settle();
    p.run_order[0] = 'c'; /* a will lead */
    return_empty(a);
    until_the_leader_has_merged(a);
    set(a, "of a", "1");
    node_promote(b);
    ck_assert(a->core.active && b->core.active && !a->core.session.merged);
    until_the_leader_has_merged(a);
    ck_assert_uint_eq(a->core.count.merges, 2);
    ck_assert_uint_eq(b->core.count.merges, 1); /* with the former run of a */
    wire_cut(&p.wire);
    set(a, "of a too", "2");
    node_promote(b);
    set(b, "of b", "3");
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.invalidated + b->core.count.invalidated, 0);
    both_have("of a", "1");
    both_have("of a too", "2");
    both_have("of b", "3");
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_fill_that_is_cut_again_and_again,
        test_parts_become_as_small_as_the_link_needs,
        test_a_cut_repair_goes_on_where_it_was,
        test_a_fill_beside_an_overflow,
        test_the_active_dies_during_a_resync,
        test_a_resync_replaces,
        test_what_is_here_is_not_stored_again,
        test_changes_during_a_resync,
        test_more_arrives_than_can_be_noted,
        test_changes_flow_during_a_purge,
        test_a_repair_waits_until_its_buckets_are_whole,
        test_a_copy_waits_until_its_node_is_whole,
        test_a_merge_that_only_the_leader_knows,
        test_two_merges_that_only_the_leader_knows,
    };
    return unit_run_with("parts", setup, teardown, tests, N_ELEMENTS(tests));
}
