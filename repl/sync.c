/* How much of this node's data the peer has. */
#include "repl/internal.h"

uint64_t core_pending(struct repl_core *c, uint64_t *overflows)
{
    uint64_t n = 0;
    struct repl_worker *w = atomic_load(&c->gate.workers);
    *overflows = 0;
    for (; w != NULL; w = w->next) {
        n += ring_pending(&w->ring);
        *overflows += atomic_load_explicit(&w->overflows, memory_order_relaxed);
    }
    return n;
}

/* R14, as far as this node can know it. */
bool repl_core_in_sync(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    uint64_t overflows;
    if (!s->merged || !map_is_empty(&c->missing) || !map_is_empty(&c->dirty))
        return false;
    return s->peer_whole && !s->await && core_pending(c, &overflows) == 0;
}

bool repl_core_drained(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    uint64_t overflows;
    if (!s->open || !c->active)
        return true; /* there is no peer, or no change of this node's clients */
    return s->merged && s->peer_whole && map_is_empty(&c->dirty) &&
           map_is_empty(&c->in_flight) && core_pending(c, &overflows) == 0;
}
