/* Keys that clients were told are absent: they stay absent, and nothing else is lost. */
#include "base/hash.h"
#include "test/unit/core_rig.h"

/* a evicts a key, and a client asks it for that key in vain. */
static void told_absent(struct node *n, const char *key)
{
    node_evict(n, key);
    ck_assert(!node_incr(n, key, "more"));
}

static void full_pair(unsigned n)
{
    link_up();
    set_many(a, 0, n, "v");
    settle_in_sync();
}

/* ---- merged */

START_TEST(test_the_peer_is_told)
{
    full_pair(20);
    told_absent(a, "key 7");
    node_evict(a, "key 8");
    ck_assert_int_eq(node_touch(a, "key 8", 100), CHANGE_OK);
    ck_assert(node_has(b, "key 7", "v") && node_has(b, "key 8", "v"));
    settle_in_sync();
    both_have("key 7", NULL);
    both_have("key 8", NULL);
    node_promote(b);
    settle_in_sync();
    ck_assert(node_has(b, "key 7", NULL));
    ck_assert_uint_eq(items_copied(), 1); /* the first write */
}
END_TEST

/* A client has stored the key since: the entry of that change is sent. */
START_TEST(test_it_is_here_again)
{
    full_pair(20);
    told_absent(a, "key 7");
    set(a, "key 7", "new");
    uint64_t before = a->core.count.shipped;
    settle_in_sync();
    both_have("key 7", "new");
    ck_assert_uint_eq(a->core.count.shipped, before + 1);
}
END_TEST

START_TEST(test_a_full_journal_makes_it_dirt)
{
    const struct pair_config config = { .map_bits = { 10, 10 }, .journal_bytes = 1024 };
    restart_pair(&config);
    full_pair(200);
    for (unsigned i = 0; i < 200; i++)
        told_absent(a, numbered(i));
    ck_assert(!map_is_empty(&a->core.dirty));
    settle_in_sync();
    both_have("key 199", NULL);
}
END_TEST

/* ---- a node that is missing the key does not know */

static void restart_a(void)
{
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
}

/* Clients use counters at an active node that is being filled. */
START_TEST(test_counters_of_a_node_that_is_filled)
{
    for (unsigned cut = 0; cut < 2; cut++) {
        restart_pair(NULL);
        full_pair(50);
        restart_a();
        set(a, "x", "y");
        wire_connect(&p.wire);
        while (!a->core.session.merged)
            one_round();
        for (unsigned i = 0; i < 50; i++) {
            if (node_has(a, numbered(i), NULL))
                ck_assert(!node_incr(a, numbered(i), "1"));
        }
        if (cut) { /* and the address moves there and back */
            wire_cut(&p.wire);
            ck_assert(node_incr(b, "key 1", "2"));
            ck_assert(!node_incr(a, "key 2", "1"));
        }
        settle_in_sync();
        for (unsigned i = 2; i < 50; i++)
            both_have(numbered(i), "v");
    }
}
END_TEST

START_TEST(test_delayed_flush_during_a_refill_keeps_the_copy)
{
    full_pair(50);
    restart_a();
    set(a, "x", "y");
    wire_connect(&p.wire);
    while (!a->core.session.merged)
        one_round();
    ck_assert_int_eq(node_flush(a, 600), CHANGE_OK);
    settle_in_sync();
    both_have("key 49", "v");
    pair_advance(&p, 600);
    settle_in_sync();
    both_have("key 49", NULL);
}
END_TEST

/* Gives it the higher term, whatever the other node does. */
static void promote_for_sure(struct node *n)
{
    for (unsigned i = 0; i < 3; i++) {
        node_demote(n);
        node_promote(n);
    }
}

static bool is_purging(struct node *n, const char *key)
{
    return map_has(&n->core.purging, hash_key(key, strlen(key)));
}

/* Runs single steps until the node purges what its peer has changed. */
static void until_it_purges(struct node *n)
{
    for (unsigned i = 0; i < 1000 && n->core.purge.goal == NULL; i++) {
        for (unsigned k = 0; k < 2; k++) {
            if (!wire_deliver(&p.wire, k, true))
                wire_deliver(&p.wire, k, false);
        }
        if (n->core.purge.goal == NULL)
            node_work(a);
        node_work(n == a ? b : a);
    }
    ck_assert_ptr_nonnull(n->core.purge.goal);
}

static void few_buckets(void)
{
    const struct pair_config config = { .map_bits = { 6, 6 }, .journal_bytes = 65536 };
    restart_pair(&config);
    full_pair(300);
}

/* Keys that a leader purges come again from the peer: they are not absent. This also
 * holds if the link is lost meanwhile. */
START_TEST(test_a_purge_is_no_absence)
{
    for (unsigned cut = 0; cut < 2; cut++) {
        few_buckets();
        wire_cut(&p.wire);
        set(b, "key 1", "w");
        promote_for_sure(a);
        wire_connect(&p.wire);
        until_it_purges(a);
        if (cut) {
            for (unsigned k = 2; k < 300; k++)
                (void)node_has(a, numbered(k), NULL); /* a look-up purges, too */
            wire_cut(&p.wire);
            node_promote(a);
        }
        for (unsigned k = 2; k < 300; k++) {
            if (cut || is_purging(a, numbered(k)))
                (void)node_touch(a, numbered(k), 0);
        }
        settle_in_sync();
        for (unsigned k = 2; k < 300; k++)
            both_have(numbered(k), "v");
    }
}
END_TEST

/* ---- apart, and together again */

static struct node *other(struct node *n)
{
    return n == a ? b : a;
}

/* Whichever node leads. */
START_TEST(test_told_in_a_split)
{
    for (unsigned who = 0; who < 2; who++) {
        struct node *n = &p.node[who];
        restart_pair(NULL);
        full_pair(20);
        wire_cut(&p.wire);
        node_promote(b);
        told_absent(n, "key 7");
        ck_assert(node_has(other(n), "key 7", "v"));
        set(other(n), "key 8", "w");
        settle_in_sync();
        both_have("key 7", NULL);
        both_have("key 8", "w");
    }
}
END_TEST

/* A key that clients set on one side stays, though clients of the other side were told
 * that it is absent. */
START_TEST(test_an_absence_outweighs_no_change)
{
    for (unsigned who = 0; who < 2; who++) {
        struct node *n = &p.node[who];
        restart_pair(NULL);
        full_pair(20);
        wire_cut(&p.wire);
        set_many(n, 100, 300, "new");
        for (unsigned i = 100; i < 300; i++)
            ck_assert_int_eq(node_touch(other(n), numbered(i), 0), CHANGE_OK);
        settle_in_sync();
        for (unsigned i = 100; i < 300; i++)
            both_have(numbered(i), "new");
    }
}
END_TEST

/* Only one key of the bucket has changed; the other is unchanged on both nodes. */
START_TEST(test_told_beside_a_change)
{
    for (unsigned busy = 0; busy < 2; busy++) {
        few_buckets();
        pair_pass(&p, 100); /* the nodes note up to where they agree */
        settle();
        pair_pass(&p, 100);
        if (busy)
            set(a, "first", "2"); /* not acknowledged */
        wire_cut(&p.wire);
        set_many(a, 150, 300, "w");
        node_promote(b);
        for (unsigned i = 0; i < 150; i++)
            told_absent(b, numbered(i));
        settle_in_sync();
        for (unsigned i = 0; i < 150; i++)
            both_have(numbered(i), NULL);
        for (unsigned i = 150; i < 300; i++)
            both_have(numbered(i), "w");
    }
}
END_TEST

/* The leader's absences arrive at a follower that has changed one of the keys meanwhile.
 * It merges, and is cut off before it has acknowledged that or the leader has its copy.
 * The absences arrive again: the change must still be treated as one. */
START_TEST(test_told_twice)
{
    few_buckets();
    wire_cut(&p.wire);
    told_absent(a, "key 1");
    set(b, "key 1", "w");
    promote_for_sure(a);
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 1000 && !b->core.session.merged; i++)
        one_round();
    ck_assert(b->core.session.merged && map_is_empty(&b->core.dirty));
    wire_cut(&p.wire);
    settle_in_sync();
    both_have("key 1", "w");
}
END_TEST

/* What a shipped in vain is in its journal, not among its dirty buckets yet. */
START_TEST(test_told_of_a_change_on_its_way)
{
    full_pair(20);
    set(a, "key 7", "w");
    node_work(a); /* sent, and lost */
    wire_cut(&p.wire);
    node_promote(b);
    told_absent(b, "key 7");
    node_demote(b);
    promote_for_sure(a);
    settle_in_sync();
    both_have("key 7", "w");
}
END_TEST

/* What was sent before the roles moved is never acknowledged: nothing may wait for it. */
START_TEST(test_told_after_much_that_was_in_vain)
{
    full_pair(20);
    for (unsigned i = 0; i < 300; i++) {
        set(a, "key 7", "w");
        node_work(a);
    }
    told_absent(a, "key 8");
    node_promote(b);
    settle_in_sync();
    both_have("key 8", NULL);
}
END_TEST

/* If the bucket was not changed here, neither was the key, however young it is. */
START_TEST(test_told_of_a_young_key)
{
    link_up();
    for (unsigned i = 0; i < 3; i++) {
        set(a, "key 7", "v");
        while (node_work(a) || wire_deliver(&p.wire, 1, false))
            continue;
        while (wire_deliver(&p.wire, 0, false))
            continue;
    }
    wire_cut(&p.wire);
    node_promote(b);
    told_absent(b, "key 7");
    settle_in_sync();
    both_have("key 7", NULL);
}
END_TEST

/* The same counter is polled for hours. */
START_TEST(test_polling_fills_no_journal)
{
    full_pair(20);
    wire_cut(&p.wire);
    for (unsigned i = 0; i < 100000; i++)
        told_absent(a, i % 2 == 0 ? "key 7" : "key 8");
    ck_assert(map_is_empty(&a->core.dirty));
    ck_assert_uint_le(ring_pending(&atomic_load(&a->core.gate.workers)->ring), 2);
    settle_in_sync();
    both_have("key 7", NULL);
    both_have("key 8", NULL);
    told_absent(a, "key 9");
    settle_in_sync();
    both_have("key 9", NULL);
}
END_TEST

/* More than fit one message. */
START_TEST(test_many_absences)
{
    for (unsigned who = 0; who < 2; who++) {
        struct node *n = &p.node[who];
        restart_pair(NULL);
        full_pair(900);
        wire_cut(&p.wire);
        node_promote(n);
        for (unsigned i = 0; i < 900; i++)
            told_absent(n, numbered(i));
        node_demote(n);
        node_promote(b);
        settle_in_sync();
        ck_assert_uint_eq(a->store.items, 1);
    }
}
END_TEST

/* A failed command on a standby moves the role like any other. It does not count as a
 * change by clients. */
START_TEST(test_a_failed_command_promotes)
{
    full_pair(20);
    ck_assert(!node_incr(b, "none", "1"));
    ck_assert(b->core.active);
    settle_in_sync();
    ck_assert(!a->core.active);
    pair_pass(&p, 100);
    uint64_t before = b->core.activity;
    ck_assert(!node_incr(b, "none", "1"));
    pair_pass(&p, 100);
    ck_assert_uint_eq(b->core.activity, before);
    settle_in_sync();
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_the_peer_is_told,
        test_it_is_here_again,
        test_a_full_journal_makes_it_dirt,
        test_counters_of_a_node_that_is_filled,
        test_delayed_flush_during_a_refill_keeps_the_copy,
        test_a_purge_is_no_absence,
        test_told_in_a_split,
        test_an_absence_outweighs_no_change,
        test_told_beside_a_change,
        test_told_twice,
        test_told_of_a_change_on_its_way,
        test_told_after_much_that_was_in_vain,
        test_told_of_a_young_key,
        test_polling_fills_no_journal,
        test_many_absences,
        test_a_failed_command_promotes,
    };
    return unit_run_with("absent", setup, teardown, tests, N_ELEMENTS(tests));
}
