/*
 * Requests that the core puts off (repl/waiters.h), as the host sees them: the call
 * returns ENGINE_EWOULDBLOCK, the cookie stays reserved, and the host makes the same call
 * again when the engine notifies the cookie. No thread waits. A host that cannot do that,
 * or makes a call without a cookie, is answered at once: a key that this node is missing
 * is a miss, and a change during a handover is refused.
 */
#ifndef ENGINE_PARK_H
#define ENGINE_PARK_H

#include "engine/repl_engine.h"

struct repl_requests park_requests(struct repl_engine *e);
/* Have the host tell when a cookie ends while its request is put off. Once the core is
 * there. */
void park_subscribe(struct repl_engine *e);

#endif
