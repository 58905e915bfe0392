/* The engine interface on top of a store. */
#include "store/instance.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/feature.h"
#include "store/admin.h"
#include "store/meta.h"
#include "store/mirror.h"

static const engine_info *engine_get_info(ENGINE_HANDLE *handle)
{
    return &store_of(handle)->info.info;
}

static void on_disconnect(const void *cookie, ENGINE_EVENT_TYPE type,
                          const void *event_data, const void *cb_data)
{
    (void)type;
    (void)event_data;
    store_scan_end((struct store *)(uintptr_t)cb_data, cookie);
}

/* The interface declares an array of one row, but it may have any number of rows. */
static void add_feature(struct store *s, uint32_t id, const char *description)
{
    feature_info feature = { .feature = id, .description = description };
    size_t at =
        offsetof(engine_info, features) + s->info.info.num_features++ * sizeof(feature);
    CHECK(at + sizeof(feature) <= sizeof(s->info));
    memcpy(s->info.room + at, &feature, sizeof(feature));
}

static ENGINE_ERROR_CODE engine_initialize(ENGINE_HANDLE *handle, const char *config)
{
    struct store *s = store_of(handle);
    CHECK_OBJ(s, STORE_MAGIC);
    if (!store_configure(s, config))
        return ENGINE_EINVAL;
    ENGINE_ERROR_CODE result = store_start(s);
    if (result != ENGINE_SUCCESS) {
        fprintf(stderr, "%s\n", s->error);
        return result;
    }
    if (s->config.use_cas) {
        add_feature(s, ENGINE_FEATURE_CAS, NULL);
        add_feature(s, FEATURE_CAS_CLOCK, FEATURE_CAS_CLOCK_TEXT);
    }
    add_feature(s, FEATURE_LIVE_SCAN, FEATURE_LIVE_SCAN_TEXT);
    add_feature(s, ENGINE_FEATURE_MIRROR, mirror_rows.name);
    add_feature(s, ENGINE_FEATURE_ADMIN, admin_rows.name);
    add_feature(s, ENGINE_FEATURE_META, meta_rows.name);
    s->server.callback->register_callback(handle, ON_DISCONNECT, on_disconnect, s);
    return ENGINE_SUCCESS;
}

static void engine_destroy(ENGINE_HANDLE *handle, const bool force)
{
    struct store *s = store_of(handle);
    (void)force;
    CHECK_OBJ(s, STORE_MAGIC);
    store_end(s);
    pthread_mutex_destroy(&s->flush_lock);
    pthread_mutex_destroy(&s->sweep_lock);
    pthread_mutex_destroy(&s->tap_lock);
    s->magic = 0;
    free(s);
}

static ENGINE_ERROR_CODE engine_allocate(ENGINE_HANDLE *handle, const void *cookie,
                                         item **it, const void *key, const size_t nkey,
                                         const size_t nbytes, const int flags,
                                         const rel_time_t exptime)
{
    struct store *s = store_of(handle);
    rel_time_t when = exptime == 0 ? 0 : s->server.core->realtime((time_t)exptime);
    struct item *fresh = NULL;
    ENGINE_ERROR_CODE result =
        store_allocate(s, cookie, &fresh, key, nkey, nbytes, (uint32_t)flags, when, NULL);
    *it = fresh;
    return result;
}

static ENGINE_ERROR_CODE engine_remove(ENGINE_HANDLE *handle, const void *cookie,
                                       const void *key, const size_t nkey, uint64_t cas,
                                       uint16_t vbucket)
{
    (void)cookie;
    (void)vbucket;
    return store_remove(store_of(handle), key, nkey, cas);
}

static void engine_release(ENGINE_HANDLE *handle, const void *cookie, item *it)
{
    (void)cookie;
    store_release(store_of(handle), it);
}

static ENGINE_ERROR_CODE engine_get(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                    const void *key, const int nkey, uint16_t vbucket)
{
    (void)cookie;
    (void)vbucket;
    *it = store_get(store_of(handle), key, (size_t)nkey);
    return *it != NULL ? ENGINE_SUCCESS : ENGINE_KEY_ENOENT;
}

static ENGINE_ERROR_CODE engine_store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                                      uint64_t *cas, ENGINE_STORE_OPERATION operation,
                                      uint16_t vbucket)
{
    const struct meta_store how = { .operation = operation };
    (void)vbucket;
    return store_update(store_of(handle), cookie, it, cas, &how);
}

static ENGINE_ERROR_CODE engine_arithmetic(ENGINE_HANDLE *handle, const void *cookie,
                                           const void *key, const int nkey,
                                           const bool increment, const bool create,
                                           const uint64_t delta, const uint64_t initial,
                                           const rel_time_t exptime, uint64_t *cas,
                                           uint64_t *result, uint16_t vbucket)
{
    struct store *s = store_of(handle);
    struct meta_arithmetic a = { .key = key,
                                 .nkey = (size_t)nkey,
                                 .increment = increment,
                                 .create = create,
                                 .delta = delta,
                                 .initial = initial };
    (void)vbucket;
    if (create && exptime != 0)
        a.vivify_exptime = s->server.core->realtime((time_t)exptime);
    ENGINE_ERROR_CODE result_code = store_arithmetic(s, cookie, &a);
    *cas = a.cas;
    *result = a.number;
    return result_code;
}

static ENGINE_ERROR_CODE engine_flush(ENGINE_HANDLE *handle, const void *cookie,
                                      time_t when)
{
    struct store *s = store_of(handle);
    (void)cookie;
    store_flush(s, when <= 0 ? 0 : s->server.core->realtime(when));
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE engine_get_stats(ENGINE_HANDLE *handle, const void *cookie,
                                          const char *key, int nkey, ADD_STAT add)
{
    return store_stats(store_of(handle), cookie, key, nkey, add);
}

static void engine_reset_stats(ENGINE_HANDLE *handle, const void *cookie)
{
    (void)cookie;
    store_reset_stats(store_of(handle));
}

static ENGINE_ERROR_CODE engine_unknown_command(ENGINE_HANDLE *handle, const void *cookie,
                                                protocol_binary_request_header *request,
                                                ADD_RESPONSE response)
{
    return store_command(store_of(handle), cookie, request, response);
}

static TAP_ITERATOR engine_get_tap_iterator(ENGINE_HANDLE *handle, const void *cookie,
                                            const void *client, size_t nclient,
                                            uint32_t flags, const void *userdata,
                                            size_t nuserdata)
{
    (void)client;
    (void)nclient;
    (void)userdata;
    (void)nuserdata;
    if ((flags & TAP_CONNECT_FLAG_TAKEOVER_VBUCKETS) != 0)
        return NULL;
    return store_scan_begin(store_of(handle), cookie, NULL);
}

/* On a fresh item: sets the CAS that the request expects. On a stored item: adopts a CAS
 * that another node gave, and gives higher ones from now on. */
static void engine_item_set_cas(ENGINE_HANDLE *handle, const void *cookie, item *at,
                                uint64_t cas)
{
    struct store *s = store_of(handle);
    struct item *it = at;
    (void)cookie;
    if ((item_word(it) & (ITEM_LINKED | ITEM_DEAD)) != 0)
        cas = store_adopt_cas(s, cas);
    atomic_store_explicit(&it->cas, cas, memory_order_relaxed);
}

static bool engine_get_item_info(ENGINE_HANDLE *handle, const void *cookie,
                                 const item *at, item_info *info)
{
    const struct item *it = at;
    (void)handle;
    (void)cookie;
    if (info->nvalue < 1)
        return false;
    info->cas = item_cas(it);
    info->exptime = item_exptime(it);
    info->nbytes = item_nbytes(it);
    info->flags = it->flags;
    info->clsid = STORE_CLASS;
    info->nkey = it->nkey;
    info->nvalue = 1;
    info->key = item_key(it);
    info->value[0].iov_base = item_value(it);
    info->value[0].iov_len = info->nbytes;
    return true;
}

static size_t engine_errinfo(ENGINE_HANDLE *handle, const void *cookie, char *buffer,
                             size_t size)
{
    const struct store *s = store_of(handle);
    size_t n = strlen(s->error);
    (void)cookie;
    if (size == 0)
        return 0;
    if (n >= size)
        n = size - 1;
    memcpy(buffer, s->error, n);
    buffer[n] = '\0';
    return n;
}

static const ENGINE_HANDLE_V1 engine_rows = {
    .interface = { .interface = 1 },
    .get_info = engine_get_info,
    .initialize = engine_initialize,
    .destroy = engine_destroy,
    .allocate = engine_allocate,
    .remove = engine_remove,
    .release = engine_release,
    .get = engine_get,
    .store = engine_store,
    .arithmetic = engine_arithmetic,
    .flush = engine_flush,
    .get_stats = engine_get_stats,
    .reset_stats = engine_reset_stats,
    .unknown_command = engine_unknown_command,
    .get_tap_iterator = engine_get_tap_iterator,
    .item_set_cas = engine_item_set_cas,
    .get_item_info = engine_get_item_info,
    .errinfo = engine_errinfo,
};

ENGINE_ERROR_CODE store_create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                        ENGINE_HANDLE **handle)
{
    const SERVER_HANDLE_V1 *api = get_server_api();
    if (interface != 1 || api == NULL)
        return ENGINE_ENOTSUP;
    struct store *s = aligned_alloc(_Alignof(struct store), sizeof(*s));
    if (s == NULL)
        return ENGINE_ENOMEM;
    memset(s, 0, sizeof(*s));
    s->api = engine_rows;
    s->magic = STORE_MAGIC;
    s->server = *api;
    s->now = api->core->get_current_time;
    s->info.info.description = "default_engine: segments, S3-FIFO";
    AZ(pthread_mutex_init(&s->flush_lock, NULL));
    AZ(pthread_mutex_init(&s->sweep_lock, NULL));
    AZ(pthread_mutex_init(&s->tap_lock, NULL));
    *handle = (ENGINE_HANDLE *)&s->api;
    return ENGINE_SUCCESS;
}
