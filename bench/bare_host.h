/*
 * As much of a host as a store asks for: no network, no clock. And keys for the items.
 */
#ifndef BENCH_BARE_HOST_H
#define BENCH_BARE_HOST_H

#include <stdio.h>
#include <string.h>

#include <memcached/engine.h>

#include "base/check.h"
#include "store/instance.h"

static inline rel_time_t bare_now(void)
{
    return 100;
}

static inline rel_time_t bare_realtime(const time_t t)
{
    return (rel_time_t)t;
}

static inline void bare_on_event(ENGINE_HANDLE *e, ENGINE_EVENT_TYPE type,
                                 EVENT_CALLBACK call, const void *data)
{
    (void)e;
    (void)type;
    (void)call;
    (void)data;
}

static inline void bare_evicting(const void *cookie, const void *key, int nkey)
{
    (void)cookie;
    (void)key;
    (void)nkey;
}

static inline SERVER_HANDLE_V1 *bare_host(void)
{
    static SERVER_CORE_API core = { .get_current_time = bare_now,
                                    .realtime = bare_realtime,
                                    .parse_config = parse_config };
    static SERVER_STAT_API stat = { .evicting = bare_evicting };
    static SERVER_CALLBACK_API callback = { .register_callback = bare_on_event };
    static SERVER_HANDLE_V1 api = {
        .interface = 1, .core = &core, .stat = &stat, .callback = &callback
    };
    return &api;
}

enum { BARE_KEY = 24 };

/* The key of item n. */
static inline size_t bare_key(char *key, uint32_t n)
{
    memcpy(key, "benchmark-key-0000000000", BARE_KEY);
    for (int i = BARE_KEY - 1; n > 0; n /= 10)
        key[i--] = (char)('0' + n % 10);
    return BARE_KEY;
}

/* False: it was refused. */
static inline bool bare_set(ENGINE_HANDLE_V1 *engine, uint32_t n, size_t nvalue)
{
    ENGINE_HANDLE *h = &engine->interface;
    item_info info = { .nvalue = 1 };
    uint64_t cas;
    char key[BARE_KEY];
    item *it;
    size_t nkey = bare_key(key, n);
    if (engine->allocate(h, NULL, &it, key, nkey, nvalue, 0, 0) != ENGINE_SUCCESS)
        return false;
    engine->get_item_info(h, NULL, it, &info);
    memset(info.value[0].iov_base, 'x', nvalue);
    engine->item_set_cas(h, NULL, it, 0);
    bool done = engine->store(h, NULL, it, &cas, OPERATION_SET, 0) == ENGINE_SUCCESS;
    engine->release(h, NULL, it);
    return done;
}

static inline ENGINE_HANDLE_V1 *bare_start(size_t megabytes)
{
    ENGINE_HANDLE *handle;
    char config[64];
    snprintf(config, sizeof(config), "cache_size=%zum", megabytes);
    AZ(store_create_instance(1, bare_host, &handle));
    AZ(((ENGINE_HANDLE_V1 *)handle)->initialize(handle, config));
    return (ENGINE_HANDLE_V1 *)handle;
}

#endif
