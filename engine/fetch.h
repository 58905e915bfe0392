/*
 * Puts off clients' requests for what this node is missing until the peer has been
 * asked (repl/fetch.c, engine/park.h). For worker threads; on a node that is missing
 * nothing it costs a look at a flag.
 */
#ifndef ENGINE_FETCH_H
#define ENGINE_FETCH_H

#include "engine/repl_engine.h"

/* The key is not here: is the call put off? Then return ENGINE_EWOULDBLOCK. */
bool fetch_parks(struct repl_engine *e, const void *cookie, const void *key, size_t nkey);
/* The same, but looks first whether the key is here. For calls whose result depends on
 * the former value. */
bool fetch_parks_absent(struct repl_engine *e, const void *cookie, const void *key,
                        size_t nkey);

#endif
