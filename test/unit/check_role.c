/* The active role and how a node gets it: clients' writes on a standby, ranks,
 * promotions.
 */
#include "test/unit/core_rig.h"

/* ---- which of the two nodes accepts writes */

START_TEST(test_writes_on_a_standby_can_be_refused)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .standby_writes = STANDBY_WRITES_REJECT };
    restart_pair(&config);
    ck_assert_int_eq(node_set(a, "k", "v"), CHANGE_REJECTED);
    ck_assert_int_eq(node_delete(a, "k"), CHANGE_REJECTED);
    ck_assert_int_eq(node_flush(a, 0), CHANGE_REJECTED);
    node_promote(a);
    set(a, "k", "v");
    settle_in_sync();
    ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
    both_have("k", "v");
}
END_TEST

/* Of two nodes that cannot talk, the one that became active last has the higher rank. */
START_TEST(test_rank)
{
    ck_assert_uint_eq(a->core.rank, 0);
    link_up();
    ck_assert_uint_eq(a->core.rank, 1);
    ck_assert_uint_eq(b->core.rank, 0);
    wire_cut(&p.wire);
    for (unsigned i = 0; i < 5; i++) {
        struct node *n = &p.node[i % 2], *other = &p.node[1 - i % 2];
        node_demote(n);
        node_promote(n);
        node_demote(other);
        node_promote(other);
    }
    node_demote(b);
    node_promote(b);
    ck_assert_uint_gt(b->core.rank, 1);
    settle_in_sync();
    ck_assert_uint_eq(a->core.rank + b->core.rank, 1);
    wire_cut(&p.wire);
    struct node *standby = a->core.active ? b : a;
    node_promote(standby);
    ck_assert_uint_eq(standby->core.rank, 2);
}
END_TEST

/* With an active peer linked, its standby refuses; without a peer it serves at once. */
START_TEST(test_standby_that_promotes_alone)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .standby_writes = STANDBY_WRITES_ALONE };
    restart_pair(&config);
    settle_in_sync();
    set(a, "k", "v"); /* the peer is linked, but a standby */
    ck_assert(a->core.active);
    settle_in_sync();
    ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
    ck_assert_int_eq(node_delete(b, "k"), CHANGE_REJECTED);
    ck_assert_int_eq(node_flush(b, 0), CHANGE_REJECTED);
    both_have("k", "v");
    node_promote(b); /* the VIP has moved */
    set(b, "k", "w");
    settle_in_sync();
    ck_assert_int_eq(node_set(a, "k", "x"), CHANGE_REJECTED);
    both_have("k", "w");
    wire_cut(&p.wire);
    set(a, "l", "x");
    ck_assert(a->core.active);
    settle_in_sync();
    node_demote(a);
    settle_in_sync();
    both_have("l", "x");
    set(b, "m", "y"); /* two standbys again */
    settle_in_sync();
    both_have("m", "y");
}
END_TEST

/* The role follows the clients if nobody else moves it. But only a node without clients
 * gives it away, and nothing is lost. */
START_TEST(test_standby_with_clients_asks_for_the_role)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .standby_writes = STANDBY_WRITES_ALONE };
    restart_pair(&config);
    link_up();
    for (unsigned i = 0; i < 20; i++) { /* both have clients: nothing moves */
        pair_pass(&p, 300);
        set(a, "k", "v");
        ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
        settle_in_sync();
    }
    ck_assert(a->core.active && a->core.count.promotions == 1);
    set(a, "last", "v"); /* not shipped yet when the role request arrives */
    pair_pass(&p, 60);   /* a tick notices that it has clients */
    pair_pass(&p, 900);
    ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
    settle_in_sync();
    ck_assert(a->core.active);
    pair_pass(&p, 900);
    ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
    settle_in_sync();
    ck_assert(b->core.active && !a->core.active && !a->core.resigned);
    set(b, "k", "w");
    settle_in_sync();
    both_have("k", "w");
    both_have("last", "v");
    ck_assert_uint_eq(items_copied(), 1); /* the first write: nothing else was copied */
}
END_TEST

/* The new active node has time to find its clients; the old one does not get the role
 * back at once. */
START_TEST(test_role_does_not_go_to_and_fro)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .standby_writes = STANDBY_WRITES_ALONE };
    restart_pair(&config);
    link_up();
    node_promote(b); /* the VIP moves, and its clients are late */
    settle_in_sync();
    for (unsigned i = 0; i < 4; i++) {
        pair_pass(&p, 200);
        ck_assert_int_eq(node_set(a, "k", "stray"), CHANGE_REJECTED);
        settle_in_sync();
    }
    ck_assert(b->core.active);
    for (unsigned i = 0; i < 50; i++) { /* as with the VIP and clients on both nodes */
        pair_pass(&p, 250);
        set(b, "k", "v");
        (void)node_set(a, "k", "stray");
        settle_in_sync();
    }
    ck_assert_uint_eq(a->core.count.promotions + b->core.count.promotions, 2);
}
END_TEST

/* Only `alone` asks for the role. A node that must reject does so for ever, and does not
 * promote itself. */
START_TEST(test_reject_does_not_ask)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .standby_writes = STANDBY_WRITES_REJECT };
    restart_pair(&config);
    node_promote(a);
    settle_in_sync();
    for (unsigned i = 0; i < 5; i++) {
        pair_pass(&p, 1500);
        ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
        settle_in_sync();
    }
    ck_assert(a->core.active);
}
END_TEST

/* lone=reject: without a peer no change is accepted in any role; reads continue. */
START_TEST(test_lone_node_that_rejects)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .lone_rejects = true };
    restart_pair(&config);
    ck_assert_int_eq(node_set(a, "k", "v"), CHANGE_REJECTED);
    settle();
    set(a, "k", "v");
    settle_in_sync();
    wire_cut(&p.wire);
    for (unsigned i = 0; i < 2; i++) {
        struct node *n = &p.node[i];
        ck_assert_int_eq(node_set(n, "k", "w"), CHANGE_REJECTED);
        ck_assert_int_eq(node_delete(n, "k"), CHANGE_REJECTED);
        ck_assert_int_eq(node_flush(n, 0), CHANGE_REJECTED);
        ck_assert(node_has(n, "k", "v"));
    }
    node_promote(b);
    ck_assert_int_eq(node_set(b, "k", "w"), CHANGE_REJECTED);
    settle_in_sync();
    set(b, "k", "x");
    settle_in_sync();
    both_have("k", "x");
}
END_TEST

/* ---- changes of role */

START_TEST(test_promotion_while_linked)
{
    link_up();
    set_many(a, 0, 100, "old");
    settle_in_sync();
    uint64_t copied = items_copied();
    set(b, "key 7", "new");
    settle_in_sync();
    ck_assert(b->core.active && !a->core.active);
    ck_assert_uint_eq(a->core.term, 2);
    both_have("key 7", "new");
    both_have("key 8", "old");
    ck_assert_uint_le(items_copied() - copied, 10); /* a bucket or two, not everything */
    set(a, "key 7", "newer");
    settle_in_sync();
    ck_assert(a->core.active);
    both_have("key 7", "newer");
}
END_TEST

/* R11: messages that the old active node sent before it knew overwrite nothing. */
START_TEST(test_late_frame_of_the_old_active)
{
    link_up();
    set(a, "k", "old");
    settle_in_sync();
    set(a, "k", "late");
    while (node_work(a))
        continue; /* the frame is in flight */
    set(b, "k", "new");
    settle_in_sync();
    ck_assert(b->core.active);
    /* both changed it: a miss on both, or the leader's newer value; never the late one */
    ck_assert(node_has(a, "k", "new") || node_has(a, "k", NULL));
}
END_TEST

START_TEST(test_both_promote_at_once)
{
    link_up();
    node_demote(a);
    settle_in_sync();
    set(a, "x", "a");
    set(b, "y", "b");
    ck_assert(a->core.active && b->core.active);
    ck_assert_uint_eq(a->core.term, b->core.term);
    settle_in_sync();
    ck_assert_int_ne(a->core.active, b->core.active);
    both_have("x", "a");
    both_have("y", "b");
}
END_TEST

START_TEST(test_demoted_node_leads_again_after_the_link)
{
    link_up();
    node_demote(a);
    ck_assert(!a->core.active);
    settle_in_sync();
    ck_assert(!a->core.active && !b->core.active);
    set(b, "k", "v");
    settle_in_sync();
    both_have("k", "v");
    both_have("first", "1");
}
END_TEST

/* The old active node has seen a higher term than its own: it takes a new one, otherwise
 * nobody would ever follow it. */
START_TEST(test_an_active_of_a_lower_term_than_seen)
{
    link_up();
    wire_cut(&p.wire);
    node_promote(b);
    node_demote(b);
    set(a, "k", "v");
    settle_in_sync();
    ck_assert(a->core.active && !b->core.active);
    ck_assert_uint_eq(a->core.term, 3);
    both_have("k", "v");
}
END_TEST

/* A node's role changes between its HELLO and the peer's. Its HELLO is no longer true;
 * the peer would wait for it, or the node would ignore the peer. */
START_TEST(test_demoted_during_the_handshake)
{
    for (unsigned promote = 0; promote < 2; promote++) {
        restart_pair(NULL);
        link_up();
        wire_cut(&p.wire);
        if (!promote)
            node_promote(b);
        wire_connect(&p.wire);
        if (promote)
            node_promote(b);
        node_demote(b);
        ck_assert(pair_settle(&p));
        ck_assert(pair_in_sync(&p));
        set(a, "k", "v");
        ck_assert(pair_settle(&p));
        ck_assert(pair_in_sync(&p));
        both_have("k", "v");
    }
}
END_TEST

/* The peer becomes active only when it has the last change, however many batches there
 * are. */
START_TEST(test_handover_of_a_long_journal)
{
    enum { MANY = 3 * GATHER_MAX / 2 };
    const struct pair_config config = { .map_bits = { 8, 8 }, .journal_bytes = 1 << 20 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, MANY, "v");
    AZ(pthread_mutex_lock(&a->core.lock));
    ck_assert_ptr_null(repl_core_handover_begin(&a->core, &repl_handover_planned));
    AZ(pthread_mutex_unlock(&a->core.lock));
    for (unsigned i = 0; i < 10 * MANY && !b->core.active; i++)
        one_round();
    ck_assert(b->core.active);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_msg(node_has(b, numbered(i), "v"), "key %u is not there", i);
    settle_in_sync();
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_writes_on_a_standby_can_be_refused,
        test_rank,
        test_standby_that_promotes_alone,
        test_standby_with_clients_asks_for_the_role,
        test_role_does_not_go_to_and_fro,
        test_reject_does_not_ask,
        test_lone_node_that_rejects,
        test_promotion_while_linked,
        test_late_frame_of_the_old_active,
        test_both_promote_at_once,
        test_demoted_node_leads_again_after_the_link,
        test_an_active_of_a_lower_term_than_seen,
        test_demoted_during_the_handshake,
        test_handover_of_a_long_journal,
    };
    return unit_run_with("role", setup, teardown, tests, N_ELEMENTS(tests));
}
