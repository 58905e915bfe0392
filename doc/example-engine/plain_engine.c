/*
 * A complete small engine: a table of lists under one lock, items with a reference count,
 * expiry, CAS, and a limit of items. It needs nothing but the headers of mcd-dev.
 * doc/engine.md explains it step by step.
 */
#include <memcached/engine.h>
#include <memcached/util.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 65536, VALUE_MAX = 1 << 20 };

struct plain_item {
    struct plain_item *next; /* in its bucket */
    unsigned refs;           /* of clients' requests, and one of the table */
    uint32_t flags;          /* as the host gave them */
    rel_time_t exptime;      /* 0: never */
    uint64_t cas;
    size_t nkey, nbytes;
    char data[]; /* key, value */
};

struct plain {
    ENGINE_HANDLE_V1 api; /* first: the host has only this address */
    SERVER_HANDLE_V1 *server;
    pthread_mutex_t lock; /* for all below */
    struct plain_item *table[BUCKETS];
    size_t count, max; /* items in the table */
    uint64_t cas;
};

static struct plain *plain_of(ENGINE_HANDLE *handle)
{
    return (struct plain *)handle;
}

/* ---- the table; the caller has the lock */

static struct plain_item **bucket_of(struct plain *p, const void *key, size_t nkey)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < nkey; i++)
        hash = (hash ^ ((const unsigned char *)key)[i]) * 16777619u;
    return &p->table[hash % BUCKETS];
}

static void unref(struct plain_item *it)
{
    if (--it->refs == 0)
        free(it);
}

static void unlink_at(struct plain *p, struct plain_item **at)
{
    struct plain_item *it = *at;
    if (it == NULL)
        return;
    *at = it->next;
    p->count--;
    unref(it);
}

/* Where the pointer to the item is; NULL: there is none, or none any more. */
static struct plain_item **find(struct plain *p, const void *key, size_t nkey)
{
    struct plain_item **at = bucket_of(p, key, nkey);
    while (*at != NULL && ((*at)->nkey != nkey || memcmp((*at)->data, key, nkey) != 0))
        at = &(*at)->next;
    if (*at == NULL)
        return NULL;
    if ((*at)->exptime != 0 && (*at)->exptime <= p->server->core->get_current_time()) {
        unlink_at(p, at);
        return NULL;
    }
    return at;
}

static void clear(struct plain *p)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (p->table[i] != NULL)
            unlink_at(p, &p->table[i]);
}

/* A new item that only the caller knows. NULL: no memory. */
static struct plain_item *make(const void *key, size_t nkey, size_t nbytes)
{
    struct plain_item *it = malloc(sizeof(*it) + nkey + nbytes);
    if (it == NULL)
        return NULL;
    *it = (struct plain_item){ .refs = 1, .nkey = nkey, .nbytes = nbytes };
    memcpy(it->data, key, nkey);
    return it;
}

/* ---- its life */

static const engine_info *get_info(ENGINE_HANDLE *handle)
{
    static const engine_info info = { .description = "plain engine" };
    (void)handle;
    return &info;
}

static ENGINE_ERROR_CODE initialize(ENGINE_HANDLE *handle, const char *config)
{
    struct plain *p = plain_of(handle);
    struct config_item options[] = {
        { .key = "items", .datatype = DT_SIZE, .value.dt_size = &p->max },
        { .key = NULL },
    };
    if (config != NULL && p->server->core->parse_config(config, options, stderr) != 0)
        return ENGINE_EINVAL;
    return ENGINE_SUCCESS;
}

static void destroy(ENGINE_HANDLE *handle, const bool force)
{
    struct plain *p = plain_of(handle);
    (void)force; /* there is no work to finish */
    clear(p);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- items */

static ENGINE_ERROR_CODE allocate(ENGINE_HANDLE *handle, const void *cookie,
                                  item **result, const void *key, const size_t nkey,
                                  const size_t nbytes, const int flags,
                                  const rel_time_t exptime)
{
    struct plain *p = plain_of(handle);
    (void)cookie;
    if (nbytes > VALUE_MAX)
        return ENGINE_E2BIG;
    struct plain_item *it = make(key, nkey, nbytes);
    if (it == NULL)
        return ENGINE_ENOMEM;
    it->flags = (uint32_t)flags;
    it->exptime = p->server->core->realtime(exptime);
    *result = it;
    return ENGINE_SUCCESS;
}

static void release(ENGINE_HANDLE *handle, const void *cookie, item *it)
{
    struct plain *p = plain_of(handle);
    (void)cookie;
    pthread_mutex_lock(&p->lock);
    unref(it);
    pthread_mutex_unlock(&p->lock);
}

static ENGINE_ERROR_CODE get(ENGINE_HANDLE *handle, const void *cookie, item **result,
                             const void *key, const int nkey, uint16_t vbucket)
{
    struct plain *p = plain_of(handle);
    (void)cookie, (void)vbucket;
    pthread_mutex_lock(&p->lock);
    struct plain_item **at = find(p, key, (size_t)nkey);
    if (at != NULL) {
        (*at)->refs++;
        *result = *at;
    }
    pthread_mutex_unlock(&p->lock);
    return at != NULL ? ENGINE_SUCCESS : ENGINE_KEY_ENOENT;
}

static ENGINE_ERROR_CODE remove_key(ENGINE_HANDLE *handle, const void *cookie,
                                    const void *key, const size_t nkey, uint64_t cas,
                                    uint16_t vbucket)
{
    struct plain *p = plain_of(handle);
    ENGINE_ERROR_CODE code = ENGINE_SUCCESS;
    (void)cookie, (void)vbucket;
    pthread_mutex_lock(&p->lock);
    struct plain_item **at = find(p, key, nkey);
    if (at == NULL)
        code = ENGINE_KEY_ENOENT;
    else if (cas != 0 && (*at)->cas != cas)
        code = ENGINE_KEY_EEXISTS;
    else
        unlink_at(p, at);
    pthread_mutex_unlock(&p->lock);
    return code;
}

/* ---- store */

static ENGINE_ERROR_CODE judge(const struct plain_item *old, const struct plain_item *new,
                               ENGINE_STORE_OPERATION operation)
{
    switch (operation) {
    case OPERATION_ADD:
        return old == NULL ? ENGINE_SUCCESS : ENGINE_NOT_STORED;
    case OPERATION_REPLACE:
    case OPERATION_APPEND:
    case OPERATION_PREPEND:
        if (old == NULL)
            return ENGINE_NOT_STORED;
        return new->cas == 0 || new->cas == old->cas ? ENGINE_SUCCESS
                                                     : ENGINE_KEY_EEXISTS;
    case OPERATION_CAS:
        if (old == NULL)
            return ENGINE_KEY_ENOENT;
        return new->cas == old->cas ? ENGINE_SUCCESS : ENGINE_KEY_EEXISTS;
    case OPERATION_SET:
        break;
    }
    return ENGINE_SUCCESS;
}

/* The item that append and prepend make of the two. */
static struct plain_item *join(const struct plain_item *old,
                               const struct plain_item *piece, bool behind)
{
    const struct plain_item *first = behind ? old : piece, *second = behind ? piece : old;
    struct plain_item *it = make(old->data, old->nkey, old->nbytes + piece->nbytes);
    if (it == NULL)
        return NULL;
    it->flags = old->flags;
    it->exptime = old->exptime;
    memcpy(it->data + it->nkey, first->data + first->nkey, first->nbytes);
    memcpy(it->data + it->nkey + first->nbytes, second->data + second->nkey,
           second->nbytes);
    return it;
}

/* The table takes a reference of its own to the item. */
static void link_item(struct plain *p, struct plain_item *it, uint64_t *cas)
{
    struct plain_item **bucket = bucket_of(p, it->data, it->nkey);
    *cas = it->cas = ++p->cas;
    it->refs++;
    it->next = *bucket;
    *bucket = it;
    p->count++;
}

static ENGINE_ERROR_CODE store_locked(struct plain *p, struct plain_item *new,
                                      uint64_t *cas, ENGINE_STORE_OPERATION operation)
{
    struct plain_item **at = find(p, new->data, new->nkey), *joined = NULL;
    ENGINE_ERROR_CODE code = judge(at != NULL ? *at : NULL, new, operation);
    if (code != ENGINE_SUCCESS)
        return code;
    if (at == NULL && p->count >= p->max)
        return ENGINE_ENOMEM; /* a cache would evict an item instead */
    if (at != NULL && (operation == OPERATION_APPEND || operation == OPERATION_PREPEND)) {
        if ((*at)->nbytes + new->nbytes > VALUE_MAX)
            return ENGINE_E2BIG;
        joined = join(*at, new, operation == OPERATION_APPEND);
        if (joined == NULL)
            return ENGINE_ENOMEM;
    }
    if (at != NULL)
        unlink_at(p, at);
    link_item(p, joined != NULL ? joined : new, cas);
    if (joined != NULL)
        unref(joined); /* the table has it; the caller keeps the piece */
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                               uint64_t *cas, ENGINE_STORE_OPERATION operation,
                               uint16_t vbucket)
{
    struct plain *p = plain_of(handle);
    (void)cookie, (void)vbucket;
    pthread_mutex_lock(&p->lock);
    ENGINE_ERROR_CODE code = store_locked(p, it, cas, operation);
    pthread_mutex_unlock(&p->lock);
    return code;
}

/* ---- the rest */

/* Delayed flushes need a moment to be remembered for each item; this engine has none. */
static ENGINE_ERROR_CODE flush(ENGINE_HANDLE *handle, const void *cookie, time_t when)
{
    struct plain *p = plain_of(handle);
    (void)cookie;
    if (when != 0)
        return ENGINE_ENOTSUP;
    pthread_mutex_lock(&p->lock);
    clear(p);
    pthread_mutex_unlock(&p->lock);
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE get_stats(ENGINE_HANDLE *handle, const void *cookie,
                                   const char *key, int nkey, ADD_STAT add_stat)
{
    struct plain *p = plain_of(handle);
    char text[24];
    (void)key;
    if (nkey != 0)
        return ENGINE_KEY_ENOENT; /* it has no groups of its own */
    pthread_mutex_lock(&p->lock);
    int n = snprintf(text, sizeof(text), "%zu", p->count);
    pthread_mutex_unlock(&p->lock);
    add_stat("curr_items", 10, text, (uint32_t)n, cookie);
    return ENGINE_SUCCESS;
}

static void reset_stats(ENGINE_HANDLE *handle, const void *cookie)
{
    (void)handle, (void)cookie;
}

static void item_set_cas(ENGINE_HANDLE *handle, const void *cookie, item *it,
                         uint64_t cas)
{
    (void)handle, (void)cookie;
    ((struct plain_item *)it)->cas = cas;
}

static bool get_item_info(ENGINE_HANDLE *handle, const void *cookie, const item *it,
                          item_info *info)
{
    const struct plain_item *plain = it;
    (void)handle, (void)cookie;
    if (info->nvalue < 1)
        return false;
    info->cas = plain->cas;
    info->exptime = plain->exptime;
    info->nbytes = (uint32_t)plain->nbytes;
    info->flags = plain->flags;
    info->clsid = 0;
    info->nkey = (uint16_t)plain->nkey;
    info->nvalue = 1;
    info->key = plain->data;
    info->value[0].iov_base = (char *)plain->data + plain->nkey;
    info->value[0].iov_len = plain->nbytes;
    return true;
}

/* ---- what the host looks for */

ENGINE_ERROR_CODE create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                  ENGINE_HANDLE **handle);

ENGINE_ERROR_CODE create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                  ENGINE_HANDLE **handle)
{
    SERVER_HANDLE_V1 *server = get_server_api();
    if (interface < 1 || server == NULL)
        return ENGINE_ENOTSUP;
    struct plain *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ENGINE_ENOMEM;
    p->api = (ENGINE_HANDLE_V1){
        .interface = { 1 },
        .get_info = get_info,
        .initialize = initialize,
        .destroy = destroy,
        .allocate = allocate,
        .remove = remove_key,
        .release = release,
        .get = get,
        .store = store,
        .flush = flush,
        .get_stats = get_stats,
        .reset_stats = reset_stats,
        .item_set_cas = item_set_cas,
        .get_item_info = get_item_info,
    };
    p->server = server;
    p->max = 1000000;
    pthread_mutex_init(&p->lock, NULL);
    *handle = (ENGINE_HANDLE *)p;
    return ENGINE_SUCCESS;
}
