/*
 * A store that is mirrored, or is a mirror: implements <memcached/engine_mirror.h>.
 *
 *   leader                                 follower
 *     kept, evicted, read  --- notes --->    repeat: keeps the queues and their order
 * equal peek, credit         --- a state -->   allocate, store: at the same position
 */
#ifndef STORE_MIRROR_H
#define STORE_MIRROR_H

#include "store/instance.h"

extern const struct engine_mirror mirror_rows;

#endif
