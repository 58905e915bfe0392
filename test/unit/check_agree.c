/* What both nodes agree on in HELLO. */
#include "test/unit/core_rig.h"

static void have_times(struct node *n, uint32_t heartbeat, uint32_t timeout)
{
    struct repl_times times = repl_core_times(&n->core);
    ck_assert_uint_eq(times.heartbeat, heartbeat);
    ck_assert_uint_eq(times.timeout, timeout);
}

START_TEST(test_the_larger_times_count)
{
    struct pair_config config = p.config;
    config.times[0] = (struct repl_times){ 3000, 10000 };
    config.times[1] = (struct repl_times){ 250, 20000 };
    restart_pair(&config);
    have_times(b, 250, 20000);
    link_up();
    have_times(a, 3000, 20000);
    have_times(b, 3000, 20000);
    wire_cut(&p.wire);
    have_times(a, 3000, 10000);
    have_times(b, 250, 20000);
}
END_TEST

START_TEST(test_times_that_nobody_can_set)
{
    struct link_hello hello;
    repl_core_make_hello(&b->core, &hello, 0);
    ck_assert_ptr_null(repl_core_hello_fault(&a->core, &hello));
    hello.timeout = LINK_TIMEOUT_MAX + 1;
    ck_assert_ptr_nonnull(repl_core_hello_fault(&a->core, &hello));
    hello.timeout = LINK_TIMEOUT_MAX;
    hello.heartbeat = LINK_HEARTBEAT_MAX + 1;
    ck_assert_ptr_nonnull(repl_core_hello_fault(&a->core, &hello));
}
END_TEST

/* Whatever else has changed with it, that is the reason that is told. */
START_TEST(test_another_version)
{
    struct link_hello hello;
    repl_core_make_hello(&b->core, &hello, 0);
    hello.version--;
    const char *why = repl_core_hello_fault(&a->core, &hello);
    ck_assert(why != NULL && strstr(why, "versions") != NULL);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_the_larger_times_count, test_times_that_nobody_can_set,
                             test_another_version };
    return unit_run_with("agree", setup, teardown, tests, N_ELEMENTS(tests));
}
