/*
 * A fixed number of random schedules. `./dev sim TIME` runs as many as fit into the
 * time.
 */
#include "config.h"
#include "test/sim/schedule.h"
#include "test/unit/quick.h"
#include "test/unit/unit.h"

#ifdef UNDER_SANITIZER
enum { SCHEDULES = 400 };
#else
enum { SCHEDULES = 2000 };
#endif

START_TEST(test_random_schedules)
{
    uint64_t steps = 0;
    char why[400];
    for (uint64_t seed = 1; seed <= quick(SCHEDULES, SCHEDULES / 5); seed++)
        ck_assert_msg(schedule_run(seed, &steps, why, sizeof(why)),
                      "schedule %llu: %s; again: build/test/sim/sim --seed %llu",
                      (unsigned long long)seed, why, (unsigned long long)seed);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_random_schedules };
    return unit_run("schedules", tests, N_ELEMENTS(tests));
}
