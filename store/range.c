#include "store/range.h"

#include <errno.h>
#include <sys/mman.h>

/* Linux 5.18; the C library's headers may be older. */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

/* Memory is charged in small steps and made writable in larger ones: the kernel
 * keeps one mapping in either case, and the calls stay rare. */
enum { CHARGE_STEP = 16 << 10, READY_STEP = 4 << 20 };

static size_t round_up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

bool range_init(struct range *r, size_t size)
{
    size = round_up(size, READY_STEP);
    void *base =
        mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *r = (struct range){ 0 };
    if (base == MAP_FAILED)
        return false;
    *r = (struct range){ .base = base, .size = size };
    return true;
}

void range_fini(struct range *r)
{
    if (r->base != NULL)
        munmap(r->base, r->size);
    *r = (struct range){ 0 };
}

bool range_grow(struct range *r, size_t upto, size_t *added)
{
    *added = 0;
    if (upto <= r->charged)
        return true;
    if (upto > r->size)
        return false;
    if (upto > r->ready) {
        size_t ready = round_up(upto, READY_STEP);
        if (mprotect(r->base + r->ready, ready - r->ready, PROT_READ | PROT_WRITE) != 0)
            return false;
        r->ready = ready;
    }
    size_t charged = round_up(upto, CHARGE_STEP);
    *added = charged - r->charged;
    r->charged = charged;
    return true;
}

size_t range_shrink(struct range *r, size_t upto)
{
    size_t keep = round_up(upto, CHARGE_STEP);
    if (keep >= r->charged || !range_drop(r->base + keep, r->charged - keep))
        return 0;
    size_t dropped = r->charged - keep;
    r->charged = keep;
    return dropped;
}

/* The kernel gives back locked pages only if asked with this explicit flag. */
bool range_drop(char *from, size_t bytes)
{
    return madvise(from, bytes, MADV_DONTNEED) == 0 ||
           (errno == EINVAL && madvise(from, bytes, MADV_DONTNEED_LOCKED) == 0);
}
