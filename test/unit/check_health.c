/* The health of a node: may it hold the clients' address? */
#include "repl/health.h"

#include "test/unit/core_rig.h"

enum { COLD_WAIT_MS = 5000 };

static void setup_patient(void)
{
    const struct pair_config config = { .map_bits = { 10, 10 },
                                        .journal_bytes = 64 << 10,
                                        .cold_wait_ms = COLD_WAIT_MS };
    pair_init(&p, &config);
}

static void is(struct node *n, bool fit, const char *words)
{
    struct repl_health health;
    repl_core_health(&n->core, &health);
    ck_assert_msg(strstr(health.why, words) != NULL, "not '%s': %s", words, health.why);
    ck_assert_msg(health.is_fit == fit, "%s", health.why);
    ck_assert_uint_eq(health.rank, n->core.rank);
    ck_assert_uint_eq(health.term, n->core.term);
}

/* Its peer may have the data and start a little later; or never. */
START_TEST(test_started_empty)
{
    is(a, false, "started empty and has not met its peer yet");
    pair_pass(&p, COLD_WAIT_MS - 1);
    is(a, false, "started empty and has not met its peer yet");
    pair_pass(&p, 1);
    is(a, true, "no peer to fill it");
    set(a, "k", "v");
    is(a, true, "active, term 1, without a peer");
}
END_TEST

START_TEST(test_linked)
{
    link_up();
    is(a, true, "active, term 1, the peer has everything");
    is(b, true, "standby, in sync with its peer");
    set(a, "k", "v");
    is(a, true, "the peer is catching up");
    settle_in_sync();
    is(a, true, "the peer has everything");
}
END_TEST

START_TEST(test_cut)
{
    link_up();
    wire_cut(&p.wire);
    is(a, true, "active, term 1, without a peer");
    is(b, true, "it holds what it had when the link broke");
    wire_connect(&p.wire);
    while (!b->core.session.open)
        ck_assert(wire_deliver(&p.wire, 1, true) || node_work(a));
    is(b, true, "agreeing with its peer on what differs");
    settle_in_sync();
}
END_TEST

/* Not before it has everything, however long that takes; but if its peer has died, what
 * it has is all there is. */
START_TEST(test_being_filled)
{
    set_many(a, 0, 1000, "v");
    wire_connect(&p.wire);
    while (b->store.items < 100)
        one_round();
    pair_pass(&p, 2 * COLD_WAIT_MS);
    is(b, false, "not filled by its peer yet");
    wire_cut(&p.wire);
    is(b, true, "not filled, but without the peer that could fill it");
    wire_connect(&p.wire);
    for (unsigned i = 0; i < 100 && !b->core.session.open; i++)
        one_round();
    is(b, false, "not filled by its peer yet");
    settle_in_sync();
    is(b, true, "in sync with its peer");
}
END_TEST

START_TEST(test_handed_over)
{
    link_up();
    AZ(pthread_mutex_lock(&a->core.lock));
    ck_assert_ptr_null(repl_core_handover_begin(&a->core, &repl_handover_planned));
    AZ(pthread_mutex_unlock(&a->core.lock));
    for (unsigned i = 0; i < 100 && a->core.active; i++)
        one_round();
    is(b, true, "active, term 2");
    is(a, false, "it has handed its role over to the peer");
    settle_in_sync();
    node_demote(a);
    is(a, true, "standby, ");
    settle_in_sync();
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_started_empty, test_linked, test_cut, test_being_filled,
                             test_handed_over };
    return unit_run_with("health", setup_patient, teardown, tests, N_ELEMENTS(tests));
}
