#include "store/pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool pages_init(struct pages *p, struct budget *budget, size_t bytes, uint32_t most)
{
    p->budget = budget;
    p->refused = false;
    return runs_init(&p->runs, bytes, most);
}

void pages_fini(struct pages *p)
{
    runs_fini(&p->runs);
}

/* Printed once, as the cause persists: an operator may want to know why memory that is
 * free in the store is not free for other processes. */
static void note_refusal(struct pages *p)
{
    if (!p->refused)
        fprintf(
            stderr,
            "default_engine: the system refuses to take back free memory (%s), so the "
            "store keeps it for later items, within the limit; locked memory (-k) can be "
            "given back from Linux 5.18 on\n",
            strerror(errno));
    p->refused = true;
}

/* Gives a run's pages back to the system; keeps them if the system refuses. */
static bool cool(struct pages *p, uint32_t run)
{
    size_t bytes = runs_bytes(&p->runs, run);
    bool dropped = range_drop(runs_base(&p->runs, run), bytes);
    if (dropped)
        budget_credit(p->budget, bytes);
    else
        note_refusal(p);
    runs_give(&p->runs, run, dropped ? RUN_COLD : RUN_WARM);
    return dropped;
}

static bool cool_smallest(struct pages *p)
{
    uint32_t run = runs_take_smallest(&p->runs, RUN_WARM);
    return run != RUN_NONE && cool(p, run);
}

uint32_t pages_take(struct pages *p, size_t bytes, size_t align)
{
    uint32_t pages = (uint32_t)(bytes / RUN_PAGE), at = (uint32_t)(align / RUN_PAGE);
    uint32_t run = runs_take(&p->runs, RUN_WARM, pages, at);
    if (run != RUN_NONE)
        return run;
    do {
        if (budget_unspent(p->budget) >= bytes)
            run = runs_take(&p->runs, RUN_COLD, pages, at);
    } while (run == RUN_NONE && cool_smallest(p));
    if (run != RUN_NONE)
        budget_charge(p->budget, bytes);
    return run;
}

void pages_give(struct pages *p, uint32_t run, size_t charged)
{
    size_t bytes = runs_bytes(&p->runs, run);
    budget_charge(p->budget, bytes - charged);
    /* Over the limit because the table grew: pay now. */
    if (charged < bytes || budget_unspent(p->budget) == 0)
        cool(p, run);
    else
        runs_give(&p->runs, run, RUN_WARM);
}

void pages_settle(struct pages *p)
{
    while (atomic_load(&p->budget->charged) > budget_limit(p->budget) && cool_smallest(p))
        ;
}
