/* flush_all, immediate and delayed, with everything that can happen meanwhile. */
#include "test/unit/core_rig.h"

/* ---- flush_all */

START_TEST(test_flush)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    set(a, "after", "x");
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 1);
    both_have("after", "x");
}
END_TEST

START_TEST(test_flush_while_cut)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    set(a, "after", "x");
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 1);
}
END_TEST

START_TEST(test_flush_by_the_promoted_standby)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    ck_assert_int_eq(node_flush(b, 0), CHANGE_OK);
    ck_assert(b->core.active);
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, 0);
}
END_TEST

START_TEST(test_delayed_flush)
{
    link_up();
    set(a, "before", "x");
    ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
    set(a, "meanwhile", "x");
    settle_in_sync();
    both_have("meanwhile", "x");
    pair_advance(&p, 9);
    settle_in_sync();
    both_have("before", "x");
    pair_advance(&p, 1);
    set(a, "after", "x");
    settle_in_sync();
    both_have("before", NULL);
    both_have("meanwhile", NULL);
    both_have("after", "x");
}
END_TEST

/* Requested before the peer was there; the active node dies before it takes effect. */
START_TEST(test_delayed_flush_outlives_its_node)
{
    set(a, "k", "v");
    ck_assert_int_eq(node_flush(a, 100), CHANGE_OK);
    settle_in_sync();
    pair_advance(&p, 50);
    settle_in_sync();
    wire_cut(&p.wire);
    node_crash(a);
    set(b, "l", "v");
    ck_assert(node_has(b, "k", "v"));
    pair_advance(&p, 50);
    ck_assert(node_has(b, "k", NULL));
    node_start(a);
    settle_in_sync();
    both_have("l", NULL);
}
END_TEST

START_TEST(test_flush_replaces_a_delayed_one)
{
    link_up();
    ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
    settle_in_sync();
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    set(a, "k", "v");
    settle_in_sync();
    pair_advance(&p, 20);
    settle_in_sync();
    both_have("k", "v");
}
END_TEST

/* A flush_all that one merge has handled is not sent by the next merge, when the peer has
 * changes of its own. */
START_TEST(test_flush_is_not_sent_again)
{
    link_up();
    node_demote(a);
    settle_in_sync();
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    node_work(a);    /* has seen the flush, and may not ship it yet */
    node_promote(b); /* and wins the tie: the flush goes with the maps */
    while (!b->core.session.merged || !b->core.active) {
        wire_deliver(&p.wire, 0, false);
        wire_deliver(&p.wire, 1, false);
        set_many(b, 0, 20, "w");
        node_work(b);
    }
    while (!a->core.session.merged) {
        wire_deliver(&p.wire, 0, false);
    }
    set(a, "x", "y"); /* a leads again, and is missing keys that b has to send */
    settle_in_sync();
    both_have("key 7", "w");
}
END_TEST

/* It takes effect on both nodes while they cannot talk. Only the active node has what
 * clients store after that: the standby's flush is not a change of its own. */
START_TEST(test_delayed_flush_on_both_while_cut)
{
    link_up();
    set_many(a, 0, 20, "v");
    ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
    settle_in_sync();
    wire_cut(&p.wire);
    pair_advance(&p, 10);
    node_work(a);
    node_work(b);
    set_many(a, 0, 20, "new");
    settle_in_sync();
    both_have("key 7", "new");
    ck_assert_uint_eq(b->store.items, 20);
}
END_TEST

/* A client postpones the active node's flush, but the standby does not hear of it. */
START_TEST(test_delayed_flush_put_off_while_cut)
{
    link_up();
    set_many(a, 0, 20, "v");
    ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
    settle_in_sync();
    wire_cut(&p.wire);
    ck_assert_int_eq(node_flush(a, 1000), CHANGE_OK);
    pair_advance(&p, 10);
    node_work(b);
    ck_assert(node_has(b, "key 7", NULL));
    settle_in_sync();
    both_have("key 7", "v");
}
END_TEST

/* The old active node got the request, and the new one never heard of it. */
START_TEST(test_delayed_flush_of_a_former_active)
{
    for (unsigned late = 0; late < 2; late++) {
        restart_pair(NULL);
        link_up();
        set_many(a, 0, 20, "v");
        settle_in_sync();
        wire_cut(&p.wire);
        ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
        set(b, "x", "y");
        if (!late)
            settle_in_sync();
        pair_advance(&p, 10);
        settle_in_sync();
        set(b, "after", "x");
        settle_in_sync();
        both_have("after", "x");
        ck_assert_uint_eq(b->store.items, 1);
    }
}
END_TEST

/* Two standbys: one leads, and is not active when its flush takes effect. */
START_TEST(test_delayed_flush_of_two_standbys)
{
    link_up();
    set_many(a, 0, 20, "v");
    ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
    settle_in_sync();
    node_demote(a);
    settle_in_sync();
    pair_advance(&p, 10);
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, 0);
    ck_assert_uint_eq(b->store.items, 0);
}
END_TEST

/* The active node has just restarted and gets its items back while a delayed flush takes
 * effect: what arrives after that moment must not bring the old items back. */
START_TEST(test_delayed_flush_during_a_refill)
{
    link_up();
    set_many(a, 0, 50, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    node_crash(a);
    node_start(a);
    ck_assert_int_eq(node_flush(a, 10), CHANGE_OK);
    wire_connect(&p.wire);
    while (a->store.items < 10) {
        one_round();
    }
    pair_advance(&p, 10);
    while (wire_deliver(&p.wire, 0, false))
        continue; /* the rest of the copy arrives before a works again */
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, 0);
}
END_TEST

/* The next flush_all comes before the core has noticed that the last one took effect. */
START_TEST(test_delayed_flush_followed_by_another)
{
    link_up();
    set_many(a, 0, 50, "v");
    ck_assert_int_eq(node_flush(a, 1), CHANGE_OK);
    wire_cut(&p.wire); /* b does not know of it */
    pair_advance(&p, 1);
    ck_assert(node_has(a, "key 7", NULL));
    ck_assert_int_eq(node_flush(a, 100), CHANGE_OK);
    settle_in_sync();
    both_have("key 7", NULL);
}
END_TEST

/* If a flush is due within the second, a node does not accept items of a refill, because
 * they might be stored after it. If the flush is then postponed, the nodes must not
 * differ for ever. */
START_TEST(test_delayed_flush_put_off_during_a_refill)
{
    link_up();
    set_many(a, 0, 50, "v");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    ck_assert_int_eq(node_flush(a, 1), CHANGE_OK);
    settle();
    ck_assert_int_eq(node_flush(a, 100), CHANGE_OK);
    settle_in_sync();
}
END_TEST

/* The active node postpones it in time, but the standby hears of that when its own store
 * has flushed already; also if the roles moved back and forth meanwhile. */
START_TEST(test_delayed_flush_put_off_too_late)
{
    for (unsigned round = 0; round < 2; round++) {
        restart_pair(NULL);
        link_up();
        set_many(a, 0, 20, "v");
        ck_assert_int_eq(node_flush(a, 2), CHANGE_OK);
        settle_in_sync();
        if (round == 1) {
            node_promote(b);
            settle_in_sync();
            node_promote(a);
            settle_in_sync();
        }
        ck_assert_int_eq(node_flush(a, 100), CHANGE_OK);
        while (node_work(a))
            continue; /* the message about it is in flight */
        pair_advance(&p, 2);
        ck_assert(node_has(a, "key 7", "v") && node_has(b, "key 7", NULL));
        settle_in_sync();
        both_have("key 7", "v");
    }
}
END_TEST

/* The new leader's flush replaces a former active node's own one just before it is due:
 * nothing was flushed, and the leader, new and empty, gets everything from here. */
START_TEST(test_delayed_flush_replaced_just_in_time)
{
    link_up();
    wire_cut(&p.wire);
    set_many(b, 0, 2000, "v");
    ck_assert_int_eq(node_flush(b, 2), CHANGE_OK);
    node_crash(a);
    node_start(a);
    for (unsigned i = 0; i < 4; i++) {
        node_promote(a); /* the higher term */
        if (i < 3)
            node_demote(a);
    }
    ck_assert_int_eq(node_flush(a, 100), CHANGE_OK);
    pair_advance(&p, 1);
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100; i++)
        one_round(); /* the message arrives before the copy is complete */
    settle_in_sync();
    ck_assert(a->core.active);
    both_have("key 7", "v");
    ck_assert_uint_eq(a->store.items, 2001); /* including the first one */
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_flush,
        test_flush_while_cut,
        test_flush_by_the_promoted_standby,
        test_delayed_flush,
        test_delayed_flush_outlives_its_node,
        test_flush_replaces_a_delayed_one,
        test_flush_is_not_sent_again,
        test_delayed_flush_on_both_while_cut,
        test_delayed_flush_put_off_while_cut,
        test_delayed_flush_of_a_former_active,
        test_delayed_flush_of_two_standbys,
        test_delayed_flush_during_a_refill,
        test_delayed_flush_followed_by_another,
        test_delayed_flush_put_off_during_a_refill,
        test_delayed_flush_put_off_too_late,
        test_delayed_flush_replaced_just_in_time,
    };
    return unit_run_with("flush", setup, teardown, tests, N_ELEMENTS(tests));
}
