/*
 * The interface between a memcached host and a storage engine, version 1. This header
 * includes everything that an engine needs.
 *
 *   host                                      engine (a shared object)
 *    | dlopen, create_instance(1, get_server_api, &handle)    |
 *    | handle->initialize(handle, "key=value;...")            |
 *    | workers, many threads: get, allocate, store, ...       |
 *    | handle->destroy(handle, force)  once they have stopped |
 *
 * The host refuses an engine without one of get_info, initialize, destroy, allocate,
 * remove, release, get, store, flush, get_stats, reset_stats, item_set_cas and
 * get_item_info; the other entries may be NULL. All entries from allocate on may be
 * called by several threads at once, but by one thread at a time for each cookie. Keys
 * are bytes without terminator. An engine that cannot answer at once returns
 * ENGINE_EWOULDBLOCK and later wakes the cookie with notify_io_complete; the host then
 * repeats the call.
 */
#ifndef MEMCACHED_ENGINE_H
#define MEMCACHED_ENGINE_H

#ifndef __cplusplus
#include <stdbool.h>
#endif

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <memcached/types.h>
#include <memcached/protocol_binary.h>
#include <memcached/config_parser.h>
#include <memcached/server_api.h>
#include <memcached/callback.h>
#include <memcached/extension.h>
#include <memcached/vbucket.h>
#include <memcached/engine_common.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ENGINE_INTERFACE_VERSION 1

/* A key as observers of items would see it. Nothing in version 1 uses it. */
struct item_observer_cb_data {
    const void *key;
    size_t nkey;
};

/* Everything that the host offers. The pointers never change after the host's start. */
struct server_handle_v1_t {
    uint64_t interface; /* 1 */
    SERVER_CORE_API *core;
    SERVER_STAT_API *stat;
    SERVER_EXTENSION_API *extension;
    SERVER_CALLBACK_API *callback;
    ENGINE_HANDLE *engine; /* the engine that was loaded; set after create_instance */
    SERVER_LOG_API *log;
    SERVER_COOKIE_API *cookie;
};

/* Results of a scan over an engine's items, and messages of another node's stream. */
typedef enum {
    TAP_MUTATION = 1, /* an item, with a reference that the caller releases */
    TAP_DELETION,     /* an item that names a key that is gone; as above */
    TAP_FLUSH,        /* all items are gone */
    TAP_OPAQUE,       /* for the engine at the other end only */
    TAP_VBUCKET_SET,
    TAP_ACK,
    TAP_DISCONNECT, /* the end: never call this iterator again */
    TAP_NOOP,
    TAP_PAUSE, /* nothing now */
    TAP_CHECKPOINT_START,
    TAP_CHECKPOINT_END
} tap_event_t;

/* One step of a scan, with the cookie that it was started for. Fills in what the event
 * has: the item; bytes of the engine's own, valid until the next step; hops left;
 * TAP_FLAG_ bits; a sequence number; the bucket. */
typedef tap_event_t (*TAP_ITERATOR)(ENGINE_HANDLE *handle, const void *cookie,
                                    item **item, void **engine_specific,
                                    uint16_t *nengine_specific, uint8_t *ttl,
                                    uint16_t *flags, uint32_t *seqno, uint16_t *vbucket);

/* The only symbol that a module exports: create_instance. `interface` is the highest
 * version that the host supports; an engine that does not support it either returns
 * ENGINE_ENOTSUP. On success *handle is an engine that still has to be initialized;
 * destroy() frees it. */
typedef ENGINE_ERROR_CODE (*CREATE_INSTANCE)(uint64_t interface,
                                             GET_SERVER_API get_server_api,
                                             ENGINE_HANDLE **handle);

/* The abilities of an engine; hosts print them and decide nothing by them. */
typedef enum {
    ENGINE_FEATURE_CAS,
    ENGINE_FEATURE_PERSISTENT_STORAGE,
    ENGINE_FEATURE_SECONDARY_ENGINE, /* it delegates the work to another engine */
    ENGINE_FEATURE_ACCESS_CONTROL,
    ENGINE_FEATURE_MULTI_TENANCY,
    ENGINE_FEATURE_LRU,
    ENGINE_FEATURE_VBUCKET
} engine_feature_t;

#define LAST_REGISTERED_ENGINE_FEATURE ENGINE_FEATURE_VBUCKET

typedef struct {
    uint32_t feature;        /* engine_feature_t, or a private one with the top bit set */
    const char *description; /* NULL: the host has a name for it */
} feature_info;

/* Valid as long as the engine. num_features features follow. */
typedef struct {
    const char *description;
    uint32_t num_features;
    feature_info features[1];
} engine_info;

typedef struct engine_interface_v1 {
    struct engine_interface
        interface; /* first: this is what an ENGINE_HANDLE points at */

    /* Name and features; the engine owns the memory. Works before initialize. */
    const engine_info *(*get_info)(ENGINE_HANDLE *handle);

    /* Once, after create_instance, before any other thread runs. config_str is
     * "key=value;key=value" or NULL. On failure the host calls destroy and stops. */
    ENGINE_ERROR_CODE (*initialize)(ENGINE_HANDLE *handle, const char *config_str);

    /* The last call, after the workers have stopped. It may take time to finish its work,
     * unless force is set. Frees the handle. */
    void (*destroy)(ENGINE_HANDLE *handle, const bool force);

    /* Creates an item that nobody else sees yet. The caller fills in its value, passes it
     * to store, and releases it in any case. flags are in network byte order; exptime is
     * as the client sent it, and the engine applies core->realtime. ENGINE_E2BIG: never
     * fits; ENGINE_ENOMEM: not now. The host then removes the key, so that no stale
     * value remains. */
    ENGINE_ERROR_CODE(*allocate)
    (ENGINE_HANDLE *handle, const void *cookie, item **item, const void *key,
     const size_t nkey, const size_t nbytes, const int flags, const rel_time_t exptime);

    /* Deletes the key: always if cas is 0, else only if the CAS matches
     * (ENGINE_KEY_EEXISTS). ENGINE_KEY_ENOENT if there is nothing to delete. */
    ENGINE_ERROR_CODE(*remove)
    (ENGINE_HANDLE *handle, const void *cookie, const void *key, const size_t nkey,
     uint64_t cas, uint16_t vbucket);

    /* Returns the reference that allocate, get or a scan gave. */
    void (*release)(ENGINE_HANDLE *handle, const void *cookie, item *item);

    /* Finds the item; the caller releases it. The value does not change while it is held:
     * a later store links another item. ENGINE_KEY_ENOENT if it is absent or expired. */
    ENGINE_ERROR_CODE(*get)
    (ENGINE_HANDLE *handle, const void *cookie, item **item, const void *key,
     const int nkey, uint16_t vbucket);

    /* Makes an allocated item the key's item, under the operation's condition. *cas is
     * an output: the item's new CAS. item_set_cas has set the expected one. The caller
     * still holds its reference to the item passed in; after append and prepend that is
     * not the item that is linked. */
    ENGINE_ERROR_CODE(*store)
    (ENGINE_HANDLE *handle, const void *cookie, item *item, uint64_t *cas,
     ENGINE_STORE_OPERATION operation, uint16_t vbucket);

    /* Adds to (increment) or subtracts from a decimal number of 64 bits: sums wrap, and
     * differences stop at 0. If absent, creates it with initial and exptime if create is
     * set, else ENGINE_KEY_ENOENT. Not a number: ENGINE_EINVAL. *cas and *result are
     * outputs. If this entry is NULL, the host uses get and a CAS store. */
    ENGINE_ERROR_CODE(*arithmetic)
    (ENGINE_HANDLE *handle, const void *cookie, const void *key, const int nkey,
     const bool increment, const bool create, const uint64_t delta,
     const uint64_t initial, const rel_time_t exptime, uint64_t *cas, uint64_t *result,
     uint16_t vbucket);

    /* Invalidates all items that are older than `when`: 0 means now, otherwise `when` is
     * the time at which to do it, as an expiry that the client sent. */
    ENGINE_ERROR_CODE (*flush)(ENGINE_HANDLE *handle, const void *cookie, time_t when);

    /* stat_key NULL: the engine's addition to plain `stats`. Otherwise a group of
     * statistics that the host does not know, nkey bytes; ENGINE_KEY_ENOENT if the
     * engine does not know it either. */
    ENGINE_ERROR_CODE(*get_stats)
    (ENGINE_HANDLE *handle, const void *cookie, const char *stat_key, int nkey,
     ADD_STAT add_stat);

    /* `stats reset`. */
    void (*reset_stats)(ENGINE_HANDLE *handle, const void *cookie);

    /* May be NULL. Returns the block from stat->new_stats in which the host counts for
     * this cookie, or NULL if there is none. */
    void *(*get_stats_struct)(ENGINE_HANDLE *handle, const void *cookie);

    /* Belongs to get_stats_struct: calls callback(block, dest) for each block. */
    ENGINE_ERROR_CODE(*aggregate_stats)
    (ENGINE_HANDLE *handle, const void *cookie, void (*callback)(void *src, void *dest),
     void *dest);

    /* A binary request that the host does not know, such as touch and get-and-touch. The
     * body follows the header, in network byte order. The engine answers through
     * `response`, or not at all if the request is quiet and there is nothing to report.
     * If it does not know the request either, it returns ENGINE_ENOTSUP, or answers with
     * PROTOCOL_BINARY_RESPONSE_UNKNOWN_COMMAND. */
    ENGINE_ERROR_CODE(*unknown_command)
    (ENGINE_HANDLE *handle, const void *cookie, protocol_binary_request_header *request,
     ADD_RESPONSE response);

    /* One message of another node's stream; all numbers except flags are in host byte
     * order. The host acknowledges with the result if the sender asked for that. */
    ENGINE_ERROR_CODE(*tap_notify)
    (ENGINE_HANDLE *handle, const void *cookie, void *engine_specific, uint16_t nengine,
     uint8_t ttl, uint16_t tap_flags, tap_event_t tap_event, uint32_t tap_seqno,
     const void *key, size_t nkey, uint32_t flags, uint32_t exptime, uint64_t cas,
     const void *data, size_t ndata, uint16_t vbucket);

    /* Starts a scan over all items for this cookie. `flags` are TAP_CONNECT_ bits, and
     * userdata is what they require. NULL if the engine cannot start one now. */
    TAP_ITERATOR(*get_tap_iterator)
    (ENGINE_HANDLE *handle, const void *cookie, const void *client, size_t nclient,
     uint32_t flags, const void *userdata, size_t nuserdata);

    /* Called before store: the CAS that the client expects (0 for none). */
    void (*item_set_cas)(ENGINE_HANDLE *handle, const void *cookie, item *item,
                         uint64_t cas);

    /* False if item_info does not have enough room for the pieces of the value. */
    bool (*get_item_info)(ENGINE_HANDLE *handle, const void *cookie, const item *item,
                          item_info *item_info);

    /* Details of the last failure for this cookie: writes at most buffsz bytes and
     * returns how many. */
    size_t (*errinfo)(ENGINE_HANDLE *handle, const void *cookie, char *buffer,
                      size_t buffsz);
} ENGINE_HANDLE_V1;

#ifdef __cplusplus
}
#endif

#endif
