/*
 * Clients' requests for what this node is missing are put off until the peer has been
 * asked (repl/fetch.c): the call says ENGINE_EWOULDBLOCK, and the host makes it again
 * when its cookie is notified. Worker threads; costs a look at a flag on a node that is
 * missing nothing.
 */
#ifndef ENGINE_FETCH_H
#define ENGINE_FETCH_H

#include "engine/repl_engine.h"

/* The key is not here: is the call put off? */
bool fetch_parks(struct repl_engine *e, const void *cookie, const void *key, size_t nkey);
/* The same, if the key is not here. For calls that go by what was there before. */
bool fetch_parks_absent(struct repl_engine *e, const void *cookie, const void *key,
                        size_t nkey);

/* For the core: a request goes on (waiters_resume). The context is the engine. */
void fetch_resume(void *context, const void *cookie);
/* Hear of cookies that end while they wait. */
void fetch_subscribe(struct repl_engine *e);

#endif
