/* The wrapped engine's extension for operators (engine_admin.h), passed on: what an
 * operator asks of this node is not replicated. */
#include "engine/repl_engine.h"

#define ADMIN(e)  ((e)->wrapped.admin)
#define HANDLE(e) (wrapped_handle(&(e)->wrapped))

static bool admin_scan_begin(ENGINE_HANDLE *handle, const void *cookie)
{
    struct repl_engine *e = repl_engine_of(handle);
    return ADMIN(e)->scan_begin(HANDLE(e), cookie);
}

static tap_event_t admin_scan_next(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                   struct admin_facts *facts)
{
    struct repl_engine *e = repl_engine_of(handle);
    return ADMIN(e)->scan_next(HANDLE(e), cookie, it, facts);
}

static void admin_scan_end(ENGINE_HANDLE *handle, const void *cookie)
{
    struct repl_engine *e = repl_engine_of(handle);
    ADMIN(e)->scan_end(HANDLE(e), cookie);
}

static bool admin_glance(ENGINE_HANDLE *handle, const void *key, size_t nkey,
                         struct admin_glimpse *found)
{
    struct repl_engine *e = repl_engine_of(handle);
    return ADMIN(e)->glance(HANDLE(e), key, nkey, found);
}

static void admin_watch(ENGINE_HANDLE *handle, admin_evicted evicted, void *context)
{
    struct repl_engine *e = repl_engine_of(handle);
    ADMIN(e)->watch(HANDLE(e), evicted, context);
}

static bool admin_set_limit(ENGINE_HANDLE *handle, uint64_t bytes, char *why, size_t nwhy)
{
    struct repl_engine *e = repl_engine_of(handle);
    return ADMIN(e)->set_limit(HANDLE(e), bytes, why, nwhy);
}

static void admin_describe_stats(ENGINE_HANDLE *handle, admin_describe take,
                                 void *context)
{
    struct repl_engine *e = repl_engine_of(handle);
    repl_engine_describe(take, context);
    ADMIN(e)->describe(HANDLE(e), take, context);
}

const struct engine_admin repl_admin_rows = {
    .name = ENGINE_ADMIN_NAME,
    .scan_begin = admin_scan_begin,
    .scan_next = admin_scan_next,
    .scan_end = admin_scan_end,
    .glance = admin_glance,
    .watch = admin_watch,
    .set_limit = admin_set_limit,
    .describe = admin_describe_stats,
};
