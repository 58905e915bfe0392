/*
 * Events in the host that an engine may subscribe to.
 */
#ifndef MEMCACHED_CALLBACK_H
#define MEMCACHED_CALLBACK_H

#include <memcached/engine_common.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ON_CONNECT = 0,     /* a cookie was created */
    ON_DISCONNECT = 1,  /* a cookie is about to be destroyed; reserved ones stay valid */
    ON_AUTH = 2,        /* event_data is the auth_data_t */
    ON_SWITCH_CONN = 3, /* this thread now serves another cookie */
    ON_LOG_LEVEL = 4    /* event_data is the new EXTENSION_LOG_LEVEL; no cookie */
} ENGINE_EVENT_TYPE;

#define MAX_ENGINE_EVENT_TYPE 5

/* Called on the thread that saw the event, usually the cookie's worker. cb_data is the
 * registered pointer, event_data is as described above, else NULL. */
typedef void (*EVENT_CALLBACK)(const void *cookie, ENGINE_EVENT_TYPE type,
                               const void *event_data, const void *cb_data);

typedef struct {
    /* Only while the engine is created or initialized. There is no way to unregister:
     * cb_data must outlive the engine's last connection. */
    void (*register_callback)(ENGINE_HANDLE *engine, ENGINE_EVENT_TYPE type,
                              EVENT_CALLBACK cb, const void *cb_data);

    /* Tells all subscribers of an event, now, on this thread. */
    void (*perform_callbacks)(ENGINE_EVENT_TYPE type, const void *data,
                              const void *cookie);
} SERVER_CALLBACK_API;

#ifdef __cplusplus
}
#endif

#endif
