/*
 * Pages within the budget. Free pages are either warm and still charged, or cold: given
 * back to the system, at no cost. If the system does not take them back, as with locked
 * memory, they stay warm and serve the next caller that needs pages.
 *
 * Not locked: the caller ensures that only one thread at a time is in here.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include "store/budget.h"
#include "store/runs.h"

struct pages {
    struct runs runs;
    struct budget *budget;
    bool refused; /* the message that the system takes none back has been printed */
};

/* bytes of address space, in at most `most` runs. False: the system refuses so much. */
bool pages_init(struct pages *p, struct budget *budget, size_t bytes, uint32_t most);
void pages_fini(struct pages *p);

/* Takes warm pages, or cold ones, giving others back if necessary. RUN_NONE: there is no
 * such run in one piece now. */
uint32_t pages_take(struct pages *p, size_t bytes, size_t align);
/* Frees a run. charged: less than its bytes if some pages were given back already. */
void pages_give(struct pages *p, uint32_t run, size_t charged);

/* Gives warm pages back while more is charged than the limit. */
void pages_settle(struct pages *p);

/* Bytes that could be taken if they were in one piece. */
static inline size_t pages_available(const struct pages *p)
{
    return budget_unspent(p->budget) + p->runs.bytes[RUN_WARM];
}

#endif
