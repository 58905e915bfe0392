/*
 * The server interface as the wrapped engine sees it: the host's own, except for
 * functions that a cookie of ours could reach. The replication thread calls the wrapped
 * engine with cookies that the host does not know. For these cookies the functions here
 * answer, for all others the host does.
 *
 * This is the only file of engine/ with state outside an instance. The interface forces
 * that: neither GET_SERVER_API nor the functions behind it get an argument that leads
 * to an instance. The state is the host's table of functions, which is the same for the
 * whole process; the callbacks to call when one of our cookies ends; and, per thread,
 * the request that an engine is carrying out and the listener to evictions.
 */
#ifndef ENGINE_SHIM_H
#define ENGINE_SHIM_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include <memcached/engine.h>

/* A cookie of ours, which stands for no connection. Two marks tell it from a host's. */
struct own_cookie {
    uint64_t mark[2];
    void *engine_specific;
    ENGINE_ERROR_CODE status; /* what notify_io_complete said */
    sem_t completed;
};

/* A callback that an engine registered. The host gets only one function of ours for
 * each type of event, which calls these: a host never forgets a callback, and could
 * otherwise call an engine that is gone. */
struct shim_callback {
    ENGINE_HANDLE *engine;
    ENGINE_EVENT_TYPE type;
    EVENT_CALLBACK callback;
    const void *data;
    struct shim_callback *next;
};

/* A listener to what the wrapped engine evicts. */
struct shim_listener {
    void (*evicted)(void *context, const void *key, size_t nkey);
    void *context;
};

/* Set the listener for what this thread evicts from now on; NULL: none. It is per
 * thread, because an engine tells of an eviction in the middle of a call, by a function
 * without an argument that leads to an instance. Evictions by the engine's own threads
 * are not heard. */
void shim_listen(const struct shim_listener *listener);

/* The function to hand to the wrapped engine's create_instance. */
GET_SERVER_API shim_server_api(SERVER_HANDLE_V1 *host);

/* Has registering a callback failed for want of memory since the last call of this? The
 * interface's function for registering returns nothing, and an engine that is not told
 * of a connection's end cannot be used. */
bool shim_is_deaf(void);

/* Forget the callbacks that the engine registered. */
void shim_forget(ENGINE_HANDLE *engine);

struct shim_heard {
    int status; /* a protocol_binary_response_status; -1: there was no answer */
    uint64_t cas;
};

/* Have the engine carry out a request with unknown_command, and hear its answer. The
 * answer goes to `response`. A response function gets no argument of ours, so the engine
 * gets a function of the shim that finds `response` by the thread on which it is called.
 * It is called before shim_command returns, or not at all. */
ENGINE_ERROR_CODE shim_command(ENGINE_HANDLE_V1 *engine, const void *cookie,
                               protocol_binary_request_header *request,
                               ADD_RESPONSE response, struct shim_heard *heard);

void own_cookie_init(struct own_cookie *c);
/* Also tells the engine that this connection has ended. */
void own_cookie_fini(struct own_cookie *c, ENGINE_HANDLE *engine);

/* After ENGINE_EWOULDBLOCK: wait until the engine notifies the cookie. SUCCESS: make
 * the call again. */
ENGINE_ERROR_CODE own_cookie_wait(struct own_cookie *c);

#endif
