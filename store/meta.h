/* The extension for meta commands (<memcached/engine_meta.h>) on top of a store. */
#ifndef STORE_META_H
#define STORE_META_H

#include <memcached/engine_meta.h>

extern const struct engine_meta meta_rows;

#endif
