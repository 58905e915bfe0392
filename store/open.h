/*
 * An open segment: items are appended one after another until one does not fit.
 * Not locked: the owner guards it.
 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "store/segment.h"

struct open_segment {
    uint32_t id, items, min_exptime; /* id: SEGMENT_NONE if none is open */
    char *next, *end;
    uint64_t order; /* its future order; ORDER_LAST: behind all others */
};

/* Starts to fill a segment that was just taken. */
static inline void open_begin(struct open_segment *open, uint32_t id, char *base,
                              size_t size, uint64_t order)
{
    *open = (struct open_segment){ .id = id,
                                   .min_exptime = EXPTIME_NONE,
                                   .next = base,
                                   .end = base + size,
                                   .order = order };
}

/* Appends an item and writes its header. NULL: it does not fit. */
static inline struct item *open_append(struct open_segment *open,
                                       const struct item *header, size_t size)
{
    if ((size_t)(open->end - open->next) < size)
        return NULL;
    struct item *it = (struct item *)(void *)open->next;
    uint32_t exptime = item_exptime(header);
    open->next += size;
    open->items++;
    if (exptime != 0 && exptime < open->min_exptime)
        open->min_exptime = exptime;
    memcpy(it, header, sizeof(*it));
    return it;
}

#endif
