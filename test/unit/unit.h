/*
 * The frame of a unit test program: rows of tests and a main that runs them.
 *
 *   START_TEST(test_something) { ck_assert(...); } END_TEST
 *
 *   int main(void)
 *   {
 *       const TTest *tests[] = { test_something };
 *       return unit_run("module", tests, N_ELEMENTS(tests));
 *   }
 *
 * Each test is a case of its own, so that libcheck's CK_RUN_CASE runs one of them alone:
 * CK_RUN_CASE=test_something. CK_FORK=no keeps it in this process, for a debugger.
 */
#ifndef TEST_UNIT_UNIT_H
#define TEST_UNIT_UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { UNIT_TIMEOUT = 60 }; /* seconds per test; generous, as sanitizers are slow */

/* Runs each test with a fixture around it; both functions may be NULL. */
static inline int unit_run_with(const char *module, SFun setup, SFun teardown,
                                const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(module);
    for (size_t i = 0; i < n; i++) {
        TCase *tcase = tcase_create(tests[i]->name);
        tcase_set_timeout(tcase, UNIT_TIMEOUT);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int run = srunner_ntests_run(runner), failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (run == 0)
        fprintf(stderr, "%s: there is no test with that name\n", module);
    return run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline int unit_run(const char *module, const TTest *const *tests, size_t n)
{
    return unit_run_with(module, NULL, NULL, tests, n);
}

/* Opens a file that belongs to the test; make check says where the sources are. */
static inline FILE *unit_open(const char *name)
{
    char path[512];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof(path), "%s/test/unit/%s", srcdir != NULL ? srcdir : ".", name);
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    return file;
}

#endif
