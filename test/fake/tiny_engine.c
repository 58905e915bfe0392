#include "test/fake/tiny_engine.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct tiny_item {
    struct tiny_item *next;
    unsigned refs; /* including that of the list */
    bool linked;
    size_t nkey, nbytes;
    uint32_t flags;
    uint64_t cas;
    char data[]; /* key, value */
};

static struct {
    ENGINE_HANDLE_V1 api;
    pthread_mutex_t lock;
    struct tiny_item *items; /* all that exist, linked or not */
    size_t piece;
    uint64_t cas;
    bool answers[TINY_CALLS];
    ENGINE_ERROR_CODE codes[TINY_CALLS];
    unsigned calls[TINY_CALLS];
    const void *cookie;
    time_t flushed;
    uint8_t opcode;
} tiny = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void enter(void)
{
    AZ(pthread_mutex_lock(&tiny.lock));
}

static void leave(void)
{
    AZ(pthread_mutex_unlock(&tiny.lock));
}

/* Is there an order for this call? Then *code is its answer. */
static bool ordered(enum tiny_call call, const void *cookie, ENGINE_ERROR_CODE *code)
{
    enter();
    bool yes = tiny.answers[call];
    tiny.answers[call] = false;
    tiny.calls[call]++;
    *code = tiny.codes[call];
    if (yes)
        tiny.cookie = cookie;
    leave();
    return yes;
}

static void drop(struct tiny_item *it)
{
    struct tiny_item **at = &tiny.items;
    if (--it->refs > 0)
        return;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    free(it);
}

static struct tiny_item *find(const void *key, size_t nkey)
{
    struct tiny_item *it = tiny.items;
    while (it != NULL &&
           !(it->linked && it->nkey == nkey && memcmp(it->data, key, nkey) == 0))
        it = it->next;
    return it;
}

static void unlink_item(struct tiny_item *it)
{
    it->linked = false;
    drop(it);
}

static const engine_info *get_info(ENGINE_HANDLE *handle)
{
    static const engine_info info = { .description = "tiny" };
    (void)handle;
    return &info;
}

static ENGINE_ERROR_CODE initialize(ENGINE_HANDLE *handle, const char *config)
{
    (void)handle, (void)config;
    return ENGINE_SUCCESS;
}

static void destroy(ENGINE_HANDLE *handle, const bool force)
{
    (void)handle, (void)force;
}

static ENGINE_ERROR_CODE allocate(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                  const void *key, const size_t nkey, const size_t nbytes,
                                  const int flags, const rel_time_t exptime)
{
    ENGINE_ERROR_CODE code;
    (void)handle, (void)exptime;
    if (ordered(TINY_ALLOCATE, cookie, &code))
        return code;
    struct tiny_item *new = calloc(1, sizeof(*new) + nkey + nbytes);
    AN(new);
    new->refs = 1;
    new->nkey = nkey;
    new->nbytes = nbytes;
    new->flags = (uint32_t)flags;
    memcpy(new->data, key, nkey);
    enter();
    new->next = tiny.items;
    tiny.items = new;
    leave();
    *it = new;
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE remove_key(ENGINE_HANDLE *handle, const void *cookie,
                                    const void *key, const size_t nkey, uint64_t cas,
                                    uint16_t vbucket)
{
    ENGINE_ERROR_CODE code;
    (void)handle, (void)vbucket;
    if (ordered(TINY_REMOVE, cookie, &code))
        return code;
    enter();
    struct tiny_item *it = find(key, nkey);
    code = it == NULL ? ENGINE_KEY_ENOENT : ENGINE_SUCCESS;
    if (it != NULL && cas != 0 && it->cas != cas)
        code = ENGINE_KEY_EEXISTS;
    if (code == ENGINE_SUCCESS)
        unlink_item(it);
    leave();
    return code;
}

static void release(ENGINE_HANDLE *handle, const void *cookie, item *it)
{
    (void)handle, (void)cookie;
    enter();
    drop(it);
    leave();
}

static ENGINE_ERROR_CODE get(ENGINE_HANDLE *handle, const void *cookie, item **it,
                             const void *key, const int nkey, uint16_t vbucket)
{
    ENGINE_ERROR_CODE code;
    (void)handle, (void)vbucket;
    if (ordered(TINY_GET, cookie, &code))
        return code;
    enter();
    struct tiny_item *found = find(key, (size_t)nkey);
    if (found != NULL)
        found->refs++;
    leave();
    *it = found;
    return found != NULL ? ENGINE_SUCCESS : ENGINE_KEY_ENOENT;
}

/* Checks the operation's condition, as the interface has it; no append and prepend. */
static ENGINE_ERROR_CODE judge(const struct tiny_item *old, uint64_t cas,
                               ENGINE_STORE_OPERATION operation)
{
    if (operation == OPERATION_ADD)
        return old == NULL ? ENGINE_SUCCESS : ENGINE_NOT_STORED;
    if (operation == OPERATION_REPLACE)
        return old != NULL ? ENGINE_SUCCESS : ENGINE_NOT_STORED;
    if (operation != OPERATION_CAS)
        return ENGINE_SUCCESS;
    if (old == NULL)
        return ENGINE_KEY_ENOENT;
    return old->cas == cas ? ENGINE_SUCCESS : ENGINE_KEY_EEXISTS;
}

static ENGINE_ERROR_CODE store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                               uint64_t *cas, ENGINE_STORE_OPERATION operation,
                               uint16_t vbucket)
{
    struct tiny_item *new = it;
    ENGINE_ERROR_CODE code;
    (void)handle, (void)vbucket;
    if (ordered(TINY_STORE, cookie, &code))
        return code;
    enter();
    struct tiny_item *old = find(new->data, new->nkey);
    code = judge(old, new->cas, operation);
    if (code == ENGINE_SUCCESS) {
        if (old != NULL)
            unlink_item(old);
        *cas = new->cas = ++tiny.cas;
        new->linked = true;
        new->refs++;
    }
    leave();
    return code;
}

static ENGINE_ERROR_CODE arithmetic(ENGINE_HANDLE *handle, const void *cookie,
                                    const void *key, const int nkey, const bool increment,
                                    const bool create, const uint64_t delta,
                                    const uint64_t initial, const rel_time_t exptime,
                                    uint64_t *cas, uint64_t *result, uint16_t vbucket)
{
    ENGINE_ERROR_CODE code;
    (void)handle, (void)key, (void)nkey, (void)increment, (void)create, (void)initial;
    (void)exptime, (void)vbucket;
    if (ordered(TINY_ARITHMETIC, cookie, &code))
        return code;
    *cas = 1;
    *result = delta;
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE flush(ENGINE_HANDLE *handle, const void *cookie, time_t when)
{
    ENGINE_ERROR_CODE code;
    (void)handle;
    if (ordered(TINY_FLUSH, cookie, &code))
        return code;
    enter();
    tiny.flushed = when;
    leave();
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE get_stats(ENGINE_HANDLE *handle, const void *cookie,
                                   const char *key, int nkey, ADD_STAT add_stat)
{
    ENGINE_ERROR_CODE code;
    (void)handle;
    add_stat("tiny", 4, "yes", 3, cookie);
    if (ordered(TINY_STATS, cookie, &code))
        return code;
    return nkey == 0 || (nkey == 4 && memcmp(key, "tiny", 4) == 0) ? ENGINE_SUCCESS
                                                                   : ENGINE_KEY_ENOENT;
}

static void reset_stats(ENGINE_HANDLE *handle, const void *cookie)
{
    (void)handle, (void)cookie;
}

/* touch and gat of keys that exist; everything else is unknown. */
static ENGINE_ERROR_CODE unknown_command(ENGINE_HANDLE *handle, const void *cookie,
                                         protocol_binary_request_header *request,
                                         ADD_RESPONSE response)
{
    ENGINE_ERROR_CODE code;
    const char *key = (const char *)request + sizeof(request->bytes) + 4;
    (void)handle;
    if (ordered(TINY_UNKNOWN, cookie, &code))
        return code;
    enter();
    tiny.opcode = request->request.opcode;
    struct tiny_item *it = find(key, ntohs(request->request.keylen));
    if (it != NULL)
        it->refs++;
    leave();
    bool gat = request->request.opcode == PROTOCOL_BINARY_CMD_GAT;
    if (!gat && request->request.opcode != PROTOCOL_BINARY_CMD_TOUCH)
        code = ENGINE_ENOTSUP;
    else if (it == NULL)
        code = response(NULL, 0, NULL, 0, NULL, 0, 0, PROTOCOL_BINARY_RESPONSE_KEY_ENOENT,
                        0, cookie)
                   ? ENGINE_SUCCESS
                   : ENGINE_FAILED;
    else
        code = response(NULL, 0, &it->flags, gat ? sizeof(it->flags) : 0,
                        it->data + it->nkey, gat ? (uint32_t)it->nbytes : 0, 0,
                        PROTOCOL_BINARY_RESPONSE_SUCCESS, it->cas, cookie)
                   ? ENGINE_SUCCESS
                   : ENGINE_FAILED;
    if (it != NULL)
        release(handle, cookie, it);
    return code;
}

static void item_set_cas(ENGINE_HANDLE *handle, const void *cookie, item *it,
                         uint64_t cas)
{
    (void)handle, (void)cookie;
    ((struct tiny_item *)it)->cas = cas;
}

static bool get_item_info(ENGINE_HANDLE *handle, const void *cookie, const item *it,
                          item_info *info)
{
    const struct tiny_item *t = it;
    char *value = (char *)t->data + t->nkey;
    size_t piece = tiny.piece > 0 ? tiny.piece : t->nbytes, left = t->nbytes;
    struct iovec *pieces = info->value;
    uint16_t room = info->nvalue, n = 0;
    (void)handle, (void)cookie;
    do {
        size_t size = left < piece ? left : piece;
        if (n == room)
            return false;
        pieces[n++] = (struct iovec){ value, size };
        value += size;
        left -= size;
    } while (left > 0);
    info->nvalue = n;
    info->cas = t->cas;
    info->exptime = 0;
    info->nbytes = (uint32_t)t->nbytes;
    info->flags = t->flags;
    info->clsid = 0;
    info->nkey = (uint16_t)t->nkey;
    info->key = t->data;
    return true;
}

ENGINE_HANDLE_V1 *tiny_engine_start(size_t piece, bool with_arithmetic)
{
    AZ(tiny_engine_stop());
    tiny.api = (ENGINE_HANDLE_V1){ .interface = { 1 },
                                   .get_info = get_info,
                                   .initialize = initialize,
                                   .destroy = destroy,
                                   .allocate = allocate,
                                   .remove = remove_key,
                                   .release = release,
                                   .get = get,
                                   .store = store,
                                   .arithmetic = with_arithmetic ? arithmetic : NULL,
                                   .flush = flush,
                                   .get_stats = get_stats,
                                   .reset_stats = reset_stats,
                                   .unknown_command = unknown_command,
                                   .item_set_cas = item_set_cas,
                                   .get_item_info = get_item_info };
    memset(tiny.answers, 0, sizeof(tiny.answers));
    memset(tiny.calls, 0, sizeof(tiny.calls));
    tiny.piece = piece;
    tiny.cas = 0;
    tiny.cookie = NULL;
    return &tiny.api;
}

unsigned tiny_engine_stop(void)
{
    unsigned held = 0;
    struct tiny_item *it;
    while ((it = tiny.items) != NULL) {
        held += it->refs > (it->linked ? 1 : 0);
        tiny.items = it->next;
        free(it);
    }
    return held;
}

void tiny_engine_answer(enum tiny_call call, ENGINE_ERROR_CODE code)
{
    enter();
    tiny.answers[call] = true;
    tiny.cookie = NULL;
    tiny.codes[call] = code;
    leave();
}

unsigned tiny_engine_called(enum tiny_call call)
{
    enter();
    unsigned n = tiny.calls[call];
    leave();
    return n;
}

const void *tiny_engine_cookie(void)
{
    enter();
    const void *cookie = tiny.cookie;
    leave();
    return cookie;
}

time_t tiny_engine_flushed(void)
{
    enter();
    time_t when = tiny.flushed;
    leave();
    return when;
}

uint8_t tiny_engine_opcode(void)
{
    enter();
    uint8_t opcode = tiny.opcode;
    leave();
    return opcode;
}
