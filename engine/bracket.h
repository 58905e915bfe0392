/* What the functions of repl_engine share that make a change: engine/repl_engine.c,
 * engine/meta.c. */
#ifndef ENGINE_BRACKET_H
#define ENGINE_BRACKET_H

#include "engine/repl_engine.h"

#define INNER(e)  ((e)->wrapped.module.api)
#define HANDLE(e) (wrapped_handle(&(e)->wrapped))

static inline ENGINE_ERROR_CODE bracket_error(enum change_result r)
{
    return r == CHANGE_HELD       ? ENGINE_EWOULDBLOCK
           : r == CHANGE_REJECTED ? ENGINE_TMPFAIL
                                  : ENGINE_ENOMEM;
}

/* Call this before a call that may evict. An engine that offers a mirror tells of
 * evictions itself. */
static inline void bracket_expect_evictions(const struct repl_engine *e)
{
    if (__builtin_expect(e->wrapped.mirror == NULL, 0))
        shim_listen(e->listener.evicted != NULL ? &e->listener : NULL);
}

/* Records a new expiry or mark, and nothing else: the CAS stays. */
static inline void bracket_record_touch(struct repl_engine *e, struct change *ch,
                                        uint64_t cas)
{
    if (e->wrapped.mirror != NULL)
        change_record_delta(e->core, ch, &(struct delta){ .base = cas, .cas = cas });
    else
        change_record(e->core, ch);
}

/* The end of a change that needs an item to be there. Returns rc. */
static inline ENGINE_ERROR_CODE bracket_end(struct repl_engine *e, struct change *ch,
                                            ENGINE_ERROR_CODE rc)
{
    if (rc == ENGINE_SUCCESS)
        change_record(e->core, ch);
    else if (rc == ENGINE_KEY_ENOENT)
        change_record_absence(e->core, ch);
    change_end(e->core, ch);
    return rc;
}

/* As the `store` of both interfaces. */
ENGINE_ERROR_CODE bracket_store(struct repl_engine *e, const void *cookie, item *it,
                                uint64_t *cas, const struct meta_store *how,
                                uint16_t vbucket);

#endif
