/*
 * Pages within the budget. Free ones are warm, and still charged, or were given back to
 * the system and cost nothing. If the system does not take them, as with locked memory,
 * they stay warm and serve whoever needs pages next.
 *
 * Not locked: the caller sees to it that one thread at a time is here.
 */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include "store/budget.h"
#include "store/runs.h"

struct pages {
    struct runs runs;
    struct budget *budget;
    bool refused; /* that the system takes none back has been said */
};

/* bytes of address space, in at most so many runs. False: there are not as many. */
bool pages_init(struct pages *p, struct budget *budget, size_t bytes, uint32_t most);
void pages_fini(struct pages *p);

/* Warm pages, or cold ones, for which others are given back if need be. RUN_NONE: none in
 * one piece, now. */
uint32_t pages_take(struct pages *p, size_t bytes, size_t align);
/* They are free again. charged: fewer bytes than there are if some were given back. */
void pages_give(struct pages *p, uint32_t run, size_t charged);

/* Bytes that could be taken, if they were in one piece. */
static inline size_t pages_available(const struct pages *p)
{
    return budget_unspent(p->budget) + p->runs.bytes[RUN_WARM];
}

#endif
