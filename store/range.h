/*
 * A range of address space that is reserved once and made usable from its start as
 * needed, so that an array grows in place and never moves.
 *
 *      base            charged      ready                     size
 *       | in use          | writable  |  reserved, no access    |
 *
 * Not locked: the caller ensures that only one thread at a time grows it.
 */
#ifndef STORE_RANGE_H
#define STORE_RANGE_H

#include <stdbool.h>
#include <stddef.h>

struct range {
    char *base;
    size_t size, ready, charged;
};

/* False if the kernel refuses; then nothing is held. */
bool range_init(struct range *r, size_t size);
void range_fini(struct range *r);

/* Makes the first `upto` bytes usable; fresh bytes are zero. *added is set to the number
 * of additional bytes that the range may now occupy. False if the kernel refuses. */
bool range_grow(struct range *r, size_t upto, size_t *added);

/* Gives back everything beyond the first `upto` bytes, which will read as zero again.
 * Returns the number of bytes given back. */
size_t range_shrink(struct range *r, size_t upto);

/* Gives back whole pages of any range; they stay usable and will read as zero. False: the
 * kernel keeps them, with their content. */
bool range_drop(char *from, size_t bytes);

#endif
