/* The extension for meta commands (<memcached/engine_meta.h>) over a wrapped engine that
 * offers it. */
#ifndef ENGINE_META_H
#define ENGINE_META_H

#include <memcached/engine_meta.h>

extern const struct engine_meta repl_meta_rows;

#endif
