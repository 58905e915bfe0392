/*
 * A store that is mirrored, or is a mirror: the rows of <memcached/engine_mirror.h>.
 *
 *   leading                                following
 *     kept, evicted, read  --- notes --->    repeat: the queues hold the same, in order
 *     peek, credit         --- a state -->   allocate, store: where it stands there
 */
#ifndef STORE_MIRROR_H
#define STORE_MIRROR_H

#include "store/instance.h"

extern const struct engine_mirror mirror_rows;

#endif
