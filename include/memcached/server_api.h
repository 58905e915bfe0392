/*
 * The functions that a host offers to its engines: time, configuration, statistics and
 * cookies. A cookie stands for one client connection, or for another caller of an engine;
 * it is opaque. Unless noted, any thread may call them.
 */
#ifndef MEMCACHED_SERVER_API_H
#define MEMCACHED_SERVER_API_H

#include <inttypes.h>
#include <time.h>

#include <memcached/config_parser.h>
#include <memcached/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    /* The current time by the host's own clock, which may move in steps of a second. */
    rel_time_t (*get_current_time)(void);

    /* Converts an expiry as a client sends it to a relative one: 0 (never) stays 0; up to
     * 30 days counts from now; a larger number is a date. A date before the process
     * started gives 1, that is: expired. */
    rel_time_t (*realtime)(const time_t exptime);

    /* Converts a relative time to seconds since the epoch. */
    time_t (*abstime)(const rel_time_t exptime);

    /* Static text. */
    const char *(*server_version)(void);

    /* A 32-bit hash of size bytes; it is the same only for the life of the process. */
    uint32_t (*hash)(const void *data, size_t size, uint32_t seed);

    /* See parse_config() in <memcached/config_parser.h>. */
    int (*parse_config)(const char *str, struct config_item items[], FILE *error);

    /* Asks the host to shut down. Returns at once; destroy() is called later. */
    void (*shutdown)(void);

    /* Reads the host's own settings, under the names that `stats settings` shows. The
     * caller frees strings. False if a key is unknown or of another type. */
    bool (*get_config)(struct config_item items[]);
} SERVER_CORE_API;

typedef struct {
    /* A block of the host's own statistics, for engines with several tenants; NULL if
     * memory is exhausted. The engine frees it with release_stats. */
    void *(*new_stats)(void);
    void (*release_stats)(void *);

    /* The engine reports that it evicted a key, on behalf of this cookie (NULL if there
     * is none). It may hold locks: the host must not call the engine from here. */
    void (*evicting)(const void *cookie, const void *key, int nkey);
} SERVER_STAT_API;

typedef struct {
    /* The connection's socket, which the host owns; -1 if there is none. */
    int (*get_socket_fd)(const void *cookie);

    /* Fills *data; the strings are valid until the end of the engine call. */
    void (*get_auth_data)(const void *cookie, auth_data_t *data);

    /* One pointer per cookie for the engine's use; NULL until it is set. Only from calls
     * made with this cookie. The host never frees it: do so at ON_DISCONNECT. */
    void (*store_engine_specific)(const void *cookie, void *engine_data);
    void *(*get_engine_specific)(const void *cookie);

    /* Ends the wait that began with ENGINE_EWOULDBLOCK: a thread of the host repeats the
     * parked call, which then gets this status. */
    void (*notify_io_complete)(const void *cookie, ENGINE_ERROR_CODE status);

    /* Keeps the cookie's memory valid until release, even after a disconnect. */
    ENGINE_ERROR_CODE (*reserve)(const void *cookie);
    ENGINE_ERROR_CODE (*release)(const void *cookie);
} SERVER_COOKIE_API;

/* The host passes it to create_instance(). Its result lives as long as the process;
 * the members are in <memcached/engine.h>. */
typedef SERVER_HANDLE_V1 *(*GET_SERVER_API)(void);

#ifdef __cplusplus
}
#endif

#endif
