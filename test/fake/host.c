#include "test/fake/host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/hash.h"
#include "test/fake/cookie.h"

enum { CALLBACKS_MAX = 16, DAYS_30 = 30 * 24 * 3600, UPTIME_AT_START = 10 };

struct callback {
    ENGINE_EVENT_TYPE type;
    EVENT_CALLBACK call;
    const void *data;
};

/*
 * The interface's functions get no argument that names the host. So each host is a slot
 * of a fixed array with functions of its own, which the SLOT macro below makes.
 */
struct fake_host {
    bool in_use;
    atomic_uint now;
    atomic_ullong evictions, shutdowns;
    atomic_uint cookies;
    atomic_int level;
    pthread_mutex_t lock; /* guards callbacks and log */
    struct callback callbacks[CALLBACKS_MAX];
    size_t ncallbacks;
    struct buffer log;
};

static struct fake_host hosts[FAKE_HOSTS];

static size_t host_slot(const struct fake_host *host)
{
    size_t slot = (size_t)(host - hosts);
    CHECK(slot < FAKE_HOSTS && host->in_use);
    return slot;
}

/* ---- what the slots' functions do */

static rel_time_t host_realtime(struct fake_host *host, time_t exptime)
{
    if (exptime == 0)
        return 0;
    if (exptime <= DAYS_30)
        return (rel_time_t)((time_t)atomic_load(&host->now) + exptime);
    return exptime <= FAKE_STARTED ? 1 : (rel_time_t)(exptime - FAKE_STARTED);
}

static void host_register(struct fake_host *host, ENGINE_EVENT_TYPE type,
                          EVENT_CALLBACK call, const void *data)
{
    AZ(pthread_mutex_lock(&host->lock));
    CHECK(host->ncallbacks < CALLBACKS_MAX);
    host->callbacks[host->ncallbacks++] = (struct callback){ type, call, data };
    AZ(pthread_mutex_unlock(&host->lock));
}

static void host_perform(struct fake_host *host, ENGINE_EVENT_TYPE type, const void *data,
                         const void *cookie)
{
    struct callback copy[CALLBACKS_MAX];
    AZ(pthread_mutex_lock(&host->lock));
    size_t n = host->ncallbacks;
    memcpy(copy, host->callbacks, n * sizeof(copy[0]));
    AZ(pthread_mutex_unlock(&host->lock));
    for (size_t i = 0; i < n; i++) {
        if (copy[i].type == type)
            copy[i].call(cookie, type, data, copy[i].data);
    }
}

static void host_log(struct fake_host *host, const char *fmt, va_list args)
{
    char line[1024];
    vsnprintf(line, sizeof(line), fmt, args);
    const char *loud = getenv("FAKE_LOG");
    if (loud != NULL && strcmp(loud, "1") == 0)
        fprintf(stderr, "[%zu] %s\n", host_slot(host), line);
    AZ(pthread_mutex_lock(&host->lock));
    CHECK(buffer_append(&host->log, line, strlen(line)));
    CHECK(buffer_append(&host->log, "\n", 1));
    AZ(pthread_mutex_unlock(&host->lock));
}

/* ---- functions that need no slot */

static time_t core_abstime(const rel_time_t exptime)
{
    return (time_t)FAKE_STARTED + exptime;
}

static const char *core_version(void)
{
    return "1.0-fake";
}

static uint32_t core_hash(const void *data, size_t size, uint32_t seed)
{
    return (uint32_t)hash_key(data, size) ^ seed;
}

static bool core_get_config(struct config_item items[])
{
    return items[0].key == NULL;
}

static void *stat_new(void)
{
    return calloc(1, 64);
}

static bool extension_register(extension_type_t type, void *extension)
{
    (void)type, (void)extension;
    return false;
}

static void extension_unregister(extension_type_t type, void *extension)
{
    (void)type, (void)extension;
}

static const char *logger_name(void)
{
    return "fake";
}

/* ---- the slots */

#define SLOT(n)                                                                          \
    static rel_time_t core_time_##n(void)                                                \
    {                                                                                    \
        return atomic_load(&hosts[n].now);                                               \
    }                                                                                    \
    static rel_time_t core_realtime_##n(const time_t exptime)                            \
    {                                                                                    \
        return host_realtime(&hosts[n], exptime);                                        \
    }                                                                                    \
    static void core_shutdown_##n(void)                                                  \
    {                                                                                    \
        atomic_fetch_add(&hosts[n].shutdowns, 1);                                        \
    }                                                                                    \
    static void stat_evicting_##n(const void *cookie, const void *key, int nkey)         \
    {                                                                                    \
        (void)cookie, (void)key, (void)nkey;                                             \
        atomic_fetch_add(&hosts[n].evictions, 1);                                        \
    }                                                                                    \
    static void callback_register_##n(ENGINE_HANDLE *engine, ENGINE_EVENT_TYPE type,     \
                                      EVENT_CALLBACK call, const void *data)             \
    {                                                                                    \
        (void)engine;                                                                    \
        host_register(&hosts[n], type, call, data);                                      \
    }                                                                                    \
    static void callback_perform_##n(ENGINE_EVENT_TYPE type, const void *data,           \
                                     const void *cookie)                                 \
    {                                                                                    \
        host_perform(&hosts[n], type, data, cookie);                                     \
    }                                                                                    \
    static void logger_log_##n(EXTENSION_LOG_LEVEL severity, const void *cookie,         \
                               const char *fmt, ...)                                     \
    {                                                                                    \
        (void)severity, (void)cookie;                                                    \
        va_list args;                                                                    \
        va_start(args, fmt);                                                             \
        host_log(&hosts[n], fmt, args);                                                  \
        va_end(args);                                                                    \
    }                                                                                    \
    static EXTENSION_LOGGER_DESCRIPTOR *log_get_##n(void)                                \
    {                                                                                    \
        static EXTENSION_LOGGER_DESCRIPTOR logger = { logger_name, logger_log_##n };     \
        return &logger;                                                                  \
    }                                                                                    \
    static EXTENSION_LOG_LEVEL log_level_##n(void)                                       \
    {                                                                                    \
        return (EXTENSION_LOG_LEVEL)atomic_load(&hosts[n].level);                        \
    }                                                                                    \
    static void log_set_level_##n(EXTENSION_LOG_LEVEL level)                             \
    {                                                                                    \
        atomic_store(&hosts[n].level, (int)level);                                       \
    }                                                                                    \
    static void *extension_get_##n(extension_type_t type)                                \
    {                                                                                    \
        return type == EXTENSION_LOGGER ? log_get_##n() : NULL;                          \
    }                                                                                    \
    static SERVER_HANDLE_V1 *api_##n(void)                                               \
    {                                                                                    \
        static SERVER_CORE_API core = { core_time_##n,     core_realtime_##n,            \
                                        core_abstime,      core_version,                 \
                                        core_hash,         parse_config,                 \
                                        core_shutdown_##n, core_get_config };            \
        static SERVER_STAT_API stat = { stat_new, free, stat_evicting_##n };             \
        static SERVER_EXTENSION_API extension = { extension_register,                    \
                                                  extension_unregister,                  \
                                                  extension_get_##n };                   \
        static SERVER_CALLBACK_API callback = { callback_register_##n,                   \
                                                callback_perform_##n };                  \
        static SERVER_LOG_API log = { log_get_##n, log_level_##n, log_set_level_##n };   \
        static SERVER_HANDLE_V1 server = { .interface = 1,                               \
                                           .core = &core,                                \
                                           .stat = &stat,                                \
                                           .extension = &extension,                      \
                                           .callback = &callback,                        \
                                           .log = &log,                                  \
                                           .cookie = &fake_cookie_api };                 \
        return &server;                                                                  \
    }

SLOT(0)
SLOT(1)
SLOT(2)
SLOT(3)

static const GET_SERVER_API apis[FAKE_HOSTS] = { api_0, api_1, api_2, api_3 };

GET_SERVER_API fake_host_api(const struct fake_host *host)
{
    return apis[host_slot(host)];
}

SERVER_HANDLE_V1 *fake_host_server(struct fake_host *host)
{
    return fake_host_api(host)();
}

/* ---- for the test */

struct fake_host *fake_host_create(void)
{
    size_t i = 0;
    while (i < FAKE_HOSTS && hosts[i].in_use)
        i++;
    CHECK(i < FAKE_HOSTS);
    struct fake_host *host = &hosts[i];
    memset(host, 0, sizeof(*host));
    host->in_use = true;
    atomic_store(&host->now, UPTIME_AT_START);
    atomic_store(&host->level, EXTENSION_LOG_DETAIL);
    AZ(pthread_mutex_init(&host->lock, NULL));
    buffer_init(&host->log);
    return host;
}

void fake_host_destroy(struct fake_host *host)
{
    CHECK(host->in_use && atomic_load(&host->cookies) == 0);
    fake_host_server(host)->engine = NULL;
    AZ(pthread_mutex_destroy(&host->lock));
    buffer_fini(&host->log);
    host->in_use = false;
}

void fake_host_advance(struct fake_host *host, unsigned seconds)
{
    atomic_fetch_add(&host->now, seconds);
}

rel_time_t fake_host_time(const struct fake_host *host)
{
    return atomic_load(&host->now);
}

uint64_t fake_host_evictions(const struct fake_host *host)
{
    return atomic_load(&host->evictions);
}

uint64_t fake_host_shutdowns(const struct fake_host *host)
{
    return atomic_load(&host->shutdowns);
}

unsigned fake_host_cookies(const struct fake_host *host)
{
    return atomic_load(&host->cookies);
}

void fake_host_count_cookie(struct fake_host *host, int change)
{
    atomic_fetch_add(&host->cookies, (unsigned)change);
}

bool fake_host_logged(struct fake_host *host, const char *part)
{
    AZ(pthread_mutex_lock(&host->lock));
    bool found = buffer_length(&host->log) > 0 &&
                 memmem(buffer_head(&host->log), buffer_length(&host->log), part,
                        strlen(part)) != NULL;
    AZ(pthread_mutex_unlock(&host->lock));
    return found;
}

void fake_host_log_clear(struct fake_host *host)
{
    AZ(pthread_mutex_lock(&host->lock));
    buffer_consume(&host->log, buffer_length(&host->log));
    AZ(pthread_mutex_unlock(&host->lock));
}

/* ---- engines */

ENGINE_HANDLE_V1 *fake_engine_create(struct fake_host *host, CREATE_INSTANCE create,
                                     const char *config, ENGINE_ERROR_CODE *error)
{
    ENGINE_HANDLE *handle = NULL;
    ENGINE_ERROR_CODE unused;
    if (error == NULL)
        error = &unused;
    *error = create(ENGINE_INTERFACE_VERSION, fake_host_api(host), &handle);
    if (*error != ENGINE_SUCCESS)
        return NULL;
    ENGINE_HANDLE_V1 *engine = (ENGINE_HANDLE_V1 *)handle;
    CHECK(engine->interface.interface == ENGINE_INTERFACE_VERSION);
    CHECK(engine->get_info && engine->initialize && engine->destroy && engine->allocate);
    CHECK(engine->remove && engine->release && engine->get && engine->store);
    CHECK(engine->flush && engine->get_stats && engine->reset_stats);
    CHECK(engine->item_set_cas && engine->get_item_info);
    fake_host_server(host)->engine = handle;
    *error = engine->initialize(handle, config);
    if (*error == ENGINE_SUCCESS)
        return engine;
    engine->destroy(handle, true);
    return NULL;
}

ENGINE_HANDLE_V1 *fake_engine_try(struct fake_host *host, const char *module,
                                  const char *config, ENGINE_ERROR_CODE *error)
{
    char path[512];
    const char *build = getenv("MCD_BUILD");
    if (strchr(module, '/') != NULL)
        snprintf(path, sizeof(path), "%s", module);
    else
        snprintf(path, sizeof(path), "%s/.libs/%s", build != NULL ? build : ".", module);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(object != NULL);
    /* Through a union: ISO C has no cast from object to function pointers. */
    union {
        void *symbol;
        CREATE_INSTANCE create;
    } found = { .symbol = dlsym(object, "create_instance") };
    CHECK(found.symbol != NULL);
    return fake_engine_create(host, found.create, config, error);
}

ENGINE_HANDLE_V1 *fake_engine_load(struct fake_host *host, const char *module,
                                   const char *config)
{
    return fake_engine_try(host, module, config, NULL);
}

void fake_engine_destroy(ENGINE_HANDLE_V1 *engine)
{
    engine->destroy(&engine->interface, false);
}
