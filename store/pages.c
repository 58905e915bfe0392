/* The arena's pages and the budget. */
#include "store/segment.h"

#include <errno.h>
#include <stdio.h>

/* Once, as it will be so again: whoever runs this may want to know why memory that is
 * free in here is not free for others. */
static void note_refusal(struct memory *m)
{
    if (!m->refused)
        fprintf(
            stderr,
            "default_engine: the system does not take free memory back (%s), so it is "
            "kept for later items, within the limit; locked memory (-k) is taken back "
            "from Linux 5.18 on\n",
            strerror(errno));
    m->refused = true;
}

/* Give a run's pages back to the system; they are kept if it does not want them. */
static bool cool(struct memory *m, uint32_t run)
{
    size_t bytes = runs_bytes(&m->runs, run);
    bool dropped = range_drop(runs_base(&m->runs, run), bytes);
    if (dropped)
        memory_credit(m, bytes);
    else
        note_refusal(m);
    runs_give(&m->runs, run, dropped ? RUN_COLD : RUN_WARM);
    return dropped;
}

static bool cool_smallest(struct memory *m)
{
    uint32_t run = runs_take_smallest(&m->runs, RUN_WARM);
    return run != RUN_NONE && cool(m, run);
}

uint32_t pages_take(struct memory *m, size_t bytes, size_t align)
{
    uint32_t pages = (uint32_t)(bytes / RUN_PAGE), at = (uint32_t)(align / RUN_PAGE);
    uint32_t run = runs_take(&m->runs, RUN_WARM, pages, at);
    if (run != RUN_NONE)
        return run;
    do {
        if (unspent(m) >= bytes)
            run = runs_take(&m->runs, RUN_COLD, pages, at);
    } while (run == RUN_NONE && cool_smallest(m));
    if (run != RUN_NONE)
        memory_charge(m, bytes);
    return run;
}

void pages_give(struct memory *m, uint32_t run, size_t charged)
{
    size_t bytes = runs_bytes(&m->runs, run);
    memory_charge(m, bytes - charged);
    /* Over the limit, because the table grew: pay now. */
    if (charged < bytes || unspent(m) == 0)
        cool(m, run);
    else
        runs_give(&m->runs, run, RUN_WARM);
}
