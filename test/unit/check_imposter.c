/*
 * Somebody who is not the peer connects between two sessions of a pair, sends something,
 * and leaves without having merged: the true peer finds everything unchanged.
 */
#include "test/unit/core_rig.h"

static const char *greet_with(struct node *n, uint64_t term)
{
    struct link_hello said, hello;
    wire_connect(&p.wire); /* so that there is a place to answer to */
    repl_core_make_hello(&n->core, &said, 0);
    hello = said;
    hello.met = hello.former = 0;
    memset(&hello.run, 'x', sizeof(hello.run));
    hello.active = false;
    hello.term = hello.seen = term;
    p.wire.end[n->number].session = p.wire.newest;
    p.wire.connections[p.wire.newest].greeted[1 - n->number] = true;
    repl_core_lock(&n->core);
    const char *why = repl_core_hello(&n->core, &said, &hello);
    repl_core_unlock(&n->core);
    return why;
}

static void tell(struct node *n, const struct link_message *m)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    ck_assert_ptr_null(repl_core_message(&n->core, m));
    AZ(pthread_mutex_unlock(&n->core.lock));
}

/* An imposter may raise the term so far that the next one would be refused. Then the
 * numbers start again. */
START_TEST(test_a_term_that_nobody_reaches)
{
    static const uint64_t claims[] = { UINT64_MAX / 2, (UINT64_C(1) << 40) + 1,
                                       UINT64_C(1) << 40 };
    link_up();
    wire_cut(&p.wire);
    for (size_t i = 0; i < N_ELEMENTS(claims); i++) {
        for (unsigned who = 0; who < 2; who++) {
            const char *why = greet_with(&p.node[who], claims[i]);
            ck_assert_int_eq(why == NULL, claims[i] <= UINT64_C(1) << 40);
            wire_cut(&p.wire);
            node_demote(&p.node[who]);
            set(&p.node[who], "k", "by itself"); /* a promotion */
            wire_cut(&p.wire);
        }
    }
    settle();
    set(a, "k", "v");
    settle_in_sync();
    both_have("k", "v");
    for (unsigned i = 0; i < 4; i++) {
        node_promote(&p.node[i % 2]);
        set(&p.node[i % 2], "k", numbered(i));
        settle_in_sync();
        both_have("k", numbered(i));
    }
    ck_assert_uint_lt(a->core.term, UINT64_C(1) << 41);
}
END_TEST

/* What this node is missing may still arrive: only a merge with another node rules that
 * out. */
START_TEST(test_a_copy_that_was_cut_is_not_forgotten)
{
    set_many(a, 0, 500, "v");
    wire_connect(&p.wire);
    while (b->store.items < 100)
        one_round();
    wire_cut(&p.wire);
    ck_assert_uint_lt(b->store.items, 500);
    ck_assert_ptr_null(greet_with(b, 0));
    wire_cut(&p.wire);
    ck_assert(!map_is_empty(&b->core.missing));
    settle_in_sync();
    ck_assert_uint_eq(b->store.items, 500);
}
END_TEST

/* The node has dropped a key that the peer still holds. */
START_TEST(test_an_absence_told_by_another)
{
    static const uint8_t note[] = { LINK_NOTE_ABSENT, 5, 0, 0, 'k', 'e', 'y', ' ', '7' };
    link_up();
    set_many(a, 0, 20, "v");
    settle_in_sync();
    wire_cut(&p.wire);
    ck_assert_ptr_null(greet_with(a, 0));
    struct link_message m = { .op = LINK_ABSENT, .rest = note, .nrest = sizeof(note) };
    m.term = a->core.term;
    tell(a, &m);
    ck_assert(node_has(a, "key 7", NULL));
    wire_cut(&p.wire);
    settle_in_sync();
    both_have("key 7", NULL);
    both_have("key 8", "v");
}
END_TEST

/* A value larger than the peer accepts: at least, the peer must not keep the old one. */
START_TEST(test_what_the_peer_does_not_take)
{
    char value[400];
    link_up();
    a->core.session.peer.item_max = 300;
    memset(value, 'x', sizeof(value));
    struct link_change c = { .key = "k", .nkey = 1, .value = value, .nvalue = 300 };
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    settle_in_sync();
    c.nvalue = 301;
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    settle();
    ck_assert(node_has(b, "k", NULL));
    ck_assert(pair_in_sync(&p));
    node_delete(a, "k");
    settle_in_sync();
}
END_TEST

/* An item of a copy that this node does not accept is reported. */
START_TEST(test_a_fill_that_is_too_large_is_told)
{
    const struct link_message m = {
        .op = LINK_FILL, .change = { .key = "k", .nkey = 1, .nvalue = 1 << 20 }
    };
    link_up();
    map_fill(&a->core.missing);
    tell(a, &m);
    ck_assert_uint_eq(a->core.count.apply_failed, 1);
    ck_assert_ptr_nonnull(strstr(a->core.fault.text, "could not take an item"));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_term_that_nobody_reaches,       test_a_copy_that_was_cut_is_not_forgotten,
        test_an_absence_told_by_another,       test_what_the_peer_does_not_take,
        test_a_fill_that_is_too_large_is_told,
    };
    return unit_run_with("imposter", setup, teardown, tests, N_ELEMENTS(tests));
}
