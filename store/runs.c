#include "store/runs.h"

/* LOOKS: how many runs of a list are compared to find the best fit; any run of a larger
 * list fits. STEP_PAGES: unused pages are taken in steps, so that the calls stay rare. */
enum { LOOKS = 32, STEP_PAGES = 1024 };

bool runs_init(struct runs *r, size_t bytes, uint32_t most)
{
    size_t added;
    *r = (struct runs){ .most = most, .spare = RUN_NONE, .last = RUN_NONE };
    for (int kind = 0; kind < RUN_FREE_KINDS; kind++) {
        for (int size = 0; size < RUN_SIZES; size++)
            r->list[kind][size] = RUN_NONE;
    }
    if (bytes / RUN_PAGE >= RUN_NONE || !range_init(&r->pages, bytes) ||
        !range_init(&r->numbers, most * sizeof(struct run)) ||
        !range_grow(&r->numbers, most * sizeof(struct run), &added)) {
        runs_fini(r);
        return false;
    }
    r->most_pages = (uint32_t)(bytes / RUN_PAGE);
    r->run = (struct run *)(void *)r->numbers.base;
    return true;
}

void runs_fini(struct runs *r)
{
    range_fini(&r->pages);
    range_fini(&r->numbers);
}

static uint32_t *list_of(struct runs *r, const struct run *run)
{
    return &r->list[run->kind][31 - __builtin_clz(run->pages)];
}

static void list_add(struct runs *r, uint32_t n, enum run_kind kind)
{
    struct run *run = &r->run[n];
    run->kind = kind;
    uint32_t *head = list_of(r, run);
    run->prev = RUN_NONE;
    run->next = *head;
    if (*head != RUN_NONE)
        r->run[*head].prev = n;
    *head = n;
    r->bytes[kind] += run->pages * RUN_PAGE;
}

static void list_drop(struct runs *r, uint32_t n)
{
    struct run *run = &r->run[n];
    if (run->prev == RUN_NONE)
        *list_of(r, run) = run->next;
    else
        r->run[run->prev].next = run->next;
    if (run->next != RUN_NONE)
        r->run[run->next].prev = run->prev;
    r->bytes[run->kind] -= run->pages * RUN_PAGE;
    run->kind = RUN_USED;
}

static uint32_t take_number(struct runs *r)
{
    uint32_t n = r->spare;
    if (n != RUN_NONE)
        r->spare = r->run[n].next;
    else if (r->nruns < r->most)
        n = r->nruns++;
    return n;
}

/* A new run in use, to the right of another run; RUN_NONE: it is the leftmost. */
static uint32_t insert(struct runs *r, uint32_t left, uint32_t page, uint32_t pages)
{
    uint32_t n = take_number(r);
    if (n == RUN_NONE)
        return RUN_NONE;
    uint32_t right = left == RUN_NONE ? RUN_NONE : r->run[left].right;
    r->run[n] = (struct run){
        .page = page, .pages = pages, .left = left, .right = right, .kind = RUN_USED
    };
    if (left != RUN_NONE)
        r->run[left].right = n;
    if (right != RUN_NONE)
        r->run[right].left = n;
    if (r->last == left)
        r->last = n;
    return n;
}

/* Cuts a run in use after so many pages. Returns the number of the rest, RUN_NONE if
 * there is none. */
static uint32_t split(struct runs *r, uint32_t n, uint32_t pages)
{
    struct run *run = &r->run[n];
    uint32_t rest = insert(r, n, run->page + pages, run->pages - pages);
    if (rest != RUN_NONE)
        run->pages = pages;
    return rest;
}

/* Merges a run with the one to its right. */
static void absorb(struct runs *r, uint32_t n)
{
    struct run *run = &r->run[n];
    uint32_t gone = run->right;
    run->pages += r->run[gone].pages;
    run->right = r->run[gone].right;
    if (run->right != RUN_NONE)
        r->run[run->right].left = n;
    if (r->last == gone)
        r->last = n;
    r->run[gone].next = r->spare;
    r->spare = gone;
}

void runs_give(struct runs *r, uint32_t n, enum run_kind kind)
{
    uint32_t left = r->run[n].left, right = r->run[n].right;
    if (right != RUN_NONE && r->run[right].kind == kind) {
        list_drop(r, right);
        absorb(r, n);
    }
    if (left != RUN_NONE && r->run[left].kind == kind) {
        list_drop(r, left);
        absorb(r, left);
        n = left;
    }
    list_add(r, n, kind);
}

/* The number of pages to skip at its beginning, for alignment. */
static uint32_t gap(const struct run *run, uint32_t align)
{
    return -run->page & (align - 1);
}

static bool fits(const struct run *run, uint32_t pages, uint32_t align)
{
    return run->pages >= pages && run->pages - pages >= gap(run, align);
}

static uint32_t best_of(const struct runs *r, uint32_t n, uint32_t pages, uint32_t align)
{
    uint32_t best = RUN_NONE;
    for (int looks = 0; n != RUN_NONE && looks < LOOKS; looks++) {
        const struct run *run = &r->run[n];
        if (fits(run, pages, align) &&
            (best == RUN_NONE || run->pages < r->run[best].pages))
            best = n;
        n = run->next;
    }
    return best;
}

static uint32_t find(const struct runs *r, enum run_kind kind, uint32_t pages,
                     uint32_t align)
{
    uint32_t n = RUN_NONE;
    for (int size = 31 - __builtin_clz(pages); n == RUN_NONE && size < RUN_SIZES; size++)
        n = best_of(r, r->list[kind][size], pages, align);
    return n;
}

/* Takes pages that were never used. False: none are left, or the kernel refuses. */
static bool extend(struct runs *r, uint32_t pages)
{
    uint32_t step = (pages + STEP_PAGES - 1) / STEP_PAGES * STEP_PAGES;
    uint32_t rest = r->most_pages - r->top;
    size_t added;
    step = step < rest ? step : rest;
    if (step == 0 || !range_grow(&r->pages, (r->top + step) * RUN_PAGE, &added))
        return false;
    uint32_t n = insert(r, r->last, r->top, step);
    if (n == RUN_NONE)
        return false;
    r->top += step;
    runs_give(r, n, RUN_COLD);
    return true;
}

/* Cuts the requested pages out of a free run; the rest stays free. */
static uint32_t cut(struct runs *r, uint32_t n, uint32_t pages, uint32_t align)
{
    enum run_kind kind = r->run[n].kind;
    uint32_t front = gap(&r->run[n], align), whole = n;
    list_drop(r, n);
    if (front > 0 && (n = split(r, n, front)) != RUN_NONE)
        list_add(r, whole, kind);
    if (n == RUN_NONE) {
        list_add(r, whole, kind);
        return RUN_NONE;
    }
    if (r->run[n].pages == pages)
        return n;
    uint32_t rest = split(r, n, pages);
    runs_give(r, rest != RUN_NONE ? rest : n, kind);
    return rest != RUN_NONE ? n : RUN_NONE;
}

uint32_t runs_take(struct runs *r, enum run_kind kind, uint32_t pages, uint32_t align)
{
    uint32_t n = find(r, kind, pages, align);
    if (n == RUN_NONE && kind == RUN_COLD && extend(r, pages + align - 1))
        n = find(r, kind, pages, align);
    return n == RUN_NONE ? RUN_NONE : cut(r, n, pages, align);
}

uint32_t runs_take_smallest(struct runs *r, enum run_kind kind)
{
    for (int size = 0; size < RUN_SIZES; size++) {
        uint32_t n = r->list[kind][size];
        if (n == RUN_NONE)
            continue;
        list_drop(r, n);
        return n;
    }
    return RUN_NONE;
}
