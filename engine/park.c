#include "engine/park.h"

static const SERVER_COOKIE_API *cookies_of(const void *engine)
{
    return ((const struct repl_engine *)engine)->server->cookie;
}

static bool reserve(void *context, const void *cookie)
{
    return cookie != NULL && cookies_of(context)->reserve(cookie) == ENGINE_SUCCESS;
}

static void resume(void *context, const void *cookie)
{
    cookies_of(context)->notify_io_complete(cookie, ENGINE_SUCCESS);
    cookies_of(context)->release(cookie);
}

struct repl_requests park_requests(struct repl_engine *e)
{
    return (struct repl_requests){ reserve, resume, e };
}

static void on_disconnect(const void *cookie, ENGINE_EVENT_TYPE type, const void *data,
                          const void *context)
{
    const struct repl_engine *e = context;
    (void)type, (void)data;
    if (repl_core_forget(e->core, cookie))
        cookies_of(e)->release(cookie);
}

/* Registers through the shim, which forgets the callbacks of an engine that ends; hosts
 * do not. */
void park_subscribe(struct repl_engine *e)
{
    const SERVER_CALLBACK_API *callbacks = shim_server_api(e->server)()->callback;
    callbacks->register_callback((ENGINE_HANDLE *)&e->api, ON_DISCONNECT, on_disconnect,
                                 e);
}
