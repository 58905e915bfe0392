#include "repl/slices.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/monotonic.h"

enum { SLICE_NS = 100000 };

void slices_be_short(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t slice, deadline, period;
    } wish = { .size = sizeof(wish), .policy = SCHED_OTHER, .slice = SLICE_NS };
    if (sched_getscheduler(0) != SCHED_OTHER)
        return;
    wish.nice = getpriority(PRIO_PROCESS, 0);
    (void)syscall(SYS_sched_setattr, 0, &wish, 0);
}

void slices_give_way(uint64_t *again_us)
{
    uint64_t from = monotonic_us();
    if (from < *again_us)
        return;
    (void)sched_yield();
    uint64_t to = monotonic_us();
    *again_us = to + (to - from);
}
