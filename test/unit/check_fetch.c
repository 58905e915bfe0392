/* A node that is missing keys which its clients want asks its peer. It accepts no answer
 * that is older than a change by its clients. */
#include "base/hash.h"
#include "test/unit/core_rig.h"

enum { MANY = 500 };

static const char request[3]; /* of clients: their addresses distinguish them */

/* a was active and full, and returns empty. It is promoted again before a client has
 * changed anything. */
static void restart_a(void)
{
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    a->resumed = 0;
    node_promote(a);
}

/* Until both agree on what to copy; nothing has been copied yet. */
static void merge(void)
{
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100 && !b->core.session.merged; i++) {
        node_work(a);
        wire_deliver(&p.wire, 0, i == 0);
        wire_deliver(&p.wire, 1, i == 0);
    }
    ck_assert(b->core.session.merged && !map_is_empty(&a->core.missing));
    ck_assert_uint_eq(b->core.session.copy.sum, 0);
}

static void restart_and_merge(void)
{
    restart_a();
    merge();
}

/* A key that has not arrived yet, and that no copy in progress brings soon. */
static const char *missing_key(void)
{
    for (unsigned i = MANY; i-- > 0;) {
        uint64_t hash = hash_key(numbered(i), strlen(numbered(i)));
        if (node_has(a, numbered(i), NULL) && map_has(&a->core.missing, hash) &&
            !known_has(&a->core.known, hash))
            return numbered(i);
    }
    ck_abort_msg("nothing is missing");
}

static void until_resumed(unsigned n)
{
    for (unsigned i = 0; i < 5 * MANY && a->resumed < n; i++)
        one_round();
    ck_assert_uint_eq(a->resumed, n);
}

START_TEST(test_an_item_comes_ahead_of_the_copy)
{
    restart_and_merge();
    char key[20];
    snprintf(key, sizeof(key), "%s", missing_key());
    ck_assert(node_fetch(a, &request[0], key));
    ck_assert(node_fetch(a, &request[1], key));
    ck_assert(node_has(a, key, NULL));
    node_work(a);
    while (wire_deliver(&p.wire, 1, false))
        continue;
    while (a->resumed == 0 && wire_deliver(&p.wire, 0, false))
        continue;
    ck_assert_uint_eq(a->resumed, 2);
    ck_assert(node_has(a, key, "v"));
    ck_assert_uint_eq(a->core.count.fetches, 1);
    ck_assert_uint_eq(a->core.count.fetch_hits, 1);
    settle_in_sync();
    both_have(key, "v");
}
END_TEST

START_TEST(test_what_nobody_has)
{
    restart_and_merge();
    ck_assert(node_fetch(a, &request[0], "no such key"));
    until_resumed(1);
    ck_assert(!node_fetch(a, &request[0], "no such key"));
    ck_assert_uint_eq(a->core.count.fetch_hits, 0);
    settle_in_sync();
    ck_assert(
        !node_fetch(a, &request[1], "no such key")); /* nothing is missing any more */
}
END_TEST

/* The node asks for it as soon as it has a peer. */
START_TEST(test_asked_before_the_nodes_meet)
{
    restart_a();
    ck_assert(node_fetch(a, &request[0], "key 7"));
    wire_connect(&p.wire);
    until_resumed(1);
    ck_assert(node_has(a, "key 7", "v"));
    settle_in_sync();
}
END_TEST

/* Clients read from a standby while it is filled. */
START_TEST(test_a_follower_asks_too)
{
    set_many(b, 0, MANY, "v");
    wire_connect(&p.wire);
    while (!a->core.session.merged)
        one_round();
    ck_assert(!a->core.active);
    ck_assert(node_fetch(a, &request[0], missing_key()));
    until_resumed(1);
    ck_assert_uint_eq(a->core.count.fetch_hits, 1);
    /* and if it is promoted meanwhile, it asks again for what its clients wait for */
    char key[20];
    snprintf(key, sizeof(key), "%s", missing_key());
    ck_assert(node_fetch(a, &request[0], key));
    node_work(a);
    node_promote(a);
    until_resumed(2);
    ck_assert(node_has(a, key, "v"));
    ck_assert_uint_eq(a->core.count.fetches, 3);
    settle_in_sync();
}
END_TEST

/* What the peer's clients changed before is replaced there meanwhile. */
START_TEST(test_answered_ahead_of_a_repair)
{
    restart_a();
    set(a, "first write", "w");
    ck_assert(node_fetch(a, &request[0], "key 7"));
    ck_assert(node_fetch(a, &request[1], "no such key"));
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100 && a->resumed < 2; i++) {
        node_work(a);
        set(a, "second write", "w"); /* is not in the way */
        wire_deliver(&p.wire, 0, i == 0);
        wire_deliver(&p.wire, 1, i == 0);
    }
    ck_assert_uint_eq(a->resumed, 2);
    ck_assert(node_has(a, "key 7", "v"));
    settle_in_sync();
    both_have("second write", "w");
}
END_TEST

/* ---- answers that come too late */

START_TEST(test_a_change_outweighs_the_answer)
{
    for (unsigned by_set = 0; by_set < 2; by_set++) {
        restart_and_merge();
        char key[20];
        snprintf(key, sizeof(key), "%s", missing_key());
        ck_assert(node_fetch(a, &request[0], key));
        node_work(a); /* the FETCH is in flight */
        if (by_set) {
            set(a, key, "new");
            node_evict(a,
                       key); /* it is absent, but an old one must still not be stored */
        } else {
            ck_assert_int_eq(node_delete(a, key), CHANGE_OK);
        }
        ck_assert(!node_fetch(a, &request[1], key));
        until_resumed(1);
        ck_assert(node_has(a, key, NULL));
        settle();
        ck_assert(node_has(a, key, NULL));
        ck_assert(by_set || node_has(b, key, NULL));
        restart_pair(NULL);
    }
}
END_TEST

/* Changes during the fill cost no other keys. */
START_TEST(test_a_change_costs_no_other_key)
{
    const struct pair_config config = { .map_bits = { 10, 10 },
                                        .journal_bytes = 64 << 10 };
    restart_pair(&config);
    restart_and_merge();
    for (unsigned i = 0; i < 20; i++)
        set(a, numbered(i * 25), "new");
    ck_assert_int_eq(node_delete(a, "key 3"), CHANGE_OK);
    settle_in_sync();
    for (unsigned i = 0; i < MANY; i++) {
        const char *value = i == 3 ? NULL : i % 25 == 0 ? "new" : "v";
        both_have(numbered(i), value);
    }
    ck_assert_uint_eq(map_count(&a->core.written), 0);
}
END_TEST

/* More changes than the set of known keys holds: the rest counts by the bucket, which is
 * repaired. */
START_TEST(test_more_changes_than_room)
{
    const struct pair_config config = { .map_bits = { 6, 6 }, .journal_bytes = 64 << 10 };
    restart_pair(&config);
    restart_and_merge();
    ck_assert_uint_eq(a->core.known.nslots, 16);
    for (unsigned i = 0; i < MANY; i += 2)
        ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
    ck_assert_uint_gt(map_count(&a->core.written), 0);
    settle_in_sync();
    for (unsigned i = 0; i < MANY; i += 2)
        both_have(numbered(i), NULL);
}
END_TEST

/* A key that was changed before an earlier meeting is not refused at the next one. */
START_TEST(test_each_merge_begins_anew)
{
    restart_and_merge();
    set(a, "key 9", "new");
    settle_in_sync();
    node_crash(b);
    wire_lose(&p.wire, 0);
    node_start(b);
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    node_promote(a);
    settle_in_sync();
    both_have("key 9", "new");
    ck_assert(!known_has(&a->core.known, hash_key("key 9", 5)));
}
END_TEST

/* ---- nobody waits for ever */

START_TEST(test_a_peer_that_is_stuck)
{
    restart_and_merge();
    wire_hold(&p.wire, 1, true);
    ck_assert(node_fetch(a, &request[0], missing_key()));
    node_work(a);
    while (wire_deliver(&p.wire, 1, false))
        continue; /* it answers, but nothing comes */
    pair_pass(&p, 10);
    ck_assert_uint_eq(a->resumed, 0);
    ck_assert_uint_gt(repl_core_due_us(&a->core), p.now_us);
    pair_pass(&p, 11);
    ck_assert_uint_eq(a->resumed, 1);
    ck_assert_uint_eq(a->core.count.fetch_timeouts, 1);
    ck_assert_uint_eq(repl_core_due_us(&a->core), 0);
    ck_assert(!node_fetch(a, &request[1], missing_key())); /* others do not wait either */
    wire_hold(&p.wire, 1, false);
    for (unsigned i = 0; i < 10 && waiters_want(&a->core.waiters); i++)
        one_round();
    ck_assert(node_fetch(a, &request[1], missing_key())); /* it answers again */
    settle_in_sync();
    ck_assert_uint_eq(a->resumed, 2);
}
END_TEST

START_TEST(test_the_link_breaks)
{
    restart_and_merge();
    ck_assert(node_fetch(a, &request[0], missing_key()));
    node_work(a);
    wire_cut(&p.wire);
    ck_assert(node_fetch(a, &request[1], "key 7")); /* the link may be back in time */
    wire_connect(&p.wire);
    until_resumed(2);
    wire_cut(&p.wire);
    ck_assert(node_fetch(a, &request[2], missing_key()));
    pair_pass(&p, 21);
    ck_assert_uint_eq(a->resumed, 3);
    pair_pass(&p, 2000);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert(!node_fetch(a, &request[0], numbered(i)));
    settle_in_sync();
    ck_assert(!waiters_want(&a->core.waiters));
}
END_TEST

/* A node that never met its peer: its first clients wait, the later ones do not. */
START_TEST(test_a_node_alone)
{
    set(a, "k", "v");
    ck_assert(node_fetch(a, &request[0], "absent"));
    pair_pass(&p, 21);
    ck_assert_uint_eq(a->resumed, 1);
    ck_assert(!node_fetch(a, &request[1], "absent"));
    pair_pass(&p, 3000);
    ck_assert(!node_fetch(a, &request[1], "absent"));
    settle_in_sync();
}
END_TEST

START_TEST(test_switched_off)
{
    const struct pair_config config = { .map_bits = { 10, 10 },
                                        .journal_bytes = 64 << 10 };
    restart_pair(&config);
    restart_and_merge();
    ck_assert(!fetch_is_on(&a->core));
    settle_in_sync();
}
END_TEST

/* ---- the peer's side */

static void deliver_fetch(struct node *n, uint64_t term, const char *key, unsigned times)
{
    static uint8_t list[4096];
    size_t nkey = strlen(key);
    struct link_message m = { .op = LINK_FETCH, .term = term, .rest = list };
    for (unsigned i = 0; i < times; i++) {
        list[m.nrest] = (uint8_t)nkey;
        memcpy(list + m.nrest + 1, key, nkey);
        m.nrest += nkey + 1;
    }
    AZ(pthread_mutex_lock(&n->core.lock));
    ck_assert_ptr_null(repl_core_message(&n->core, &m));
    AZ(pthread_mutex_unlock(&n->core.lock));
}

/* It sends nothing if it is asked in another term, or for keys that it does not hold; and
 * no more than the network accepts. */
START_TEST(test_answers_are_bounded)
{
    static char large[300000];
    link_up();
    set(b, "first", "2"); /* b leads, a follows */
    settle_in_sync();
    struct link_change c = {
        .key = "large", .nkey = 5, .value = large, .nvalue = sizeof(large)
    };
    ck_assert_int_eq(node_store(b, &c), CHANGE_OK);
    settle_in_sync();
    wire_hold(&p.wire, 0, true);
    deliver_fetch(a, a->core.term + 1, "large", 3);
    deliver_fetch(a, a->core.term, "small", 3);
    ck_assert_uint_eq(a->core.port_ops->backlog(a->core.port), 0);
    deliver_fetch(a, a->core.term, "large", 100);
    ck_assert_uint_lt(a->core.port_ops->backlog(a->core.port), 5 * sizeof(large));
    wire_hold(&p.wire, 0, false);
    settle_in_sync();
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_an_item_comes_ahead_of_the_copy,
        test_what_nobody_has,
        test_asked_before_the_nodes_meet,
        test_a_follower_asks_too,
        test_answered_ahead_of_a_repair,
        test_a_change_outweighs_the_answer,
        test_a_change_costs_no_other_key,
        test_more_changes_than_room,
        test_each_merge_begins_anew,
        test_a_peer_that_is_stuck,
        test_the_link_breaks,
        test_a_node_alone,
        test_switched_off,
        test_answers_are_bounded,
    };
    return unit_run_with("fetch", setup, teardown, tests, N_ELEMENTS(tests));
}
