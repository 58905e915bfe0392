#include "engine/repl_engine.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/bracket.h"
#include "engine/fetch.h"

/* ---- items */

static const engine_info *engine_get_info(ENGINE_HANDLE *handle)
{
    return &repl_engine_of(handle)->info.info;
}

static ENGINE_ERROR_CODE engine_allocate(ENGINE_HANDLE *handle, const void *cookie,
                                         item **it, const void *key, const size_t nkey,
                                         const size_t nbytes, const int flags,
                                         const rel_time_t exptime)
{
    struct repl_engine *e = repl_engine_of(handle);
    bracket_expect_evictions(e);
    return INNER(e)->allocate(HANDLE(e), cookie, it, key, nkey, nbytes, flags, exptime);
}

static void engine_release(ENGINE_HANDLE *handle, const void *cookie, item *it)
{
    struct repl_engine *e = repl_engine_of(handle);
    INNER(e)->release(HANDLE(e), cookie, it);
}

static bool engine_get_item_info(ENGINE_HANDLE *handle, const void *cookie,
                                 const item *it, item_info *info)
{
    struct repl_engine *e = repl_engine_of(handle);
    return INNER(e)->get_item_info(HANDLE(e), cookie, it, info);
}

static void engine_item_set_cas(ENGINE_HANDLE *handle, const void *cookie, item *it,
                                uint64_t cas)
{
    struct repl_engine *e = repl_engine_of(handle);
    INNER(e)->item_set_cas(HANDLE(e), cookie, it, cas);
}

static ENGINE_ERROR_CODE engine_get(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                    const void *key, const int nkey, uint16_t vbucket)
{
    struct repl_engine *e = repl_engine_of(handle);
    ENGINE_ERROR_CODE rc =
        __builtin_expect(change_before_read(e->core, key, (size_t)nkey), 1)
            ? INNER(e)->get(HANDLE(e), cookie, it, key, nkey, vbucket)
            : ENGINE_KEY_ENOENT;
    if (rc == ENGINE_KEY_ENOENT && fetch_parks(e, cookie, key, (size_t)nkey))
        return ENGINE_EWOULDBLOCK;
    return rc;
}

/* ---- changes */

static ENGINE_ERROR_CODE engine_store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                                      uint64_t *cas, ENGINE_STORE_OPERATION operation,
                                      uint16_t vbucket)
{
    const struct meta_store how = { .operation = operation };
    return bracket_store(repl_engine_of(handle), cookie, it, cas, &how, vbucket);
}

/* Deleting a key that is not here is a change too: the standby may still hold it. */
static ENGINE_ERROR_CODE engine_remove(ENGINE_HANDLE *handle, const void *cookie,
                                       const void *key, const size_t nkey, uint64_t cas,
                                       uint16_t vbucket)
{
    struct repl_engine *e = repl_engine_of(handle);
    struct change ch;
    if (cas != 0 && fetch_parks_absent(e, cookie, key, nkey))
        return ENGINE_EWOULDBLOCK;
    enum change_result r = change_begin(e->core, &ch, cookie, key, nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    ENGINE_ERROR_CODE rc = INNER(e)->remove(HANDLE(e), cookie, key, nkey, cas, vbucket);
    if (rc == ENGINE_SUCCESS || rc == ENGINE_KEY_ENOENT)
        change_record(e->core, &ch);
    change_end(e->core, &ch);
    return rc;
}

static ENGINE_ERROR_CODE engine_arithmetic(ENGINE_HANDLE *handle, const void *cookie,
                                           const void *key, const int nkey,
                                           const bool increment, const bool create,
                                           const uint64_t delta, const uint64_t initial,
                                           const rel_time_t exptime, uint64_t *cas,
                                           uint64_t *result, uint16_t vbucket)
{
    struct repl_engine *e = repl_engine_of(handle);
    struct change ch;
    if (fetch_parks_absent(e, cookie, key, (size_t)nkey))
        return ENGINE_EWOULDBLOCK;
    enum change_result r = change_begin(e->core, &ch, cookie, key, (size_t)nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    bracket_expect_evictions(e);
    ENGINE_ERROR_CODE rc =
        INNER(e)->arithmetic(HANDLE(e), cookie, key, nkey, increment, create, delta,
                             initial, exptime, cas, result, vbucket);
    return bracket_end(e, &ch, rc);
}

/* The seconds until a flush_all takes effect, from the time that the client sent. */
static uint32_t flush_delay(const struct repl_engine *e, time_t when)
{
    rel_time_t now = e->server->core->get_current_time();
    rel_time_t at = when == 0 ? 0 : e->server->core->realtime(when);
    return at > now ? at - now : 0;
}

static ENGINE_ERROR_CODE engine_flush(ENGINE_HANDLE *handle, const void *cookie,
                                      time_t when)
{
    struct repl_engine *e = repl_engine_of(handle);
    struct change ch;
    enum change_result r = change_flush_begin(e->core, &ch, cookie);
    if (r != CHANGE_OK)
        return bracket_error(r);
    adapter_note_flush(&e->adapter);
    ENGINE_ERROR_CODE rc = INNER(e)->flush(HANDLE(e), cookie, when);
    if (rc == ENGINE_SUCCESS)
        change_flush_end(e->core, &ch, flush_delay(e, when));
    else
        change_end(e->core, &ch);
    return rc;
}

/* ---- commands for which the interface has no function */

static bool changes_a_key(uint8_t opcode)
{
    return opcode == PROTOCOL_BINARY_CMD_TOUCH || opcode == PROTOCOL_BINARY_CMD_GAT ||
           opcode == PROTOCOL_BINARY_CMD_GATQ || opcode == 0x23 /* GATK */ ||
           opcode == 0x24 /* GATKQ */;
}

/* Was it a miss? A quiet command without an answer was one. */
static bool is_miss(ENGINE_ERROR_CODE rc, int status)
{
    return rc == ENGINE_SUCCESS &&
           (status < 0 || status == PROTOCOL_BINARY_RESPONSE_KEY_ENOENT);
}

static ENGINE_ERROR_CODE engine_unknown_command(ENGINE_HANDLE *handle, const void *cookie,
                                                protocol_binary_request_header *request,
                                                ADD_RESPONSE response)
{
    struct repl_engine *e = repl_engine_of(handle);
    struct change ch;
    if (INNER(e)->unknown_command == NULL)
        return ENGINE_ENOTSUP;
    if (!changes_a_key(request->request.opcode))
        return INNER(e)->unknown_command(HANDLE(e), cookie, request, response);
    const char *key = (const char *)(request + 1) + request->request.extlen;
    size_t nkey = ntohs(request->request.keylen);
    if (nkey == 0 || nkey > LINK_KEY_MAX)
        return INNER(e)->unknown_command(HANDLE(e), cookie, request, response);
    if (fetch_parks_absent(e, cookie, key, nkey))
        return ENGINE_EWOULDBLOCK;
    enum change_result r = change_begin(e->core, &ch, cookie, key, nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    struct shim_heard heard;
    ENGINE_ERROR_CODE rc = shim_command(INNER(e), cookie, request, response, &heard);
    if (heard.status == PROTOCOL_BINARY_RESPONSE_SUCCESS)
        bracket_record_touch(e, &ch, heard.cas);
    else if (is_miss(rc, heard.status))
        change_record_absence(e->core, &ch);
    change_end(e->core, &ch);
    return rc;
}

/* ---- statistics and errors */

static ENGINE_ERROR_CODE engine_get_stats(ENGINE_HANDLE *handle, const void *cookie,
                                          const char *key, int nkey, ADD_STAT add_stat)
{
    struct repl_engine *e = repl_engine_of(handle);
    if (key != NULL && nkey == 4 && memcmp(key, "repl", 4) == 0) {
        repl_engine_stats(e, false, add_stat, cookie);
        return ENGINE_SUCCESS;
    }
    if (key == NULL || nkey == 0)
        repl_engine_stats(e, true, add_stat, cookie);
    return INNER(e)->get_stats(HANDLE(e), cookie, key, nkey, add_stat);
}

static void engine_reset_stats(ENGINE_HANDLE *handle, const void *cookie)
{
    struct repl_engine *e = repl_engine_of(handle);
    INNER(e)->reset_stats(HANDLE(e), cookie);
}

static size_t engine_errinfo(ENGINE_HANDLE *handle, const void *cookie, char *text,
                             size_t ntext)
{
    struct repl_engine *e = repl_engine_of(handle);
    const char *why = e->why;
    if (why[0] == '\0' && e->core != NULL && repl_core_refusal(e->core) != NULL)
        why = repl_core_refusal(e->core);
    if (why[0] == '\0' && INNER(e) != NULL && INNER(e)->errinfo != NULL)
        return INNER(e)->errinfo(HANDLE(e), cookie, text, ntext);
    if (ntext == 0)
        return 0;
    int n = snprintf(text, ntext, "%s", why);
    return (size_t)n < ntext ? (size_t)n : ntext - 1;
}

static const ENGINE_HANDLE_V1 repl_engine_api = {
    .interface = { .interface = 1 },
    .get_info = engine_get_info,
    .initialize = repl_engine_initialize,
    .destroy = repl_engine_destroy,
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
    .item_set_cas = engine_item_set_cas,
    .get_item_info = engine_get_item_info,
    .errinfo = engine_errinfo,
};

ENGINE_ERROR_CODE repl_engine_create(uint64_t interface, GET_SERVER_API get_server_api,
                                     ENGINE_HANDLE **handle)
{
    if (interface < 1 || get_server_api == NULL)
        return ENGINE_ENOTSUP;
    struct repl_engine *e = aligned_alloc(64, (sizeof(*e) + 63) / 64 * 64);
    if (e == NULL)
        return ENGINE_ENOMEM;
    memset(e, 0, sizeof(*e));
    e->api = repl_engine_api;
    e->magic = REPL_ENGINE_MAGIC;
    e->server = get_server_api();
    e->info.info.description = "replication engine";
    e->info.info.num_features = 1;
    e->info.info.features[0].feature = ENGINE_FEATURE_SECONDARY_ENGINE;
    *handle = (ENGINE_HANDLE *)&e->api;
    /* cppcheck-suppress memleak ; it lives on in the handle */
    return ENGINE_SUCCESS;
}
