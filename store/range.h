/*
 * A run of address space reserved once and made usable from its start as it
 * is needed, so that an array grows in place and never moves.
 *
 *      base            charged      ready                     size
 *       | in use          | writable  |  reserved, no access    |
 *
 * Not locked: the caller sees to it that one thread grows it at a time.
 */
#ifndef STORE_RANGE_H
#define STORE_RANGE_H

#include <stdbool.h>
#include <stddef.h>

struct range {
    char *base;
    size_t size, ready, charged;
};

/* False when the kernel refuses; nothing is held then. */
bool range_init(struct range *r, size_t size);
void range_fini(struct range *r);

/* Make the first `upto` bytes usable; fresh bytes are zero. *added gets how many bytes
 * more of memory the range may now occupy. False when they cannot be had. */
bool range_grow(struct range *r, size_t upto, size_t *added);

/* Give back what lies beyond the first `upto` bytes, which will read as zero again; how
 * many bytes that were. */
size_t range_shrink(struct range *r, size_t upto);

/* Give back whole pages of any range; they stay usable and will read as zero. False: the
 * kernel keeps them, with what is in them. */
bool range_drop(char *from, size_t bytes);

#endif
