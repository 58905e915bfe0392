/* The replication core: first contact, and changes by clients. */
#include <pthread.h>

#include "test/unit/core_rig.h"

START_TEST(test_empty_meets_full)
{
    set_many(a, 0, 500, "v");
    settle_in_sync();
    both_have("key 499", "v");
    ck_assert_uint_eq(b->store.items, 500);
    ck_assert_uint_eq(a->core.count.resync_items, 500);
    ck_assert_uint_eq(a->core.count.resyncs_full, 1);
    ck_assert(a->core.active && !b->core.active);
    ck_assert_uint_eq(b->core.term, 1);
}
END_TEST

/* The empty node wins the tie of two standbys, but must not make the other one empty. */
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
    node_promote(b); /* the higher term */
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
    repl_core_lock(&a->core);
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
    repl_core_unlock(&a->core);
    settle_in_sync();
}
END_TEST

/* ---- live changes */

static uint64_t cas_of(struct node *n, const char *key)
{
    struct repl_item it;
    ck_assert_int_eq(toy_store_ops.lookup(&n->store, key, strlen(key), &it), REPL_YES);
    toy_store_ops.release(&n->store, it.item);
    return it.state.cas;
}

/* Two new nodes may have drawn the same side. Once they have met, they have different
 * ones, over a split too, and also when another run takes the place of one. */
START_TEST(test_both_halves_of_a_split_number_differently)
{
    a->store.side = b->store.side = 5;
    link_up();
    for (unsigned i = 0; i < 2; i++) {
        wire_lose(&p.wire, 0);
        ck_assert_uint_eq(cas_of(a, "first"), cas_of(b, "first"));
        set(a, "k", "of a");
        set(b, "k", "of b");
        ck_assert_uint_ne(cas_of(a, "k"), cas_of(b, "k"));
        return_empty(b);
        ck_assert_uint_gt(b->store.side, 1);
        settle_in_sync();
    }
}
END_TEST

/* The peer has not heard of the new run when the link breaks: it has its old side. */
START_TEST(test_a_side_that_only_one_has_taken)
{
    link_up();
    for (unsigned i = 0; i < 6; i++) {
        struct node *n = &p.node[i % 2], *other = &p.node[1 - i % 2];
        unsigned side = other->store.side;
        p.run_order[i % 2] = (uint8_t)(100 + i); /* the higher run */
        return_empty(n);
        ck_assert(wire_deliver(&p.wire, i % 2, true));
        wire_lose(&p.wire, 0);
        ck_assert_uint_eq(other->store.side, side);
        ck_assert_uint_eq(n->store.side, 1 - side);
        wire_connect(&p.wire);
        settle_in_sync();
    }
}
END_TEST

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
    ck_assert_uint_eq(b->core.count.applied, a->core.count.shipped + 1); /* + "first" */
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

/* However many they are: on a slow link they wait as one change each. */
START_TEST(test_many_hot_keys_collapse)
{
    enum { HOT = 500, ROUNDS = 3 }; /* the journal has room for them */
    link_up();
    uint64_t before = a->core.count.shipped;
    for (unsigned i = 0; i < ROUNDS; i++)
        set_many(a, 0, HOT, "v");
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.shipped, before + HOT);
    ck_assert_uint_eq(a->core.count.coalesced, (ROUNDS - 1) * HOT);
    ck_assert(node_has(b, numbered(HOT - 1), "v"));
}
END_TEST

/* A gathering clears no more of its table than what is due needs. */
START_TEST(test_one_change_takes_a_small_table)
{
    link_up();
    set_many(a, 0, 1000, "v");
    settle_in_sync();
    set(a, "one", "v");
    settle_in_sync();
    ck_assert_uint_lt(a->core.gather.mask, 4);
    both_have("one", "v");
}
END_TEST

/* ---- rings of several threads */

enum { MORE_THAN_A_GATHERING = GATHER_MAX + 50 };

static void *flood(void *from)
{
    unsigned first = *(const unsigned *)from;
    set_many(a, first, first + MORE_THAN_A_GATHERING, "v");
    return NULL;
}

/* Its ring is never empty when the next changes are gathered. */
static void flood_and_ship(unsigned round)
{
    unsigned first = round * MORE_THAN_A_GATHERING;
    pthread_t thread;
    AZ(pthread_create(&thread, NULL, flood, &first));
    AZ(pthread_join(thread, NULL));
    do
        node_work(a);
    while (a->core.gather.shipped < a->core.gather.n);
    for (unsigned n = 0; n < 2; n++) {
        while (wire_deliver(&p.wire, 1 - n, true) || wire_deliver(&p.wire, 1 - n, false))
            continue;
    }
}

/* The other thread's worker is the newer one, and comes first in the list. */
START_TEST(test_no_ring_waits_for_another)
{
    const struct pair_config config = { .map_bits = { 8, 8 }, .journal_bytes = 1 << 20 };
    restart_pair(&config);
    link_up();
    flood_and_ship(0);
    set(a, "lonely", "1");
    for (unsigned round = 1; round < 4; round++)
        flood_and_ship(round);
    ck_assert(node_has(b, "lonely", "1"));
    settle_in_sync();
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

/* The peer's store refuses the item: a miss there, never the old value. */
START_TEST(test_an_item_that_does_not_fit)
{
    link_up();
    set(a, "k", "v");
    settle_in_sync();
    b->store.value_max = 3;
    set(a, "k", "too long");
    settle();
    ck_assert(node_has(b, "k", NULL));
    ck_assert_uint_eq(b->core.count.apply_failed, 1);
    ck_assert_ptr_nonnull(strstr(b->core.fault.text, "could not take an item"));
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
        test_both_halves_of_a_split_number_differently,
        test_a_side_that_only_one_has_taken,
        test_changes_flow,
        test_large_values,
        test_delete_of_an_absent_key,
        test_hot_keys_collapse,
        test_many_hot_keys_collapse,
        test_one_change_takes_a_small_table,
        test_no_ring_waits_for_another,
        test_expired_items_ship_as_deletes,
        test_expired_items_are_not_copied,
        test_an_item_that_does_not_fit,
    };
    return unit_run_with("core", setup, teardown, tests, N_ELEMENTS(tests));
}
