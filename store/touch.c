/* Commands that reach the engine as raw binary requests. */
#include "store/instance.h"

#include <arpa/inet.h>

#include "base/check.h"
#include "store/seen.h"

enum { GATK = 0x23, GATKQ = 0x24 };

struct touch_kind {
    uint8_t opcode;
    bool value, key, quiet; /* a hit's answer carries value, key; a miss is silent */
};

static const struct touch_kind touch_kinds[] = {
    { PROTOCOL_BINARY_CMD_TOUCH, false, false, false },
    { PROTOCOL_BINARY_CMD_GAT, true, false, false },
    { PROTOCOL_BINARY_CMD_GATQ, true, false, true },
    { GATK, true, true, false },
    { GATKQ, true, true, true },
};

static const struct touch_kind *find_kind(uint8_t opcode)
{
    for (size_t i = 0; i < N_ELEMENTS(touch_kinds); i++) {
        if (touch_kinds[i].opcode == opcode)
            return &touch_kinds[i];
    }
    return NULL;
}

void store_set_exptime(struct store *s, struct item *it, rel_time_t exptime)
{
    atomic_store_explicit(&it->exptime, exptime, memory_order_relaxed);
    memory_note_exptime(&s->memory, it, exptime);
}

struct item *store_touch(struct store *s, const void *key, size_t nkey,
                         rel_time_t exptime)
{
    struct spot spot;
    store_check_flush(s);
    store_lookup(s, &spot, store_hash(s, key, nkey), key, nkey);
    struct item *it = spot.it;
    if (it != NULL) {
        item_take_ref(it);
        item_note_read(it);
        seen_note(s, it);
        store_set_exptime(s, it, exptime);
    }
    store_unlock(s, &spot);
    return it;
}

/* Errors have no text here: the host adds the words. */
static bool answer_status(ADD_RESPONSE response, const void *cookie, uint16_t status)
{
    return response(NULL, 0, NULL, 0, NULL, 0, PROTOCOL_BINARY_RAW_BYTES, status, 0,
                    cookie);
}

static bool answer_miss(const struct touch_kind *kind, const char *key, uint16_t nkey,
                        ADD_RESPONSE response, const void *cookie)
{
    if (kind->quiet)
        return true;
    return response(kind->key ? key : NULL, kind->key ? nkey : 0, NULL, 0, NULL, 0,
                    PROTOCOL_BINARY_RAW_BYTES, PROTOCOL_BINARY_RESPONSE_KEY_ENOENT, 0,
                    cookie);
}

static bool answer_hit(const struct touch_kind *kind, const struct item *it,
                       ADD_RESPONSE response, const void *cookie)
{
    if (!kind->value)
        return response(NULL, 0, &it->flags, sizeof(it->flags), NULL, 0,
                        PROTOCOL_BINARY_RAW_BYTES, PROTOCOL_BINARY_RESPONSE_SUCCESS,
                        item_cas(it), cookie);
    return response(kind->key ? item_key(it) : NULL, kind->key ? it->nkey : 0, &it->flags,
                    sizeof(it->flags), item_value(it), item_nbytes(it),
                    PROTOCOL_BINARY_RAW_BYTES, PROTOCOL_BINARY_RESPONSE_SUCCESS,
                    item_cas(it), cookie);
}

static bool is_well_formed(const protocol_binary_request_header *request)
{
    uint32_t nkey = ntohs(request->request.keylen);
    return request->request.extlen == 4 && nkey > 0 &&
           ntohl(request->request.bodylen) == nkey + 4;
}

static bool command_touch(struct store *s, const void *cookie,
                          const struct touch_kind *kind,
                          const protocol_binary_request_header *request,
                          ADD_RESPONSE response)
{
    const char *extras = (const char *)(request + 1), *key = extras + 4;
    uint16_t nkey = ntohs(request->request.keylen);
    uint32_t when;
    if (!is_well_formed(request))
        return answer_status(response, cookie, PROTOCOL_BINARY_RESPONSE_EINVAL);
    memcpy(&when, extras, sizeof(when));
    rel_time_t exptime = s->server.core->realtime((time_t)ntohl(when));
    struct item *it = store_touch(s, key, nkey, exptime);
    if (it == NULL)
        return answer_miss(kind, key, nkey, response, cookie);
    bool sent = answer_hit(kind, it, response, cookie);
    store_release(s, it);
    return sent;
}

static bool command_scrub(struct store *s, const void *cookie, ADD_RESPONSE response)
{
    return answer_status(response, cookie,
                         store_scrub(s) ? PROTOCOL_BINARY_RESPONSE_SUCCESS
                                        : PROTOCOL_BINARY_RESPONSE_EBUSY);
}

ENGINE_ERROR_CODE store_command(struct store *s, const void *cookie,
                                protocol_binary_request_header *request,
                                ADD_RESPONSE response)
{
    uint8_t opcode = request->request.opcode;
    const struct touch_kind *kind = find_kind(opcode);
    bool sent;
    if (kind != NULL)
        sent = command_touch(s, cookie, kind, request, response);
    else if (opcode == PROTOCOL_BINARY_CMD_SCRUB)
        sent = command_scrub(s, cookie, response);
    else
        sent = answer_status(response, cookie, PROTOCOL_BINARY_RESPONSE_UNKNOWN_COMMAND);
    return sent ? ENGINE_SUCCESS : ENGINE_FAILED;
}
