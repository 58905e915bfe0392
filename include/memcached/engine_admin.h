/*
 * An extension of the engine interface, for what operators and their tools ask of a host:
 * dumps of the keys, a log of evictions, and another memory limit while it runs. An
 * engine that offers it lists a feature ENGINE_FEATURE_ADMIN in its get_info, whose
 * description points to `name` of its struct engine_admin. The whole name is compared, so
 * that somebody else's number is not mistaken for it.
 *
 * This is not part of memcached's own interface. Over an engine without it, a host can
 * make dumps by tap iterators, it learns of an evicted item no more than the key
 * (`evicting` in server_api.h), and it cannot change the limit.
 */
#ifndef MEMCACHED_ENGINE_ADMIN_H
#define MEMCACHED_ENGINE_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memcached/engine.h>

#define ENGINE_FEATURE_ADMIN 0x80000a05u
#define ENGINE_ADMIN_NAME    "admin 3"

/* What is known of an item beside its item_info. */
struct admin_facts {
    bool read;       /* a client has read it, ever */
    bool knows_idle; /* whether `idle` is known */
    rel_time_t idle; /* seconds since it was used */
    uint32_t size;   /* bytes of memory that it takes */
};

/* An item, for a caller that does not hold it. */
struct admin_glimpse {
    uint8_t clsid;
    uint32_t nbytes;    /* of the value */
    rel_time_t exptime; /* 0: never */
    struct admin_facts facts;
};

/* Called from any thread that is inside the engine, without the engine's locks. It must
 * be fast, and must not call the engine. */
typedef void (*admin_evicted)(void *context, const void *key, size_t nkey,
                              const struct admin_glimpse *was);

enum admin_stat { ADMIN_COUNTER, ADMIN_GAUGE, ADMIN_TEXT };

/* A statistic: its name as get_stats gives it, and what it is. Both stay valid. */
typedef void (*admin_describe)(void *context, const char *name, enum admin_stat kind,
                               const char *help);

struct engine_admin {
    char name[16]; /* ENGINE_ADMIN_NAME */

    /* A scan over all items for a client; one for each cookie, any number at once. It
     * meets each item that is there from begin to end, perhaps twice, and none that has
     * expired or was flushed. False: there is no memory for it. */
    bool (*scan_begin)(ENGINE_HANDLE *handle, const void *cookie);
    /* TAP_MUTATION: an item, which the caller releases, and its facts. TAP_NOOP: there
     * was none to show for a while. TAP_PAUSE: there is no memory to go on now.
     * TAP_DISCONNECT: the end. Call it again after the first three. */
    tap_event_t (*scan_next)(ENGINE_HANDLE *handle, const void *cookie, item **it,
                             struct admin_facts *facts);
    /* At any position, also behind the end; a disconnect ends it, too. */
    void (*scan_end)(ENGINE_HANDLE *handle, const void *cookie);

    /* What is known of a key's item; false: it is not here. This is no read, and it never
     * waits. Any thread. */
    bool (*glance)(ENGINE_HANDLE *handle, const void *key, size_t nkey,
                   struct admin_glimpse *found);

    /* From now on `evicted` is called for each item that the engine evicts. NULL: for
     * none; a call in progress may still arrive. Not at the same time as itself. */
    void (*watch)(ENGINE_HANDLE *handle, admin_evicted evicted, void *context);

    /* Sets the memory limit. If it is lower than what is in use, the engine evicts in the
     * background. False: it stays as it is, and why has the reason. */
    bool (*set_limit)(ENGINE_HANDLE *handle, uint64_t bytes, char *why, size_t nwhy);

    /* Calls `take` for each statistic of plain `stats` and of `stats repl` that the
     * engine can describe. Other groups may use the same names for something else. Any
     * thread. */
    void (*describe)(ENGINE_HANDLE *handle, admin_describe take, void *context);
};

#endif
