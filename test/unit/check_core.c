/*
 * The replication core: two nodes on a wire, without threads, sockets or a clock. Each
 * test is a story; it ends with both at rest, holding the same.
 */
#include <string.h>

#include "base/hash.h"
#include "test/fake/pair.h"
#include "test/unit/unit.h"

static struct pair p;
static struct node *const a = &p.node[0], *const b = &p.node[1];

static void setup(void)
{
    pair_init(&p, NULL);
}

static void teardown(void)
{
    pair_fini(&p);
}

static void restart_pair(const struct pair_config *config)
{
    pair_fini(&p);
    pair_init(&p, config);
}

static void settle(void)
{
    ck_assert(pair_settle(&p));
    ck_assert_uint_eq(p.wire.end[0].refused, 0);
    ck_assert_uint_eq(p.wire.end[1].refused, 0);
}

/* All has moved, both hold the same and know it. */
static void settle_in_sync(void)
{
    char why[400] = "";
    settle();
    ck_assert_msg(pair_same(&p, why, sizeof(why)), "%s", why);
    ck_assert(pair_in_sync(&p));
}

static void both_have(const char *key, const char *value)
{
    ck_assert_msg(node_has(a, key, value), "a: %s is not %s", key, value);
    ck_assert_msg(node_has(b, key, value), "b: %s is not %s", key, value);
}

static void set(struct node *n, const char *key, const char *value)
{
    ck_assert_int_eq(node_set(n, key, value), CHANGE_OK);
}

static const char *numbered(unsigned i)
{
    static char key[20];
    snprintf(key, sizeof(key), "key %u", i);
    return key;
}

static void set_many(struct node *n, unsigned from, unsigned to, const char *value)
{
    for (unsigned i = from; i < to; i++)
        set(n, numbered(i), value);
}

/* a is active, b follows, both are in sync. */
static void link_up(void)
{
    set(a, "first", "1");
    settle_in_sync();
    ck_assert(a->core.active && !b->core.active);
}

static uint64_t items_copied(void)
{
    return a->core.count.resync_items + b->core.count.resync_items;
}

/* Each node works a little, and gets one message. */
static void one_round(void)
{
    node_work(a);
    node_work(b);
    for (unsigned n = 0; n < 2; n++) {
        wire_deliver(&p.wire, n, true);
        wire_deliver(&p.wire, n, false);
    }
}

/* ---- first contact */

START_TEST(test_empty_meets_full)
{
    set_many(a, 0, 500, "v");
    settle_in_sync();
    both_have("key 499", "v");
    ck_assert_uint_eq(b->store.items, 500);
    ck_assert_uint_eq(a->core.count.resync_items, 500);
    ck_assert_uint_eq(a->core.count.resyncs_full, 1);
    ck_assert(a->core.active && !b->core.active);
    ck_assert_uint_eq(b->core.reign, 1);
}
END_TEST

/* The empty one wins the tie of two standbys, and still gives nothing its emptiness. */
START_TEST(test_empty_winner_of_a_tie_wipes_nobody)
{
    for (unsigned who = 0; who < 2; who++) {
        restart_pair(NULL);
        set_many(&p.node[who], 0, 50, "v");
        node_demote(&p.node[who]);
        settle_in_sync();
        both_have("key 49", "v");
        ck_assert_uint_eq(items_copied(), 50);
    }
}
END_TEST

START_TEST(test_empty_promoted_meets_full)
{
    set_many(a, 0, 50, "v");
    for (unsigned i = 0; i < 3; i++) {
        node_promote(b);
        node_demote(b);
    }
    node_promote(b); /* the higher reign */
    settle_in_sync();
    ck_assert(b->core.active && !a->core.active);
    both_have("key 49", "v");
}
END_TEST

START_TEST(test_both_fresh)
{
    settle_in_sync();
    ck_assert(!a->core.active && !b->core.active);
    set(b, "k", "v");
    ck_assert(b->core.active);
    settle_in_sync();
    both_have("k", "v");
}
END_TEST

START_TEST(test_myself_is_refused)
{
    struct link_hello said, hello;
    repl_core_make_hello(&a->core, &said, 0);
    hello = said;
    ck_assert_ptr_nonnull(strstr(repl_core_hello(&a->core, &said, &hello), "itself"));
    hello.run = b->core.config.run;
    hello.version++;
    ck_assert_ptr_nonnull(repl_core_hello(&a->core, &said, &hello));
    hello.version--;
    hello.hash_id++;
    ck_assert_ptr_nonnull(repl_core_hello(&a->core, &said, &hello));
    hello.hash_id--;
    hello.map_bits = 31;
    ck_assert_ptr_nonnull(repl_core_hello(&a->core, &said, &hello));
    hello.map_bits = 5;
    ck_assert_ptr_nonnull(repl_core_hello(&a->core, &said, &hello));
    ck_assert(!a->core.session.open);
    settle_in_sync();
}
END_TEST

/* ---- live changes */

START_TEST(test_changes_flow)
{
    char text[] = "0123456789";
    link_up();
    struct link_change c = { .key = "k",
                             .nkey = 1,
                             .value = text,
                             .nvalue = 10,
                             .flags = 0x89abcdef,
                             .exptime = 300 };
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    settle_in_sync();
    both_have("k", text);
    uint64_t copied = items_copied();
    c.value = "";
    c.nvalue = 0;
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    set(a, "other", "x");
    settle_in_sync();
    both_have("k", "");
    both_have("other", "x");
    ck_assert_int_eq(node_delete(a, "k"), CHANGE_OK);
    settle_in_sync();
    both_have("k", NULL);
    ck_assert_uint_eq(items_copied(), copied);
    ck_assert_uint_eq(b->core.count.applied, a->core.count.shipped + 1); /* + first */
}
END_TEST

START_TEST(test_large_values)
{
    size_t n = 300000;
    char *value = malloc(n);
    link_up();
    memset(value, 'x', n);
    for (unsigned i = 0; i < 20; i++) {
        const char *key = numbered(i);
        struct link_change c = { .key = key, .value = value };
        c.nkey = (uint16_t)strlen(key);
        c.nvalue = (uint32_t)(n - i);
        ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    }
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 21);
    free(value);
}
END_TEST

START_TEST(test_delete_of_an_absent_key)
{
    link_up();
    set(a, "k", "v");
    settle_in_sync();
    node_evict(a, "k");
    ck_assert(node_has(b, "k", "v"));
    ck_assert_int_eq(node_delete(a, "k"), CHANGE_OK);
    settle_in_sync();
    both_have("k", NULL);
}
END_TEST

START_TEST(test_hot_keys_collapse)
{
    char value[20];
    link_up();
    uint64_t before = a->core.count.shipped;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(value, sizeof(value), "%u", i);
        set(a, "hot", value);
    }
    settle_in_sync();
    both_have("hot", "99");
    ck_assert_uint_eq(a->core.count.shipped, before + 1);
    ck_assert_uint_eq(a->core.count.coalesced, 99);
}
END_TEST

START_TEST(test_expired_items_ship_as_deletes)
{
    link_up();
    set(a, "k", "old");
    settle_in_sync();
    struct link_change c = {
        .key = "k", .nkey = 1, .value = "v", .nvalue = 1, .exptime = 5
    };
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    pair_advance(&p, 10);
    settle_in_sync();
    both_have("k", NULL);
}
END_TEST

START_TEST(test_expired_items_are_not_copied)
{
    struct link_change c = {
        .key = "k", .nkey = 1, .value = "v", .nvalue = 1, .exptime = 5
    };
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    c = (struct link_change){ .key = "l", .nkey = 1, .exptime = 1000 };
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    pair_advance(&p, 10);
    settle_in_sync();
    ck_assert_uint_eq(items_copied(), 1);
}
END_TEST

/* The peer's store refuses the item: a miss there, never the former value. */
START_TEST(test_an_item_that_does_not_fit)
{
    link_up();
    set(a, "k", "v");
    settle_in_sync();
    b->store.value_max = 3;
    set(a, "k", "too long");
    settle();
    ck_assert(node_has(b, "k", NULL));
    ck_assert_uint_eq(b->core.count.dropped, 1);
    ck_assert_ptr_nonnull(strstr(b->core.last_error, "could not take an item"));
}
END_TEST

START_TEST(test_writes_on_a_standby_can_be_refused)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .reject_on_standby = true };
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

/* ---- roles */

START_TEST(test_promotion_while_linked)
{
    link_up();
    set_many(a, 0, 100, "old");
    settle_in_sync();
    uint64_t copied = items_copied();
    set(b, "key 7", "new");
    settle_in_sync();
    ck_assert(b->core.active && !a->core.active);
    ck_assert_uint_eq(a->core.reign, 2);
    both_have("key 7", "new");
    both_have("key 8", "old");
    ck_assert_uint_le(items_copied() - copied, 10); /* a bucket or two, not all */
    set(a, "key 7", "newer");
    settle_in_sync();
    ck_assert(a->core.active);
    both_have("key 7", "newer");
}
END_TEST

/* R11: what the old active sent before it knew overwrites nothing. */
START_TEST(test_late_frame_of_the_old_active)
{
    link_up();
    set(a, "k", "old");
    settle_in_sync();
    set(a, "k", "late");
    while (node_work(a))
        continue; /* the frame is on its way */
    set(b, "k", "new");
    settle_in_sync();
    ck_assert(b->core.active);
    /* both changed it: a miss on both, or the leader's newer one; never the late one */
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
    ck_assert_uint_eq(a->core.reign, b->core.reign);
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

/* Old active has seen a higher reign than its own: it takes a new one, or none would
 * ever follow it. */
START_TEST(test_an_active_of_a_lower_reign_than_seen)
{
    link_up();
    wire_cut(&p.wire);
    node_promote(b);
    node_demote(b);
    set(a, "k", "v");
    settle_in_sync();
    ck_assert(a->core.active && !b->core.active);
    ck_assert_uint_eq(a->core.reign, 3);
    both_have("k", "v");
}
END_TEST

/* Between its HELLO and the peer's a node's role changes: what it said is not so any
 * more, and the peer would wait for it, or it would not heed the peer. */
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

/* ---- cuts */

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
    ck_assert_uint_gt(map_count(&a->core.dirty), 0);
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 301);
}
END_TEST

/* One side notices late; meanwhile its peer has taken up with it anew. */
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

/* A standby promoted in the middle of its first copy owes and is owed. */
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
    ck_assert_uint_ge(b->store.items, 990); /* the bucket of that key was in dispute */
    both_have("key 999", "new");
    both_have("key 1", "v");
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

/* Clients change on while the repair runs; new dirt is not cleared by its end. */
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

/* A peer that takes nothing: clients go on, memory stays bounded, all is made good. */
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

/* Asked for before the peer was there; the active dies before it takes effect. */
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

/* A flush_all that a merge has dealt with is not sent by the next one, when the peer has
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
        if (repl_core_busy(&a->core))
            node_work(a);
    }
    set(a, "x", "y"); /* leads again, and lacks what b has to give */
    settle_in_sync();
    both_have("key 7", "w");
}
END_TEST

/* The old active was asked for it, and the new one never heard of it. */
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

/* Two standbys: one leads, and it is not active when its flush takes effect. */
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

/* The active, just restarted, gets its items back while a delayed flush takes effect:
 * what comes after that moment must not bring the old ones back. */
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
        continue; /* the rest of the copy comes before a works again */
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, 0);
}
END_TEST

/* ---- split brain */

START_TEST(test_split_brain)
{
    link_up();
    set(a, "untouched", "v");
    set(a, "both", "v");
    set(a, "deleted here, set there", "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set(a, "only a", "a");
    set(a, "both", "a");
    ck_assert_int_eq(node_delete(a, "deleted here, set there"), CHANGE_OK);
    set(b, "only b", "b");
    set(b, "both", "b");
    set(b, "deleted here, set there", "b");
    ck_assert(a->core.active && b->core.active);
    settle_in_sync();
    both_have("only a", "a");
    both_have("only b", "b");
    both_have("both", NULL);
    both_have("deleted here, set there", NULL);
    both_have("untouched", "v");
    ck_assert_uint_ge(a->core.count.invalidated + b->core.count.invalidated, 1);
    ck_assert_int_ne(a->core.active, b->core.active);
}
END_TEST

/* What the old active accepted but never shipped is recovered. */
START_TEST(test_unshipped_changes_are_recovered)
{
    link_up();
    set(a, "k", "accepted");
    wire_cut(&p.wire);
    set(b, "other", "b");
    settle_in_sync();
    ck_assert(b->core.active);
    both_have("k", "accepted");
    both_have("other", "b");
}
END_TEST

START_TEST(test_writes_during_the_merge)
{
    link_up();
    set_many(a, 0, 200, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set_many(a, 0, 100, "a");
    set_many(b, 100, 200, "b");
    wire_connect(&p.wire);
    struct node *winner = NULL;
    for (unsigned i = 0; i < 400; i++) {
        for (unsigned n = 0; n < 2; n++) {
            wire_deliver(&p.wire, n, true);
            wire_deliver(&p.wire, n, false);
            node_work(&p.node[n]);
        }
        if (a->core.active != b->core.active) {
            winner = a->core.active ? a : b;
            set(winner, numbered(i % 200), "during");
            ck_assert(node_has(winner, numbered(i % 200), "during"));
        }
    }
    ck_assert_ptr_nonnull(winner);
    settle_in_sync();
    for (unsigned i = 0; i < 200; i++)
        both_have(numbered(i), "during");
}
END_TEST

/* ---- restarts */

START_TEST(test_standby_restarts_empty)
{
    link_up();
    set_many(a, 0, 200, "v");
    settle_in_sync();
    node_crash(b);
    wire_lose(&p.wire, 0);
    set(a, "meanwhile", "x");
    node_start(b);
    settle_in_sync();
    ck_assert(a->core.active);
    ck_assert_uint_eq(b->store.items, 202);
}
END_TEST

/* The active restarts so fast that clients never left it: it is refilled, and what
 * clients change meanwhile is not overwritten. */
START_TEST(test_active_restarts_empty)
{
    link_up();
    set_many(a, 0, 300, "old");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "key 7", "new");
    ck_assert_int_eq(node_delete(a, "key 8"), CHANGE_OK);
    wire_connect(&p.wire);
    while (a->store.items < 150) {
        one_round();
    }
    for (unsigned i = 100; i < 170; i++)
        set(a, numbered(i), "during");
    ck_assert_int_eq(node_delete(a, "key 180"), CHANGE_OK); /* its copy is on the way */
    ck_assert_int_eq(node_delete(a, "key 250"), CHANGE_OK);
    settle_in_sync();
    ck_assert(a->core.active);
    both_have("key 7", "new");
    both_have("key 8", NULL);
    both_have("key 180", NULL);
    both_have("key 250", NULL);
    for (unsigned i = 100; i < 170; i++)
        both_have(numbered(i), "during");
    unsigned found = 0;
    for (unsigned i = 0; i < 300; i++)
        found += node_has(a, numbered(i), NULL) ? 0 : 1;
    ck_assert_uint_ge(found, 270); /* but for neighbours of what was touched */
}
END_TEST

START_TEST(test_flush_during_a_refill)
{
    link_up();
    set_many(a, 0, 100, "old");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "x", "y");
    wire_connect(&p.wire);
    while (a->store.items < 50) {
        one_round();
    }
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, 0);
    ck_assert_uint_eq(b->store.items, 0);
}
END_TEST

/* The only one that could fill it is gone for good: what it has is all there is. */
START_TEST(test_survivor_of_a_half_copy_is_not_wiped)
{
    set_many(a, 0, 500, "v");
    wire_connect(&p.wire);
    while (b->store.items < 200) {
        one_round();
    }
    node_crash(a);
    wire_lose(&p.wire, 1);
    size_t left = b->store.items;
    node_start(a);
    settle_in_sync();
    ck_assert_uint_eq(a->store.items, left);
    ck_assert_uint_eq(b->store.items, left);
}
END_TEST

START_TEST(test_fail_over_and_back)
{
    char value[20];
    set(a, "first", "1");
    for (unsigned i = 0; i < 20; i++) {
        struct node *active = &p.node[i % 2], *other = &p.node[1 - i % 2];
        settle_in_sync();
        snprintf(value, sizeof(value), "%u", i);
        set(active, "k", value);
        settle_in_sync();
        node_crash(active);
        wire_lose(&p.wire, other->number);
        ck_assert(node_has(other, "k", value));
        set(other, "l", value);
        node_start(active);
    }
    settle_in_sync();
    both_have("first", "1");
    both_have("k", "19");
}
END_TEST

/* ---- configurations */

/* Nodes with maps of different sizes: what is purged there is copied from here. */
START_TEST(test_maps_of_different_sizes)
{
    for (unsigned who = 0; who < 2; who++) {
        struct pair_config config = { .map_bits = { 6, 6 }, .journal_bytes = 4096 };
        config.map_bits[who] = 12;
        restart_pair(&config);
        set_many(a, 0, 1000, "v");
        settle_in_sync();
        ck_assert_uint_eq(b->store.items, 1000);
        wire_cut(&p.wire);
        set(a, "key 3", "new");
        settle_in_sync();
        ck_assert_uint_eq(b->store.items, 1000);
        set_many(a, 0, 400, "overflow"); /* of the journal */
        settle_in_sync();
        ck_assert_uint_eq(b->store.items, 1000);
        wire_cut(&p.wire);
        set(b, "key 4", "b");
        set(a, "key 900", "a");
        settle_in_sync();
        both_have("key 3", "overflow");
        set(b, "key 5", "promoted");
        settle_in_sync();
        both_have("key 5", "promoted");
    }
}
END_TEST

/* A store that runs one walk at a time: the purge and the copy take turns. */
START_TEST(test_one_walk_at_a_time)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .single_walk = true };
    restart_pair(&config);
    link_up();
    set_many(a, 0, 500, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    set_many(a, 0, 200, "a");
    set_many(b, 300, 500, "b");
    settle_in_sync();
    set_many(b, 0, 500, "w");
    settle_in_sync();
    both_have("key 499", "w");
}
END_TEST

/* A store whose own CAS numbers say nothing about age next to those adopted. */
START_TEST(test_purge_in_a_store_without_a_cas_clock)
{
    const struct pair_config config = { .map_bits = { 8, 8 },
                                        .journal_bytes = 4096,
                                        .own_cas = true };
    restart_pair(&config);
    link_up();
    for (unsigned round = 0; round < 3; round++)
        set_many(a, 0, 300, "v");
    settle();
    ck_assert(pair_same(&p, NULL, 0));
    for (unsigned i = 0; i < 300; i++)
        ck_assert_int_eq(node_delete(a, numbered(i)), CHANGE_OK);
    settle();
    ck_assert_uint_eq(b->store.items, 1);
    wire_cut(&p.wire);
    set(a, "both", "a");
    set(b, "both", "b");
    settle();
    both_have("both", NULL);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_empty_meets_full,
        test_empty_winner_of_a_tie_wipes_nobody,
        test_empty_promoted_meets_full,
        test_both_fresh,
        test_myself_is_refused,
        test_changes_flow,
        test_large_values,
        test_delete_of_an_absent_key,
        test_hot_keys_collapse,
        test_expired_items_ship_as_deletes,
        test_expired_items_are_not_copied,
        test_an_item_that_does_not_fit,
        test_writes_on_a_standby_can_be_refused,
        test_promotion_while_linked,
        test_late_frame_of_the_old_active,
        test_both_promote_at_once,
        test_demoted_node_leads_again_after_the_link,
        test_an_active_of_a_lower_reign_than_seen,
        test_demoted_during_the_handshake,
        test_only_dirty_buckets_are_copied,
        test_frames_lost_on_the_way_are_copied,
        test_cut_noticed_by_one_side,
        test_a_copy_cut_in_the_middle_is_finished,
        test_promotion_in_the_middle_of_a_copy,
        test_overflow_is_repaired,
        test_deletes_through_an_overflow,
        test_overflow_during_the_repair,
        test_a_peer_that_is_stuck,
        test_flush,
        test_flush_while_cut,
        test_flush_by_the_promoted_standby,
        test_delayed_flush,
        test_delayed_flush_outlives_its_node,
        test_flush_replaces_a_delayed_one,
        test_flush_is_not_sent_again,
        test_delayed_flush_of_a_former_active,
        test_delayed_flush_of_two_standbys,
        test_delayed_flush_during_a_refill,
        test_split_brain,
        test_unshipped_changes_are_recovered,
        test_writes_during_the_merge,
        test_standby_restarts_empty,
        test_active_restarts_empty,
        test_flush_during_a_refill,
        test_survivor_of_a_half_copy_is_not_wiped,
        test_fail_over_and_back,
        test_maps_of_different_sizes,
        test_one_walk_at_a_time,
        test_purge_in_a_store_without_a_cas_clock,
    };
    return unit_run_with("core", setup, teardown, tests, N_ELEMENTS(tests));
}
