/* What a node keeps for its operator: the last error until it is cured, the history, a
 * pause, and what the peer tells. */
#include "repl/health.h"
#include "test/unit/core_rig.h"

static void pass(struct node *n, unsigned ms)
{
    repl_core_lock(&n->core);
    repl_core_tick(&n->core, p.now_us += (uint64_t)ms * 1000);
    repl_core_unlock(&n->core);
}

static void fault(struct node *n, const char *text)
{
    repl_core_lock(&n->core);
    repl_core_fault(&n->core, "%s", text);
    repl_core_unlock(&n->core);
}

static bool has_error(struct node *n)
{
    return figures_of(n).last_error[0] != '\0';
}

/* How often an event with this text was noted; 0: it is not in the history. */
static unsigned noted(struct node *n, const char *text)
{
    const struct history *h = repl_core_history(&n->core);
    unsigned times = 0;
    for (unsigned i = 0; i < history_count(h); i++) {
        const struct history_event *e = history_get(h, i);
        times += strstr(e->text, text) != NULL ? e->times : 0;
    }
    return times;
}

/* ---- the last error */

START_TEST(test_an_error_is_cured_when_in_sync_again)
{
    fault(a, "cannot reach the peer");
    pass(a, 3000);
    ck_assert(has_error(a));
    ck_assert_uint_eq(figures_of(a).last_error_ms, 3000);
    link_up();
    settle_in_sync();
    pass(a, 1);
    ck_assert(!has_error(a));
    ck_assert_uint_eq(figures_of(a).last_error_ms, 0);
}
END_TEST

/* The link was lost and made again between two ticks: nobody has seen them apart. */
START_TEST(test_an_error_is_cured_by_a_merge)
{
    link_up();
    settle_in_sync();
    pass(a, 1);
    fault(a, "link closed");
    pass(a, 1);
    ck_assert(has_error(a)); /* a link that goes on disproves nothing */
    wire_cut(&p.wire);
    settle_in_sync();
    pass(a, 1);
    ck_assert(!has_error(a));
}
END_TEST

START_TEST(test_an_error_that_a_good_link_does_not_cure)
{
    repl_core_lock(&a->core);
    repl_core_fault_until(&a->core, CURE_SECRET_READ, "cannot read the secret");
    repl_core_unlock(&a->core);
    link_up();
    settle_in_sync();
    pass(a, 1);
    ck_assert(has_error(a));
    repl_core_cured(&a->core, CURE_ACCEPTED);
    ck_assert(has_error(a));
    repl_core_cured(&a->core, CURE_SECRET_READ);
    ck_assert(!has_error(a));
}
END_TEST

/* ---- the history */

START_TEST(test_roles_and_copies_are_noted)
{
    pass(a, 1);
    link_up();
    set(a, "k", "v");
    settle_in_sync();
    ck_assert_uint_eq(noted(a, "this process started"), 1);
    ck_assert_uint_eq(noted(a, "active now, term 1"), 1);
    ck_assert_uint_ge(noted(a, "copying ") + noted(b, "copying "), 1);
    ck_assert_uint_ge(noted(a, "filled: ") + noted(b, "filled: "), 1);
    repl_core_lock(&b->core);
    repl_core_promote(&b->core, "for this test");
    repl_core_unlock(&b->core);
    settle_in_sync();
    ck_assert_uint_eq(noted(b, "active now, term 2: for this test"), 1);
    ck_assert_uint_eq(noted(a, "standby now: the peer leads with term 2"), 1);
}
END_TEST

START_TEST(test_history_forgets_the_oldest)
{
    static struct history h;
    char text[HISTORY_TEXT + 50];
    for (unsigned i = 0; i < HISTORY_EVENTS + 10; i++) {
        snprintf(text, sizeof(text), "event %u", i);
        history_note(&h, 1000 + i, HISTORY_LINK, text);
    }
    ck_assert_uint_eq(history_count(&h), HISTORY_EVENTS);
    ck_assert_uint_eq(h.n, HISTORY_EVENTS + 10);
    ck_assert_str_eq(history_get(&h, 0)->text, "event 10");
    ck_assert_uint_eq(history_get(&h, 0)->first_us, 1010);
    snprintf(text, sizeof(text), "event %d", HISTORY_EVENTS + 9);
    ck_assert_str_eq(history_get(&h, HISTORY_EVENTS - 1)->text, text);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    history_note(&h, 1, HISTORY_LINK, text); /* longer than an event has room for */
    history_note(&h, 2, HISTORY_LINK, text);
    ck_assert_uint_eq(history_get(&h, HISTORY_EVENTS - 1)->times, 2);
}
END_TEST

START_TEST(test_repeats_do_not_fill_the_history)
{
    static struct history h;
    history_note(&h, 1, HISTORY_ROLE, "active");
    for (unsigned i = 0; i < 1000; i++) {
        history_note(&h, 10 + i, HISTORY_LINK, "linked");
        history_note(&h, 10 + i, HISTORY_LINK, "closed");
    }
    ck_assert_uint_eq(history_count(&h), 3);
    ck_assert_uint_eq(history_get(&h, 1)->times, 1000);
    ck_assert_uint_eq(history_get(&h, 1)->first_us, 10);
    ck_assert_uint_eq(history_get(&h, 1)->last_us, 1009);
    history_note(&h, 2000, HISTORY_NODE, "linked");
    ck_assert_uint_eq(history_count(&h), 4); /* another kind */
}
END_TEST

/* ---- a pause */

static void pause_for(struct node *n, uint64_t us)
{
    repl_core_lock(&n->core);
    repl_core_pause(&n->core, us);
    repl_core_unlock(&n->core);
}

START_TEST(test_a_pause_ends_by_itself)
{
    pass(a, 1);
    unsigned face = repl_core_face(&a->core);
    pause_for(a, 5000000);
    ck_assert_uint_ne(repl_core_face(&a->core), face); /* the guard is told at once */
    pass(a, 4000);
    ck_assert_uint_eq(figures_of(a).paused, 1);
    ck_assert_uint_eq(figures_of(a).paused_ms, 4000);
    ck_assert_uint_eq(figures_of(a).pause_left_ms, 1000);
    pass(a, 1000);
    ck_assert_uint_eq(figures_of(a).paused, 0);
    ck_assert_uint_eq(repl_core_face(&a->core), face);
    ck_assert_uint_eq(noted(a, "the time of the pause is over"), 1);
}
END_TEST

START_TEST(test_a_pause_is_prolonged_and_ended)
{
    pass(a, 1);
    pause_for(a, 1000000);
    pass(a, 500);
    pause_for(a, 0);
    pass(a, 3600000);
    ck_assert_uint_eq(figures_of(a).paused_ms, 3600500);
    ck_assert_uint_eq(figures_of(a).pause_left_ms, 0);
    repl_core_lock(&a->core);
    ck_assert(repl_core_resume(&a->core));
    ck_assert(!repl_core_resume(&a->core));
    repl_core_unlock(&a->core);
    ck_assert_uint_eq(figures_of(a).paused, 0);
}
END_TEST

/* ---- what the peer tells */

static void report(struct node *n)
{
    repl_core_lock(&n->core);
    repl_core_report(&n->core);
    repl_core_unlock(&n->core);
}

START_TEST(test_the_peer_tells_how_it_is)
{
    link_up();
    set_many(a, 0, 100, "v");
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).peer_told, 0);
    pause_for(b, 0);
    report(b);
    settle();
    struct repl_status s = figures_of(a);
    ck_assert_uint_eq(s.peer_told, 1);
    ck_assert_uint_eq(s.peer_items, b->store.items);
    ck_assert_uint_eq(s.peer_fit, 1);
    ck_assert_uint_eq(s.peer_in_sync, 1);
    ck_assert_uint_eq(s.peer_paused, 1);
    ck_assert_ptr_nonnull(strstr(s.peer_health, "standby, in sync"));
    wire_cut(&p.wire);
    ck_assert_uint_eq(figures_of(a).peer_told, 0); /* it may be otherwise by now */
    ck_assert_uint_eq(figures_of(a).peer_items, 0);
}
END_TEST

START_TEST(test_report_on_the_wire)
{
    const struct link_report r = { .fit = true,
                                   .paused = true,
                                   .items = 1,
                                   .missing_buckets = 6,
                                   .copy_total = 8,
                                   .copy_us = UINT64_MAX };
    struct link_message m;
    struct buffer wire;
    size_t used;
    const char *why;
    char health[2 * LINK_HEALTH_MAX];
    memset(health, 'h', sizeof(health));
    health[sizeof(health) - 1] = '\0';
    buffer_init(&wire);
    ck_assert(link_put_report(&wire, 9, &r, health));
    ck_assert_int_eq(
        link_parse(buffer_head(&wire), buffer_length(&wire), 4096, &m, &used, &why),
        LINK_OK);
    ck_assert_uint_eq(used, buffer_length(&wire));
    ck_assert(!m.report.active && m.report.fit && !m.report.in_sync && m.report.paused);
    ck_assert_uint_eq(m.report.items, 1);
    ck_assert_uint_eq(m.report.missing_buckets, 6);
    ck_assert_uint_eq(m.report.copy_total, 8);
    ck_assert_uint_eq(m.report.copy_us, UINT64_MAX);
    ck_assert_uint_eq(m.nrest, LINK_HEALTH_MAX);
    buffer_fini(&wire);
}
END_TEST

START_TEST(test_progress_of_a_copy)
{
    enum { MANY = 2000 };
    const struct pair_config config = { .map_bits = { 14, 14 },
                                        .journal_bytes = 1 << 20 };
    restart_pair(&config);
    link_up();
    set_many(a, 0, MANY, "v");
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).copy_total, 0);
    return_empty(b);
    uint64_t before = 0;
    while (b->store.items < MANY / 2)
        one_round();
    for (unsigned i = 0; i < 20 && figures_of(a).copy_total > 0; i++) {
        struct repl_status s = figures_of(a);
        ck_assert_uint_ge(s.copy_items, before);
        ck_assert_uint_ge(s.copy_total, MANY * 7 / 10);
        ck_assert_uint_le(s.copy_total, MANY * 13 / 10);
        ck_assert_uint_le(s.copy_items, s.copy_total);
        before = s.copy_items;
        one_round();
    }
    ck_assert_uint_gt(before, 0);
    settle_in_sync();
    ck_assert_uint_eq(figures_of(a).copy_total, 0);
}
END_TEST

/* ---- leaving a peer */

START_TEST(test_when_a_peer_must_not_be_left)
{
    ck_assert_ptr_null(repl_core_parting_fault(&a->core)); /* there is none */
    link_up();
    set_many(a, 0, 500, "v");
    settle_in_sync();
    ck_assert_ptr_null(repl_core_parting_fault(&a->core));
    ck_assert(repl_core_has_met(&a->core, &b->core.config.run));
    return_empty(b);
    while (!b->core.session.merged)
        one_round();
    ck_assert_ptr_nonnull(strstr(repl_core_parting_fault(&b->core), "being filled"));
    settle_in_sync();
    repl_core_lock(&a->core);
    ck_assert_ptr_null(repl_core_handover_begin(&a->core, &repl_handover_planned));
    repl_core_unlock(&a->core);
    ck_assert_ptr_nonnull(strstr(repl_core_parting_fault(&a->core), "handover"));
    settle();
    ck_assert_ptr_nonnull(strstr(repl_core_parting_fault(&a->core), "handed its role"));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_an_error_is_cured_when_in_sync_again,
        test_an_error_is_cured_by_a_merge,
        test_an_error_that_a_good_link_does_not_cure,
        test_roles_and_copies_are_noted,
        test_history_forgets_the_oldest,
        test_repeats_do_not_fill_the_history,
        test_a_pause_ends_by_itself,
        test_a_pause_is_prolonged_and_ended,
        test_the_peer_tells_how_it_is,
        test_report_on_the_wire,
        test_progress_of_a_copy,
        test_when_a_peer_must_not_be_left,
    };
    return unit_run_with("operator", setup, teardown, tests, N_ELEMENTS(tests));
}
