/*
 * Pages for segments and large items: adjacent runs of pages in one range.
 *
 *   | used | free, warm | used | used | free, cold | used |  never used  |
 *   0                                                    top
 *
 * A warm run has kept its memory and counts as charged; a cold one has given it back. A
 * run knows its neighbours: adjacent free runs of one kind are merged. Free runs are in
 * lists by size, one list for each power of two. To the kernel all of it is one mapping,
 * however many runs there are.
 *
 * Not locked: the caller ensures that only one thread at a time is in here.
 */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include <stdint.h>

#include "store/range.h"

#define RUN_NONE UINT32_MAX
#define RUN_PAGE ((size_t)4096)

enum run_kind { RUN_WARM, RUN_COLD, RUN_FREE_KINDS, RUN_USED = RUN_FREE_KINDS };

struct run {
    uint32_t page, pages; /* its first page, and its length */
    uint32_t left, right; /* neighbours by address */
    uint32_t prev, next;  /* while free: in the list of its size */
    enum run_kind kind;
};

enum { RUN_SIZES = 32 };
struct runs {
    struct range pages, numbers;
    struct run *run;                          /* by number, at numbers.base */
    uint32_t most_pages, top, last;           /* last: the run below top */
    uint32_t most, nruns, spare;              /* spare: numbers to reuse */
    uint32_t list[RUN_FREE_KINDS][RUN_SIZES]; /* the first run of each size */
    size_t bytes[RUN_FREE_KINDS];             /* total of each kind */
};

/* bytes of address space, and at most `most` runs. False, with nothing held: the kernel
 * refuses, or there are more pages than numbers. */
bool runs_init(struct runs *r, size_t bytes, uint32_t most);
void runs_fini(struct runs *r);

/* A run of this length whose first page is a multiple of align. It is cut from free runs
 * of this kind or, if the kind is cold, from pages never used. RUN_NONE: there is none.
 */
uint32_t runs_take(struct runs *r, enum run_kind kind, uint32_t pages, uint32_t align);

/* A whole free run, one of the smallest. RUN_NONE: there is none of this kind. */
uint32_t runs_take_smallest(struct runs *r, enum run_kind kind);

/* Frees a run in use; its number becomes invalid. */
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
