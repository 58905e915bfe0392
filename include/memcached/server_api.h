/*
 * What a host offers to its engines: time, configuration, statistics and cookies.
 * A cookie stands for one client connection, or for whatever else calls an engine; it
 * is opaque. Unless said otherwise any thread may call.
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
    /* Now, by the host's own clock, which may move in steps of a second. */
    rel_time_t (*get_current_time)(void);

    /* An expiry as a client wrote it to a relative one: 0 (never) stays 0; up to 30
     * days counts from now; more is a date, and 1 comes back for a date before the
     * process started, that is: expired. */
    rel_time_t (*realtime)(const time_t exptime);

    /* Seconds since the epoch of a relative time. */
    time_t (*abstime)(const rel_time_t exptime);

    /* Static text. */
    const char *(*server_version)(void);

    /* A 32-bit hash of size bytes; the same for the life of the process only. */
    uint32_t (*hash)(const void *data, size_t size, uint32_t seed);

    /* See parse_config() in <memcached/config_parser.h>. */
    int (*parse_config)(const char *str, struct config_item items[], FILE *error);

    /* Ask the host to end. It returns at once; destroy() is called later. */
    void (*shutdown)(void);

    /* Read the host's own settings, under the names that `stats settings` gives them.
     * The caller frees strings. False if a key is unknown or of another type. */
    bool (*get_config)(struct config_item items[]);
} SERVER_CORE_API;

typedef struct {
    /* A block of the host's own statistics, for engines with several tenants; NULL if
     * memory is out. The engine gives it back with release_stats. */
    void *(*new_stats)(void);
    void (*release_stats)(void *);

    /* The engine tells that it evicted a key, on behalf of this cookie (NULL if of
     * none). It may hold locks: the host must not call the engine from here. */
    void (*evicting)(const void *cookie, const void *key, int nkey);
} SERVER_STAT_API;

typedef struct {
    /* The connection's socket; still the host's. -1 if there is none. */
    int (*get_socket_fd)(const void *cookie);

    /* Fills *data; the strings are valid until the end of the engine call. */
    void (*get_auth_data)(const void *cookie, auth_data_t *data);

    /* One pointer a cookie for the engine's use; NULL until it is set. Only from calls
     * made with this cookie. The host never frees it: do so at ON_DISCONNECT. */
    void (*store_engine_specific)(const void *cookie, void *engine_data);
    void *(*get_engine_specific)(const void *cookie);

    /* Ends the wait begun by ENGINE_EWOULDBLOCK: a thread of the host repeats the
     * parked call and then finds this status. */
    void (*notify_io_complete)(const void *cookie, ENGINE_ERROR_CODE status);

    /* Keep the cookie's memory valid, beyond a disconnect too, until release. */
    ENGINE_ERROR_CODE (*reserve)(const void *cookie);
    ENGINE_ERROR_CODE (*release)(const void *cookie);
} SERVER_COOKIE_API;

/* The host gives it to create_instance(). What it returns lives as long as the
 * process; its members are in <memcached/engine.h>. */
typedef SERVER_HANDLE_V1 *(*GET_SERVER_API)(void);

#ifdef __cplusplus
}
#endif

#endif
