/* A change that the peer has taken, though its acknowledgement has not come, is no
 * change of this node's any more: whoever changes the key next wins. */
#include "test/unit/core_rig.h"

/* What a has composed reaches b, one message after the other; what b answers stays on
 * its way. Stops before the message that would be one too many. */
static void deliver_to_b(unsigned most)
{
    node_work(a);
    while (most-- > 0 && wire_deliver(&p.wire, 1, false))
        continue;
}

enum { ALL = 1000 };

/* a's change has reached b, and a does not know. */
static void taken_and_cut(void)
{
    link_up();
    set(a, "k", "a's");
    deliver_to_b(ALL);
    ck_assert(node_has(b, "k", "a's"));
    wire_cut(&p.wire);
}

START_TEST(test_the_answer_is_lost)
{
    taken_and_cut();
    ck_assert_uint_eq(figures_of(a).at_risk, 1);
    set(b, "k", "b's");
    settle_in_sync();
    both_have("k", "b's");
    ck_assert_uint_eq(figures_of(a).at_risk + figures_of(b).at_risk, 0);
}
END_TEST

/* The leader does not copy what is there already. */
START_TEST(test_nothing_to_repair)
{
    taken_and_cut();
    uint64_t before = items_copied();
    settle_in_sync();
    both_have("k", "a's");
    ck_assert_uint_eq(items_copied(), before);
}
END_TEST

/* b is promoted when it has taken the first change of a batch, and not yet its end. */
START_TEST(test_in_the_middle_of_a_batch)
{
    link_up();
    set(a, "k", "a's");
    set(a, "l", "a's");
    deliver_to_b(1);
    ck_assert(node_has(b, "k", "a's") && node_has(b, "l", NULL));
    set(b, "k", "b's");
    settle_in_sync();
    both_have("k", "b's");
    both_have("l", "a's");
}
END_TEST

/* The same with a cut. What has not arrived, and was changed at b too, is in conflict. */
START_TEST(test_cut_in_the_middle_of_a_batch)
{
    link_up();
    set(a, "k", "a's");
    set(a, "l", "a's");
    set(a, "k", "a's newest"); /* one message for both */
    deliver_to_b(1);
    wire_cut(&p.wire);
    set(b, "k", "b's");
    set(b, "l", "b's");
    settle_in_sync();
    both_have("k", "b's");
    both_have("l", NULL);
}
END_TEST

/* What the peer took, it has lost: only this node has it. */
START_TEST(test_the_peer_restarts)
{
    taken_and_cut();
    return_empty(b);
    settle_in_sync();
    both_have("k", "a's");
}
END_TEST

/* Changed again after it was sent: b does not have that. */
START_TEST(test_a_later_change_counts)
{
    link_up();
    set(a, "k", "a's");
    deliver_to_b(ALL);
    set(a, "k", "a's newest");
    wire_cut(&p.wire);
    set(b, "k", "b's");
    settle_in_sync();
    both_have("k", NULL);
}
END_TEST

/* A handshake that comes to nothing in between, and roles that move twice. */
START_TEST(test_remembered_until_both_merge)
{
    taken_and_cut();
    set(b, "k", "b's");
    wire_connect(&p.wire);
    one_round();
    wire_cut(&p.wire);
    node_demote(a);
    node_promote(a);
    settle_in_sync();
    both_have("k", "b's");
}
END_TEST

/* What b took from another run, say one that a had before, is no word about a's batches.
 */
START_TEST(test_taken_from_another_run)
{
    link_up();
    b->core.took.batch += 100;
    memset(&b->core.took.from, 'f', sizeof(b->core.took.from));
    set(a, "k", "a's");
    node_work(a); /* sent, and lost */
    wire_cut(&p.wire);
    settle_in_sync();
    both_have("k", "a's");
}
END_TEST

/* b asks for what a touch builds on, and nobody hears it. */
START_TEST(test_a_delta_that_was_not_taken)
{
    static char large[2000];
    memset(large, 'x', sizeof(large) - 1);
    link_up();
    set(a, "k", large);
    settle_in_sync();
    toy_store_evict(&b->store, "k", 1);
    ck_assert_int_eq(node_touch(a, "k", 100000), CHANGE_OK);
    deliver_to_b(ALL);
    wire_cut(&p.wire);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 2);
}
END_TEST

/* Batches of an earlier session are no batches of this one. */
START_TEST(test_what_an_earlier_session_took)
{
    taken_and_cut();
    settle_in_sync();
    set(a, "k", "a's newest");
    node_work(a); /* sent, and lost */
    wire_cut(&p.wire);
    ck_assert(node_has(b, "k", "a's"));
    settle_in_sync();
    both_have("k", "a's newest");
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_the_answer_is_lost,          test_nothing_to_repair,
        test_in_the_middle_of_a_batch,    test_cut_in_the_middle_of_a_batch,
        test_the_peer_restarts,           test_a_later_change_counts,
        test_remembered_until_both_merge, test_what_an_earlier_session_took,
        test_a_delta_that_was_not_taken,  test_taken_from_another_run,
    };
    return unit_run_with("taken", setup, teardown, tests, N_ELEMENTS(tests));
}
