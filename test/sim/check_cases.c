/*
 * What the product promises, case by case (doc/replication.md, "What happens when"), on
 * two nodes in memory. Each case runs with a large and a tiny journal, without and with
 * a delayed flush_all under way, and is judged by what either node shows at any moment.
 * Items have TTLs, and clients hold older CAS tokens. Long because the cases are
 * together, in the order of the document.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"
#include "test/sim/world.h"
#include "test/unit/unit.h"

enum { KEYS = 60, FLUSH_IN = 50, TTL = 100 };

static struct world w;
static struct node *const a = &w.p.node[0], *const b = &w.p.node[1];

static void well(void)
{
    ck_assert_msg(world_is_well(&w), "%s", w.fault);
}

static void write_some(struct node *n, unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++) {
        ck_assert(world_set(&w, n, k, k % 3 == 0 ? TTL : 0));
        if (k % 10 == 9)
            ck_assert(world_delete(&w, n, k));
        judge_key(&w, k);
    }
    well();
}

/* Move one message or round of work at a time, and judge everything after each. */
static void move(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        node_work(a);
        node_work(b);
        for (unsigned n = 0; n < 2; n++) {
            wire_deliver(&w.p.wire, n, true);
            wire_deliver(&w.p.wire, n, false);
        }
        judge_now(&w);
    }
    well();
}

static void rest(void)
{
    wire_connect(&w.p.wire);
    move(40);
    judge_rest(&w);
    well();
}

static uint64_t version(struct node *n, unsigned k)
{
    struct sight s;
    world_see(&w, n, k, &s);
    return s.version;
}

static void both_have(unsigned k, uint64_t v)
{
    ck_assert_uint_eq(version(a, k), v);
    ck_assert_uint_eq(version(b, k), v);
}

static uint64_t copied(void)
{
    return a->core.count.resync_items + b->core.count.resync_items;
}

/* ---- the cases: a is active and in sync with b at the beginning */

static void standby_returns_empty(void)
{
    world_crash(&w, b);
    wire_lose(&w.p.wire, 0);
    write_some(a, 0, 10);
    rest();
    ck_assert(a->core.active && !b->core.active);
}

/* The node knows of a delayed flush_all, although it was dead when clients asked for
 * it. */
static void standby_returns_empty_and_takes_over(void)
{
    standby_returns_empty();
    world_phase(&w);
    world_crash(&w, a);
    wire_lose(&w.p.wire, 1);
    write_some(b, 0, 3);
    for (unsigned k = 3; k < KEYS; k++)
        ck_assert_uint_eq(version(b, k), w.keys[k].expected);
    rest();
    ck_assert(b->core.active && !a->core.active);
}

static void link_breaks_for_a_while(void)
{
    wire_cut(&w.p.wire);
    uint64_t before = copied();
    write_some(a, 0, 5);
    rest();
    if (w.p.config.map_bits[0] == 14)
        ck_assert_uint_le(copied() - before, 6);
}

static void link_is_half_open(void)
{
    write_some(a, 0, 5);
    node_work(a);
    wire_lose(&w.p.wire, 1);
    write_some(a, 5, 10);
    rest();
}

static void active_dies(void)
{
    world_crash(&w, a);
    wire_lose(&w.p.wire, 1);
    write_some(b, 0, 3);
    for (unsigned k = 3; k < KEYS; k++)
        ck_assert_uint_eq(version(b, k), w.keys[k].expected);
    rest(); /* a returns empty, joins as a standby and is filled */
    ck_assert(b->core.active && !a->core.active);
}

static void active_returns_before_the_vip_moves(void)
{
    world_crash(&w, a);
    wire_lose(&w.p.wire, 1);
    write_some(a, 0, 10); /* at once, while it is empty */
    wire_connect(&w.p.wire);
    while (!a->core.session.merged)
        move(1);
    write_some(a, 20, 25); /* and while it is filled */
    rest();
    ck_assert(a->core.active);
    both_have(30, w.keys[30].expected);
    ck_assert_uint_ne(version(a, 30), 0);
}

static void vip_moves_both_alive(void)
{
    uint64_t before = copied();
    write_some(b, 0, 5);
    rest();
    ck_assert(b->core.active && !a->core.active);
    if (w.p.config.map_bits[0] == 14)
        ck_assert_uint_le(copied() - before, 6);
}

static void unshipped_writes_are_recovered(void)
{
    wire_cut(&w.p.wire);
    write_some(a, 0, 9);
    write_some(b, 8, 15);
    uint64_t of_a = version(a, 1), of_b = version(b, 12);
    rest();
    ck_assert(b->core.active);
    if (w.p.config.map_bits[0] == 14 && !w.flushed_later) {
        both_have(1, of_a);
        both_have(12, of_b);
        both_have(8, 0);
    }
}

static void split_brain(void)
{
    wire_cut(&w.p.wire);
    write_some(a, 0, 20);
    write_some(b, 10, 30);
    world_delete(&w, b, 0);
    rest();
    both_have(0, 0);
    both_have(15, 0);
}

static void planned_handover(void)
{
    write_some(a, 0, 10);
    AZ(pthread_mutex_lock(&a->core.lock));
    ck_assert_ptr_null(repl_core_handover_begin(&a->core, &repl_handover_planned));
    AZ(pthread_mutex_unlock(&a->core.lock));
    for (unsigned i = 0; i < 100 && a->core.handover.state != HANDOVER_DONE; i++)
        move(1);
    ck_assert_int_eq(a->core.handover.state, HANDOVER_DONE);
    ck_assert(!world_set(&w, a, 0, 0)); /* refused */
    for (unsigned k = 0; k < KEYS; k++)
        ck_assert_uint_eq(version(b, k), w.keys[k].expected);
    write_some(b, 5, 15);
    rest();
}

static void peer_is_stuck(void)
{
    wire_hold(&w.p.wire, 0, true);
    for (unsigned i = 0; i < 20; i++) {
        write_some(a, 0, KEYS);
        node_work(a);
    }
    move(5);
    wire_hold(&w.p.wire, 0, false);
    rest();
}

/* A second purge order must not make the node forget what the first one is for
 * (R10). */
static void journal_runs_over_during_a_repair(void)
{
    wire_hold(&w.p.wire, 0, true);
    for (unsigned i = 0; i < 300; i++) { /* enough batches to make the copy wait */
        write_some(a, 0, 1);
        node_work(a);
    }
    for (unsigned i = 0; i < 100; i++) /* no room for what is written after them */
        write_some(a, 1, 40);
    for (unsigned k = 40; k < 45; k++) {
        write_some(a, k, k + 1);
        node_work(a);
    }
    wire_cut(&w.p.wire);
    wire_hold(&w.p.wire, 0, false);
    rest();
}

static void peer_memory_is_smaller(void)
{
    for (unsigned k = 0; k < KEYS; k += 2)
        world_evict(&w, b, k);
    write_some(a, 0, 10);
    rest();
    for (unsigned k = 10; k < KEYS; k++)
        ck_assert_uint_eq(version(a, k), w.keys[k].expected);
}

static void cold_start(void)
{
    world_crash(&w, a);
    world_crash(&w, b);
    for (unsigned k = 0; k < KEYS; k++)
        w.keys[k].expected = 0;
    wire_cut(&w.p.wire);
    write_some(b, 0, 10); /* alone */
    rest();
    ck_assert(b->core.active);
}

static void first_copy_cut_in_the_middle(void)
{
    world_crash(&w, b);
    wire_lose(&w.p.wire, 0);
    wire_connect(&w.p.wire);
    while (b->store.items < 5)
        move(1);
    node_promote(b);
    wire_cut(&w.p.wire);
    move(2);
    rest();
    both_have(40, w.keys[40].expected);
    ck_assert_uint_ne(version(b, 40), 0);
}

/* A full cache: the node evicts keys, and its clients ask for them in vain. */
static void ask_in_vain(struct node *n, unsigned from, unsigned to)
{
    for (unsigned k = from; k < to; k++) {
        world_evict(&w, n, k);
        world_replace(&w, n, k);
        world_touch(&w, n, k, 0);
    }
    well();
}

static void absent_and_the_role_moves(void)
{
    ask_in_vain(a, 0, 10);
    move(5);
    node_promote(b);
    rest();
    for (unsigned k = 0; k < 10; k++)
        both_have(k, 0);
}

static void absent_in_a_split(void)
{
    wire_cut(&w.p.wire);
    write_some(a, 20, 30);
    ask_in_vain(a, 0, 10);
    node_promote(b);
    ask_in_vain(b, 40, 50);
    write_some(b, 30, 40);
    rest();
}

static void absent_where_the_other_changed_it(void)
{
    for (unsigned k = 20; k < 40; k++)
        ck_assert(world_delete(&w, a, k));
    rest();
    wire_cut(&w.p.wire);
    for (unsigned k = 20; k < 40; k++)
        ck_assert(world_set(&w, a, k, 0));
    for (unsigned k = 20; k < 40; k++) {
        world_touch(&w, b, k, 0);
        world_replace(&w, b, k);
    }
    uint64_t of_a = version(a, 30);
    rest();
    both_have(30, of_a);
}

static void asked_for_while_it_is_filled(void)
{
    world_crash(&w, a);
    wire_lose(&w.p.wire, 1);
    world_replace(&w, a, 0); /* it is active at once */
    wire_connect(&w.p.wire);
    while (!a->core.session.merged)
        move(1);
    for (unsigned k = 0; k < KEYS; k++) {
        if (version(a, k) == 0)
            world_replace(&w, a, k);
    }
    rest();
    ck_assert(a->core.active);
    both_have(30, w.keys[30].expected);
    ck_assert_uint_ne(version(a, 30), 0);
}

/* ---- copies, part by part */

static void copy_cut_again_and_again(void)
{
    world_crash(&w, b);
    wire_lose(&w.p.wire, 0);
    for (unsigned i = 0; i < 10; i++) {
        wire_connect(&w.p.wire);
        move(20);
        write_some(a, 3 * i, 3 * i + 2);
        wire_cut(&w.p.wire);
    }
    rest();
    ck_assert_uint_ne(version(b, 50), 0);
}

static void active_dies_during_a_resync(void)
{
    AZ(pthread_mutex_lock(&a->core.lock));
    ck_assert_ptr_null(repl_core_resync(&a->core));
    AZ(pthread_mutex_unlock(&a->core.lock));
    move(12);
    world_crash(&w, a);
    wire_lose(&w.p.wire, 1);
    for (unsigned k = 0; k < KEYS; k++)
        ck_assert_uint_eq(version(b, k), w.keys[k].expected);
    rest();
    both_have(50, w.keys[50].expected);
}

static void no_room_at_the_standby(void)
{
    b->store.one_in_refused = 2;
    write_some(a, 0, 20);
    move(20);
    ck_assert(!pair_in_sync(&w.p));
    rest();
}

static void merge_cut_before_the_follower_knows(void)
{
    world_crash(&w, a);
    wire_lose(&w.p.wire, 1);
    write_some(a, 0, 3); /* active at once */
    wire_connect(&w.p.wire);
    while (!a->core.session.merged) {
        node_work(b);
        for (unsigned n = 0; n < 2; n++) {
            wire_deliver(&w.p.wire, n, true);
            wire_deliver(&w.p.wire, n, false);
        }
        node_work(a);
    }
    wire_cut(&w.p.wire);
    node_promote(b);
    write_some(b, 30, 33);
    uint64_t of_a = version(a, 1), of_b = version(b, 31);
    rest();
    if (w.p.config.map_bits[0] == 14 && !w.flushed_later) {
        both_have(1, of_a);
        both_have(31, of_b);
    }
    ck_assert_uint_ne(version(a, 50), 0);
}

static const struct {
    const char *name;
    void (*play)(void);
} cases[] = {
    { "standby dies, returns empty", standby_returns_empty },
    { "standby dies, returns empty, takes over", standby_returns_empty_and_takes_over },
    { "link breaks for a while", link_breaks_for_a_while },
    { "link is lost at one end only", link_is_half_open },
    { "active dies, VIP moves, old active returns empty", active_dies },
    { "active restarts so fast that the VIP never moved",
      active_returns_before_the_vip_moves },
    { "both alive, VIP moved", vip_moves_both_alive },
    { "writes accepted but never shipped", unshipped_writes_are_recovered },
    { "split brain", split_brain },
    { "planned handover", planned_handover },
    { "peer is slow or stuck", peer_is_stuck },
    { "journal runs over during a repair", journal_runs_over_during_a_repair },
    { "peer memory smaller", peer_memory_is_smaller },
    { "both cold, or one alone", cold_start },
    { "first copy cut in the middle, receiver promoted", first_copy_cut_in_the_middle },
    { "told absent, the role moves", absent_and_the_role_moves },
    { "told absent in a split", absent_in_a_split },
    { "told absent what the other changed", absent_where_the_other_changed_it },
    { "asked for while it is filled", asked_for_while_it_is_filled },
    { "copy cut again and again", copy_cut_again_and_again },
    { "active dies during a resync", active_dies_during_a_resync },
    { "no room at the standby", no_room_at_the_standby },
    { "merge cut before the follower knows", merge_cut_before_the_follower_knows },
};

/* ---- how each is played */

static void begin(bool tiny, bool flush)
{
    struct pair_config config = { .map_bits = { 14, 14 }, .journal_bytes = 64 << 10 };
    if (tiny) {
        config.journal_bytes = 1024;
        config.map_bits[0] = config.map_bits[1] = 6;
    }
    world_init(&w, &config, 1, KEYS);
    write_some(a, 0, KEYS);
    for (unsigned k = 0; k < TOKENS; k++)
        world_gets(&w, a, 4 * k % KEYS);
    judge_rest(&w);
    well();
    world_phase(&w);
    if (flush) {
        ck_assert(world_flush(&w, a, FLUSH_IN));
        w.flushed_later = false; /* the end of the case waits for the flush */
        move(10);
    }
}

static void end(void)
{
    for (unsigned t = 0; t < TOKENS; t++) {
        if (a->core.active)
            world_cas(&w, a, t);
        else if (b->core.active)
            world_cas(&w, b, t);
    }
    judge_rest(&w);
    for (unsigned i = 0; i <= TTL; i++) {
        world_tick(&w);
        move(1);
    }
    judge_rest(&w);
    well();
    for (unsigned k = 0; k < KEYS; k++) {
        struct sight s;
        world_see(&w, a, k, &s);
        ck_assert(s.version == 0 || s.dies_at == NEVER);
    }
}

START_TEST(test_case)
{
    for (unsigned i = 0; i < 4; i++) {
        begin(i & 1, i & 2);
        cases[_i].play();
        end();
        /* Only if both nodes died does nobody remember it. */
        bool remembered = !(w.crashed[0] && w.crashed[1]);
        for (unsigned k = 0; (i & 2) && remembered && k < KEYS; k++)
            both_have(k, 0);
        world_fini(&w);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cases");
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        TCase *tcase = tcase_create(cases[i].name);
        tcase_add_loop_test(tcase, test_case, (int)i, (int)i + 1);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
