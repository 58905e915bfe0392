/*
 * The host as a wrapped engine sees it: the host's own interface, except where a
 * cookie of ours could reach it. The replication thread calls the wrapped engine with
 * cookies that the host knows nothing of; for these the functions here answer, for all
 * others the host.
 *
 * This is the one file of engine/ with state outside an instance. The interface forces
 * it: neither GET_SERVER_API nor the functions behind it get an argument that could
 * lead to an instance. The state is the host's table, the same for the whole process,
 * who is to be told when one of our cookies ends, and on each thread the request that an
 * engine is carrying out.
 */
#ifndef ENGINE_SHIM_H
#define ENGINE_SHIM_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include <memcached/engine.h>

/* A cookie of ours: a connection that is none. Two marks tell it from a host's. */
struct own_cookie {
    uint64_t mark[2];
    void *engine_specific;
    ENGINE_ERROR_CODE status; /* what notify_io_complete said */
    sem_t completed;
};

/* What an engine registered for. The host holds one function of ours for each type of
 * event, which calls these: the host forgets none, and could call an engine that is gone.
 */
struct shim_callback {
    ENGINE_HANDLE *engine;
    ENGINE_EVENT_TYPE type;
    EVENT_CALLBACK callback;
    const void *data;
    struct shim_callback *next;
};

/* Who wants to hear what the wrapped engine evicts. */
struct shim_listener {
    void (*evicted)(void *context, const void *key, size_t nkey);
    void *context;
};

/* What this thread evicts from now on is told to this one: an engine tells of it in the
 * middle of a call, by a function without an argument that could lead to an instance.
 * What threads of the engine's own evict is not heard. NULL: nobody. */
void shim_listen(const struct shim_listener *listener);

/* The function to hand to the wrapped engine's create_instance. */
GET_SERVER_API shim_server_api(SERVER_HANDLE_V1 *host);

/* Was memory out, since this was asked last, when an engine registered a callback? To
 * register has no answer; an engine that does not hear of a connection's end cannot be
 * used. */
bool shim_is_deaf(void);

/* Forget what the engine registered. */
void shim_forget(ENGINE_HANDLE *engine);

/* Have the engine carry out a request, and learn the status of its answer: *status is a
 * protocol_binary_response_status, or -1 if it gave none. The answer goes to `response`.
 * A response function has no argument of its own, and the cookie is the host's, so the
 * engine is given one of ours that finds both by the thread it is called on; it is called
 * before this returns, or not at all. */
ENGINE_ERROR_CODE shim_command(ENGINE_HANDLE_V1 *engine, const void *cookie,
                               protocol_binary_request_header *request,
                               ADD_RESPONSE response, int *status);

void own_cookie_init(struct own_cookie *c);
/* Also tells the engine that this connection has ended. */
void own_cookie_fini(struct own_cookie *c, ENGINE_HANDLE *engine);

/* After ENGINE_EWOULDBLOCK: wait for the engine's word. SUCCESS: make the call again. */
ENGINE_ERROR_CODE own_cookie_wait(struct own_cookie *c);

#endif
