#include "engine/shim.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define MARK_0 UINT64_C(0x7265706c20636f6f)
#define MARK_1 UINT64_C(0x6b69653a206f7572)

static struct {
    pthread_mutex_t lock;
    SERVER_HANDLE_V1 *host;
    SERVER_HANDLE_V1 api;
    SERVER_STAT_API stat;
    SERVER_COOKIE_API cookie;
    SERVER_CALLBACK_API callback;
    struct shim_callback *callbacks;
    bool registered[MAX_ENGINE_EVENT_TYPE]; /* with the host */
    bool deaf;                              /* there was no memory for a callback */
} shim = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local const struct shim_listener *listener;

void shim_listen(const struct shim_listener *wanted)
{
    listener = wanted;
}

static struct own_cookie *own(const void *cookie)
{
    struct own_cookie *c = (struct own_cookie *)(uintptr_t)cookie;
    return c != NULL && c->mark[0] == MARK_0 && c->mark[1] == MARK_1 ? c : NULL;
}

/* ---- the replaced functions */

static void shim_evicting(const void *cookie, const void *key, int nkey)
{
    if (listener != NULL && nkey > 0)
        listener->evicted(listener->context, key, (size_t)nkey);
    if (own(cookie) == NULL)
        shim.host->stat->evicting(cookie, key, nkey);
}

static int shim_get_socket_fd(const void *cookie)
{
    return own(cookie) != NULL ? -1 : shim.host->cookie->get_socket_fd(cookie);
}

static void shim_get_auth_data(const void *cookie, auth_data_t *data)
{
    if (own(cookie) != NULL)
        *data = (auth_data_t){ 0 };
    else
        shim.host->cookie->get_auth_data(cookie, data);
}

static void shim_store_engine_specific(const void *cookie, void *data)
{
    struct own_cookie *c = own(cookie);
    if (c != NULL)
        c->engine_specific = data;
    else
        shim.host->cookie->store_engine_specific(cookie, data);
}

static void *shim_get_engine_specific(const void *cookie)
{
    const struct own_cookie *c = own(cookie);
    return c != NULL ? c->engine_specific
                     : shim.host->cookie->get_engine_specific(cookie);
}

static void shim_notify_io_complete(const void *cookie, ENGINE_ERROR_CODE status)
{
    struct own_cookie *c = own(cookie);
    if (c == NULL) {
        shim.host->cookie->notify_io_complete(cookie, status);
        return;
    }
    c->status = status;
    AZ(sem_post(&c->completed));
}

static ENGINE_ERROR_CODE shim_reserve(const void *cookie)
{
    return own(cookie) != NULL ? ENGINE_SUCCESS : shim.host->cookie->reserve(cookie);
}

static ENGINE_ERROR_CODE shim_release(const void *cookie)
{
    return own(cookie) != NULL ? ENGINE_SUCCESS : shim.host->cookie->release(cookie);
}

static void on_host_event(const void *cookie, ENGINE_EVENT_TYPE type,
                          const void *event_data, const void *data)
{
    (void)data;
    AZ(pthread_mutex_lock(&shim.lock));
    for (const struct shim_callback *c = shim.callbacks; c != NULL; c = c->next) {
        if (c->type == type)
            c->callback(cookie, type, event_data, c->data);
    }
    AZ(pthread_mutex_unlock(&shim.lock));
}

static void shim_register_callback(ENGINE_HANDLE *engine, ENGINE_EVENT_TYPE type,
                                   EVENT_CALLBACK callback, const void *data)
{
    struct shim_callback *c = malloc(sizeof(*c));
    if (type >= MAX_ENGINE_EVENT_TYPE) {
        free(c);
        return;
    }
    AZ(pthread_mutex_lock(&shim.lock));
    if (c == NULL) {
        shim.deaf = true;
        AZ(pthread_mutex_unlock(&shim.lock));
        return;
    }
    *c = (struct shim_callback){ engine, type, callback, data, shim.callbacks };
    shim.callbacks = c;
    bool known = shim.registered[type];
    shim.registered[type] = true;
    AZ(pthread_mutex_unlock(&shim.lock));
    if (!known)
        shim.host->callback->register_callback(engine, type, on_host_event, NULL);
}

static SERVER_HANDLE_V1 *get_api(void)
{
    return &shim.api;
}

GET_SERVER_API shim_server_api(SERVER_HANDLE_V1 *host)
{
    AZ(pthread_mutex_lock(&shim.lock));
    if (shim.host == host) { /* a second instance: threads of the first read the table */
        AZ(pthread_mutex_unlock(&shim.lock));
        return get_api;
    }
    memset(shim.registered, 0, sizeof(shim.registered));
    shim.host = host;
    shim.api = *host;
    shim.stat = *host->stat;
    shim.stat.evicting = shim_evicting;
    shim.cookie = (SERVER_COOKIE_API){
        .get_socket_fd = shim_get_socket_fd,
        .get_auth_data = shim_get_auth_data,
        .store_engine_specific = shim_store_engine_specific,
        .get_engine_specific = shim_get_engine_specific,
        .notify_io_complete = shim_notify_io_complete,
        .reserve = shim_reserve,
        .release = shim_release,
    };
    shim.callback = *host->callback;
    shim.callback.register_callback = shim_register_callback;
    shim.api.stat = &shim.stat;
    shim.api.cookie = &shim.cookie;
    shim.api.callback = &shim.callback;
    AZ(pthread_mutex_unlock(&shim.lock));
    return get_api;
}

bool shim_is_deaf(void)
{
    AZ(pthread_mutex_lock(&shim.lock));
    bool deaf = shim.deaf;
    shim.deaf = false;
    AZ(pthread_mutex_unlock(&shim.lock));
    return deaf;
}

void shim_forget(ENGINE_HANDLE *engine)
{
    AZ(pthread_mutex_lock(&shim.lock));
    struct shim_callback **at = &shim.callbacks;
    while (*at != NULL) {
        struct shim_callback *c = *at;
        if (c->engine == engine) {
            *at = c->next;
            free(c);
        } else {
            at = &c->next;
        }
    }
    AZ(pthread_mutex_unlock(&shim.lock));
}

/* ---- answers */

/* Lives on the stack of shim_command. */
struct shim_answer {
    ADD_RESPONSE response;
    struct shim_heard heard;
};

static _Thread_local struct shim_answer *awaited;

static bool hear_response(const void *key, uint16_t nkey, const void *ext, uint8_t next,
                          const void *body, uint32_t nbody, uint8_t datatype,
                          uint16_t status, uint64_t cas, const void *cookie)
{
    struct shim_answer *a = awaited;
    if (a == NULL)
        return false;
    a->heard = (struct shim_heard){ status, cas };
    return a->response(key, nkey, ext, next, body, nbody, datatype, status, cas, cookie);
}

ENGINE_ERROR_CODE shim_command(ENGINE_HANDLE_V1 *engine, const void *cookie,
                               protocol_binary_request_header *request,
                               ADD_RESPONSE response, struct shim_heard *heard)
{
    struct shim_answer a = { response, { .status = -1 } }, *outer = awaited;
    awaited = &a;
    ENGINE_ERROR_CODE rc =
        engine->unknown_command(&engine->interface, cookie, request, hear_response);
    awaited = outer;
    *heard = a.heard;
    return rc;
}

/* ---- cookies of our own */

void own_cookie_init(struct own_cookie *c)
{
    *c = (struct own_cookie){ .mark = { MARK_0, MARK_1 } };
    AZ(sem_init(&c->completed, 0, 0));
}

void own_cookie_fini(struct own_cookie *c, ENGINE_HANDLE *engine)
{
    AZ(pthread_mutex_lock(&shim.lock));
    for (const struct shim_callback *cb = shim.callbacks; cb != NULL; cb = cb->next) {
        if (cb->engine == engine && cb->type == ON_DISCONNECT)
            cb->callback(c, ON_DISCONNECT, NULL, cb->data);
    }
    AZ(pthread_mutex_unlock(&shim.lock));
    AZ(sem_destroy(&c->completed));
    c->mark[0] = c->mark[1] = 0;
}

ENGINE_ERROR_CODE own_cookie_wait(struct own_cookie *c)
{
    while (sem_wait(&c->completed) != 0)
        CHECK(errno == EINTR);
    return c->status;
}
