/*
 * A module with a flaw, for tests of what loads engines: BROKEN_ENGINE in the
 * environment names the flaw. It stores nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <memcached/engine.h>

static bool flaw(const char *name)
{
    const char *wanted = getenv("BROKEN_ENGINE");
    return wanted != NULL && strcmp(wanted, name) == 0;
}

static const engine_info *get_info(ENGINE_HANDLE *handle)
{
    static const engine_info info = { .description = "a broken engine" };
    (void)handle;
    return &info;
}

static ENGINE_ERROR_CODE initialize(ENGINE_HANDLE *handle, const char *config)
{
    (void)handle, (void)config;
    return flaw("initialize") || flaw("initialize silently") ? ENGINE_EINVAL
                                                             : ENGINE_SUCCESS;
}

static void destroy(ENGINE_HANDLE *handle, const bool force)
{
    (void)handle, (void)force;
}

static ENGINE_ERROR_CODE allocate(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                  const void *key, const size_t nkey, const size_t nbytes,
                                  const int flags, const rel_time_t exptime)
{
    (void)handle, (void)cookie, (void)it, (void)key, (void)nkey, (void)nbytes;
    (void)flags, (void)exptime;
    return ENGINE_ENOMEM;
}

static ENGINE_ERROR_CODE remove_key(ENGINE_HANDLE *handle, const void *cookie,
                                    const void *key, const size_t nkey, uint64_t cas,
                                    uint16_t vbucket)
{
    (void)handle, (void)cookie, (void)key, (void)nkey, (void)cas, (void)vbucket;
    return ENGINE_KEY_ENOENT;
}

static void release(ENGINE_HANDLE *handle, const void *cookie, item *it)
{
    (void)handle, (void)cookie, (void)it;
}

static ENGINE_ERROR_CODE get(ENGINE_HANDLE *handle, const void *cookie, item **it,
                             const void *key, const int nkey, uint16_t vbucket)
{
    (void)handle, (void)cookie, (void)it, (void)key, (void)nkey, (void)vbucket;
    return ENGINE_KEY_ENOENT;
}

static ENGINE_ERROR_CODE store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                               uint64_t *cas, ENGINE_STORE_OPERATION operation,
                               uint16_t vbucket)
{
    (void)handle, (void)cookie, (void)it, (void)cas, (void)operation, (void)vbucket;
    return ENGINE_NOT_STORED;
}

static ENGINE_ERROR_CODE flush(ENGINE_HANDLE *handle, const void *cookie, time_t when)
{
    (void)handle, (void)cookie, (void)when;
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE get_stats(ENGINE_HANDLE *handle, const void *cookie,
                                   const char *key, int nkey, ADD_STAT add_stat)
{
    (void)handle, (void)cookie, (void)key, (void)nkey, (void)add_stat;
    return ENGINE_SUCCESS;
}

static void reset_stats(ENGINE_HANDLE *handle, const void *cookie)
{
    (void)handle, (void)cookie;
}

static void item_set_cas(ENGINE_HANDLE *handle, const void *cookie, item *it,
                         uint64_t cas)
{
    (void)handle, (void)cookie, (void)it, (void)cas;
}

static bool get_item_info(ENGINE_HANDLE *handle, const void *cookie, const item *it,
                          item_info *info)
{
    (void)handle, (void)cookie, (void)it, (void)info;
    return false;
}

static size_t errinfo(ENGINE_HANDLE *handle, const void *cookie, char *buffer,
                      size_t size)
{
    static const char words[] = "the moon is in the wrong quarter";
    (void)handle, (void)cookie;
    if (flaw("initialize silently") || size < sizeof(words))
        return 0;
    memcpy(buffer, words, sizeof(words) - 1);
    return sizeof(words) - 1;
}

static ENGINE_HANDLE_V1 engine;

/* The linker must find it whatever the default visibility is. */
__attribute__((visibility("default"))) ENGINE_ERROR_CODE
create_instance(uint64_t interface, GET_SERVER_API get_server_api, ENGINE_HANDLE **handle)
{
    (void)get_server_api;
    if (interface != 1 || flaw("create"))
        return ENGINE_ENOTSUP;
    engine =
        (ENGINE_HANDLE_V1){ .interface = { flaw("version") ? 2 : 1 },
                            .get_info = get_info,
                            .initialize = initialize,
                            .destroy = destroy,
                            .allocate = allocate,
                            .remove = remove_key,
                            .release = release,
                            .get = get,
                            .store = flaw("store") ? NULL : store,
                            .flush = flush,
                            .get_stats = get_stats,
                            .reset_stats = reset_stats,
                            .item_set_cas = item_set_cas,
                            .get_item_info = flaw("get_item_info") ? NULL : get_item_info,
                            .errinfo = errinfo };
    *handle = flaw("handle") ? NULL : (ENGINE_HANDLE *)&engine;
    return ENGINE_SUCCESS;
}
