/* A handover as seen by the operator who requested it: step by step, and in time. */
#include "test/unit/core_rig.h"

enum { STEPS_MAX = 8 };

static enum repl_handover_state steps[STEPS_MAX];
static unsigned nsteps;

static void note_step(void *context)
{
    const struct node *n = context;
    ck_assert_uint_lt(nsteps, STEPS_MAX);
    steps[nsteps++] = repl_core_handover(&n->core)->state;
}

static void begin(struct node *n)
{
    nsteps = 0;
    repl_core_on_progress(&n->core, note_step, n);
    repl_core_lock(&n->core);
    ck_assert_ptr_null(repl_core_handover_begin(&n->core, &repl_handover_planned));
    repl_core_unlock(&n->core);
}

START_TEST(test_each_step_is_told)
{
    link_up();
    begin(a);
    settle_in_sync();
    ck_assert(b->core.active);
    ck_assert_uint_eq(nsteps, 3);
    ck_assert_int_eq(steps[0], HANDOVER_HELD);
    ck_assert_int_eq(steps[1], HANDOVER_OFFERED);
    ck_assert_int_eq(steps[2], HANDOVER_DONE);
}
END_TEST

/* Nobody polls it: a tick is due when it has to be over. */
START_TEST(test_it_ends_in_time)
{
    link_up();
    begin(a);
    ck_assert_uint_eq(repl_core_due_us(&a->core),
                      p.now_us + repl_handover_planned.drain_us);
    node_work(a); /* everything is sent already, and the peer does not answer */
    ck_assert_uint_eq(repl_core_due_us(&a->core),
                      p.now_us + repl_handover_planned.hold_us);
    pair_pass(&p, (unsigned)(repl_handover_planned.hold_us / 1000));
    ck_assert_int_eq(steps[nsteps - 1], HANDOVER_FAILED);
    ck_assert_uint_eq(repl_core_due_us(&a->core), 0);
    set(a, "k", "v");
    settle_in_sync();
}
END_TEST

/* Waiting changes continue at once, whatever ends the handover. */
START_TEST(test_it_ends_with_its_session)
{
    link_up();
    begin(a);
    node_work(a);
    wire_cut(&p.wire);
    ck_assert_int_eq(steps[nsteps - 1], HANDOVER_FAILED);
    set(a, "k", "v");
    settle_in_sync();
    begin(a);
    node_work(a);
    node_demote(a);
    ck_assert_int_eq(steps[nsteps - 1], HANDOVER_FAILED);
    ck_assert_ptr_nonnull(strstr(repl_core_handover(&a->core)->why, "demoted"));
    settle();
}
END_TEST

/* A client of a, whose request can be put off. */
static enum change_result set_held(const char *key, const char *value)
{
    static const char request;
    a->request = &request;
    enum change_result r = node_set(a, key, value);
    a->request = NULL;
    return r;
}

/* No thread waits: the request is put off, and the call is made again. */
START_TEST(test_changes_are_put_off)
{
    link_up();
    begin(a);
    node_work(a);
    ck_assert_int_eq(set_held("k", "v"), CHANGE_HELD);
    ck_assert_int_eq(node_set(a, "l", "v"), CHANGE_REJECTED); /* it cannot be put off */
    ck_assert_uint_eq(a->resumed, 0);
    wire_cut(&p.wire);
    ck_assert_uint_eq(a->resumed, 1);
    ck_assert_int_eq(set_held("k", "v"), CHANGE_OK);
    settle_in_sync();
    both_have("k", "v");
}
END_TEST

/* The next change may take the role back; one that was held does not. */
START_TEST(test_a_held_change_does_not_promote)
{
    link_up();
    repl_core_lock(&a->core);
    ck_assert_ptr_null(repl_core_handover_begin(&a->core, &repl_handover_yield));
    repl_core_unlock(&a->core);
    node_work(a);
    ck_assert_int_eq(set_held("k", "v"), CHANGE_HELD);
    settle_in_sync();
    ck_assert(b->core.active && a->resumed == 1);
    ck_assert_int_eq(set_held("k", "v"), CHANGE_REJECTED);
    ck_assert_int_eq(set_held("k", "v"), CHANGE_OK);
    settle_in_sync();
    both_have("k", "v");
}
END_TEST

/* A pair whose journal runs over all the time, and a handover under that load: a round
 * takes so many ms. Returns how long changes were held, in ms. */
static unsigned hand_over_under_load(unsigned round_ms)
{
    static const struct pair_config tiny = { .map_bits = { 10, 10 },
                                             .journal_bytes = 1024 };
    const struct repl_handover *h = repl_core_handover(&a->core);
    unsigned held_ms = 0;
    restart_pair(&tiny);
    link_up();
    set_many(a, 0, 100, "v");
    begin(a);
    for (unsigned i = 0; h->state < HANDOVER_DONE && i < 10000; i++) {
        for (unsigned k = 0; k < 100 && !handover_holds(&a->core); k++)
            set(a, numbered(k), "w");
        held_ms += handover_holds(&a->core) ? round_ms : 0;
        pair_pass(&p, round_ms);
        one_round();
    }
    return held_ms;
}

START_TEST(test_it_ends_though_the_journal_runs_over)
{
    unsigned held_ms = hand_over_under_load(1);
    ck_assert_int_eq(repl_core_handover(&a->core)->state, HANDOVER_DONE);
    ck_assert_uint_lt(1000 * held_ms, repl_handover_planned.hold_us);
    settle_in_sync();
    ck_assert(b->core.active);
    both_have(numbered(99), "w");
}
END_TEST

/* Changes are not held in vain, whether the copy goes round several times or not once. */
START_TEST(test_a_load_that_is_too_much)
{
    for (unsigned round_ms = 10; round_ms <= 100; round_ms *= 10) {
        ck_assert_uint_eq(hand_over_under_load(round_ms), 0);
        const struct repl_handover *h = repl_core_handover(&a->core);
        ck_assert_int_eq(h->state, HANDOVER_FAILED);
        ck_assert_ptr_nonnull(strstr(h->why, "raise 'journal'"));
        settle_in_sync();
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_each_step_is_told,
        test_it_ends_in_time,
        test_it_ends_with_its_session,
        test_changes_are_put_off,
        test_a_held_change_does_not_promote,
        test_it_ends_though_the_journal_runs_over,
        test_a_load_that_is_too_much,
    };
    return unit_run_with("handover", setup, teardown, tests, N_ELEMENTS(tests));
}
