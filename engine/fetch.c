#include "engine/fetch.h"

#include "base/monotonic.h"

static bool waits(struct repl_engine *e, const void *cookie, const void *key, size_t nkey)
{
    return fetch_wait(e->core, cookie, key, nkey, monotonic_us());
}

/* Is the key absent? An item that is being purged counts as absent. The look is not a
 * read, if the engine can tell. If the engine itself has to wait, the answer is no. */
static bool is_absent(struct repl_engine *e, const void *cookie, const void *key,
                      size_t nkey)
{
    ENGINE_HANDLE *inner = wrapped_handle(&e->wrapped);
    item *it;
    if (!change_before_read(e->core, key, nkey))
        return true;
    const struct engine_mirror *mirror = e->wrapped.mirror;
    ENGINE_ERROR_CODE rc = mirror != NULL ? mirror->peek(inner, cookie, &it, key, nkey)
                                          : e->wrapped.module.api->get(inner, cookie, &it,
                                                                       key, (int)nkey, 0);
    if (rc == ENGINE_SUCCESS)
        e->wrapped.module.api->release(inner, cookie, it);
    return rc == ENGINE_KEY_ENOENT;
}

bool fetch_parks(struct repl_engine *e, const void *cookie, const void *key, size_t nkey)
{
    if (__builtin_expect(!fetch_is_on(e->core), 1))
        return false;
    return fetch_may_help(e->core, key, nkey) && waits(e, cookie, key, nkey);
}

bool fetch_parks_absent(struct repl_engine *e, const void *cookie, const void *key,
                        size_t nkey)
{
    if (__builtin_expect(!fetch_is_on(e->core), 1))
        return false;
    return fetch_may_help(e->core, key, nkey) && is_absent(e, cookie, key, nkey) &&
           waits(e, cookie, key, nkey);
}
