#include "engine/fetch.h"

#include "base/check.h"
#include "base/monotonic.h"

static const SERVER_COOKIE_API *cookies_of(const struct repl_engine *e)
{
    return e->server->cookie;
}

/* Reserve the cookie before anybody can resume it. */
static bool park(struct repl_engine *e, const void *cookie, const void *key, size_t nkey)
{
    if (cookie == NULL || cookies_of(e)->reserve(cookie) != ENGINE_SUCCESS)
        return false; /* the host cannot put requests off */
    if (fetch_wait(e->core, cookie, key, nkey, monotonic_us()))
        return true;
    cookies_of(e)->release(cookie);
    return false;
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
    return fetch_may_help(e->core, key, nkey) && park(e, cookie, key, nkey);
}

bool fetch_parks_absent(struct repl_engine *e, const void *cookie, const void *key,
                        size_t nkey)
{
    if (__builtin_expect(!fetch_is_on(e->core), 1))
        return false;
    return fetch_may_help(e->core, key, nkey) && is_absent(e, cookie, key, nkey) &&
           park(e, cookie, key, nkey);
}

void fetch_resume(void *context, const void *cookie)
{
    const SERVER_COOKIE_API *cookies = cookies_of(context);
    cookies->notify_io_complete(cookie, ENGINE_SUCCESS);
    cookies->release(cookie);
}

static void on_disconnect(const void *cookie, ENGINE_EVENT_TYPE type, const void *data,
                          const void *context)
{
    struct repl_engine *e = (struct repl_engine *)(uintptr_t)context;
    (void)type, (void)data;
    if (fetch_forget(e->core, cookie))
        cookies_of(e)->release(cookie);
}

/* Registers through the shim, which forgets the callbacks of an engine that ends; hosts
 * do not. */
void fetch_subscribe(struct repl_engine *e)
{
    const SERVER_CALLBACK_API *callbacks = shim_server_api(e->server)()->callback;
    if (repl_core_config(e->core)->fetch_wait_us > 0)
        callbacks->register_callback((ENGINE_HANDLE *)&e->api, ON_DISCONNECT,
                                     on_disconnect, e);
}
