/*
 * Pages for segments and large items: runs of pages, side by side in one range.
 *
 *   | used | free, warm | used | used | free, cold | used |  never used  |
 *   0                                                    top
 *
 * A warm run has kept its memory and counts as charged; a cold one has given it back. A
 * run knows those beside it: free ones of a kind that meet become one. They wait in
 * lists by size, a list for each power of two. To the kernel all of it is one mapping,
 * however many runs there are.
 *
 * Not locked: the caller sees to it that one thread at a time is here.
 */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include <stdint.h>

#include "store/range.h"

#define RUN_NONE UINT32_MAX
#define RUN_PAGE ((size_t)4096)

enum run_kind { RUN_WARM, RUN_COLD, RUN_FREE_KINDS, RUN_USED = RUN_FREE_KINDS };

struct run {
    uint32_t page, pages; /* where it begins, how long it is */
    uint32_t left, right; /* by address */
    uint32_t prev, next;  /* while free: of its size */
    enum run_kind kind;
};

enum { RUN_SIZES = 32 };
struct runs {
    struct range pages, numbers;
    struct run *run;                          /* by number, at numbers.base */
    uint32_t most_pages, top, last;           /* last: the run below top */
    uint32_t most, nruns, spare;              /* spare: numbers to be used again */
    uint32_t list[RUN_FREE_KINDS][RUN_SIZES]; /* first of each size */
    size_t bytes[RUN_FREE_KINDS];             /* in all of a kind */
};

/* bytes of address space, and at most so many runs. False, with nothing held: the kernel
 * refuses, or it is more than there are numbers for. */
bool runs_init(struct runs *r, size_t bytes, uint32_t most);
void runs_fini(struct runs *r);

/* A free run of this length whose first page is a multiple of align, made of free ones of
 * this kind, or, if that is cold, of pages never used. RUN_NONE: there is none. */
uint32_t runs_take(struct runs *r, enum run_kind kind, uint32_t pages, uint32_t align);

/* Some free run, as it is: one of the smallest. RUN_NONE: none is of this kind. */
uint32_t runs_take_smallest(struct runs *r, enum run_kind kind);

/* A run in use is free again; its number means nothing any more. */
void runs_give(struct runs *r, uint32_t n, enum run_kind kind);

static inline char *runs_base(const struct runs *r, uint32_t n)
{
    return r->pages.base + r->run[n].page * RUN_PAGE;
}

static inline size_t runs_bytes(const struct runs *r, uint32_t n)
{
    return r->run[n].pages * RUN_PAGE;
}

#endif
