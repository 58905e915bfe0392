#include "test/fake/client.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "test/fake/cookie.h"

enum { PATIENCE_MS = 10000, KEY_LONGEST = 250 };

/* Was that a wait, and must the call be made again? If the engine notified with an
 * error, that takes the place of the answer. */
static bool wait_over(const void *cookie, ENGINE_ERROR_CODE *rc)
{
    if (*rc != ENGINE_EWOULDBLOCK)
        return false;
    CHECK(fake_cookie_wait(cookie, rc, PATIENCE_MS));
    return *rc == ENGINE_SUCCESS;
}

void fake_value_fini(struct fake_value *value)
{
    free(value->bytes);
    *value = (struct fake_value){ 0 };
}

static item_info info_of(ENGINE_HANDLE_V1 *engine, const void *cookie, const item *it)
{
    item_info info = { .nvalue = 1 };
    CHECK(engine->get_item_info(&engine->interface, cookie, it, &info));
    CHECK(info.nvalue == 1 && info.value[0].iov_len == info.nbytes);
    return info;
}

/* ---- store */

static ENGINE_ERROR_CODE allocate(ENGINE_HANDLE_V1 *engine, const void *cookie,
                                  const struct fake_store *what, item **it)
{
    ENGINE_ERROR_CODE rc;
    do {
        rc = engine->allocate(&engine->interface, cookie, it, what->key, what->nkey,
                              what->nvalue, (int)htonl(what->flags), what->exptime);
    } while (wait_over(cookie, &rc));
    return rc;
}

static ENGINE_ERROR_CODE remove_key(ENGINE_HANDLE_V1 *engine, const void *cookie,
                                    const char *key, size_t nkey, uint64_t expected)
{
    ENGINE_ERROR_CODE rc;
    do {
        rc = engine->remove(&engine->interface, cookie, key, nkey, expected, 0);
    } while (wait_over(cookie, &rc));
    return rc;
}

static ENGINE_ERROR_CODE link_item(ENGINE_HANDLE_V1 *engine, const void *cookie,
                                   const struct fake_store *what, item *it, uint64_t *cas)
{
    ENGINE_ERROR_CODE rc;
    item_info info = info_of(engine, cookie, it);
    CHECK(info.nbytes == what->nvalue && info.nkey == what->nkey);
    if (what->nvalue > 0)
        memcpy(info.value[0].iov_base, what->value, what->nvalue);
    engine->item_set_cas(&engine->interface, cookie, it, what->expected);
    do {
        rc = engine->store(&engine->interface, cookie, it, cas, what->op, 0);
    } while (wait_over(cookie, &rc));
    return rc;
}

ENGINE_ERROR_CODE fake_store(ENGINE_HANDLE_V1 *engine, const void *cookie,
                             const struct fake_store *what, uint64_t *cas)
{
    struct fake_store full = *what;
    uint64_t unused = 0;
    item *it = NULL;
    if (full.nkey == 0)
        full.nkey = strlen(full.key);
    if (full.nvalue == 0 && full.value != NULL)
        full.nvalue = strlen(full.value);
    ENGINE_ERROR_CODE rc = allocate(engine, cookie, &full, &it);
    if (rc != ENGINE_SUCCESS) {
        /* As hosts do, so that no stale value is left after a failed set. */
        if (full.op == OPERATION_SET)
            (void)remove_key(engine, cookie, full.key, full.nkey, 0);
        return rc;
    }
    rc = link_item(engine, cookie, &full, it, cas != NULL ? cas : &unused);
    engine->release(&engine->interface, cookie, it);
    return rc;
}

ENGINE_ERROR_CODE fake_set(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
                           const char *value)
{
    struct fake_store what = { .op = OPERATION_SET, .key = key, .value = value };
    return fake_store(engine, cookie, &what, NULL);
}

/* ---- get */

static void copy_item(ENGINE_HANDLE_V1 *engine, const void *cookie, const item *it,
                      struct fake_value *value)
{
    item_info info = info_of(engine, cookie, it);
    *value = (struct fake_value){ .nbytes = info.nbytes,
                                  .flags = ntohl(info.flags),
                                  .cas = info.cas,
                                  .exptime = info.exptime };
    value->bytes = malloc(info.nbytes + (size_t)1);
    AN(value->bytes);
    if (info.nbytes > 0)
        memcpy(value->bytes, info.value[0].iov_base, info.nbytes);
    value->bytes[info.nbytes] = '\0';
}

ENGINE_ERROR_CODE fake_get_bytes(ENGINE_HANDLE_V1 *engine, const void *cookie,
                                 const void *key, size_t nkey, struct fake_value *value)
{
    ENGINE_ERROR_CODE rc;
    item *it = NULL;
    do {
        rc = engine->get(&engine->interface, cookie, &it, key, (int)nkey, 0);
    } while (wait_over(cookie, &rc));
    if (rc == ENGINE_SUCCESS) {
        copy_item(engine, cookie, it, value);
        engine->release(&engine->interface, cookie, it);
    }
    return rc;
}

ENGINE_ERROR_CODE fake_get(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
                           struct fake_value *value)
{
    return fake_get_bytes(engine, cookie, key, strlen(key), value);
}

bool fake_has(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
              const char *value)
{
    struct fake_value got;
    ENGINE_ERROR_CODE rc = fake_get(engine, cookie, key, &got);
    if (rc == ENGINE_KEY_ENOENT)
        return value == NULL;
    CHECK(rc == ENGINE_SUCCESS);
    bool same = value != NULL && got.nbytes == strlen(value) &&
                memcmp(got.bytes, value, got.nbytes) == 0;
    fake_value_fini(&got);
    return same;
}

/* ---- delete, arithmetic, flush */

ENGINE_ERROR_CODE fake_delete(ENGINE_HANDLE_V1 *engine, const void *cookie,
                              const char *key, uint64_t expected)
{
    return remove_key(engine, cookie, key, strlen(key), expected);
}

ENGINE_ERROR_CODE fake_arith(ENGINE_HANDLE_V1 *engine, const void *cookie,
                             const struct fake_arith *what, uint64_t *result,
                             uint64_t *cas)
{
    uint64_t unused = 0;
    ENGINE_ERROR_CODE rc;
    CHECK(engine->arithmetic != NULL);
    do {
        rc = engine->arithmetic(&engine->interface, cookie, what->key,
                                (int)strlen(what->key), !what->decrement, what->create,
                                what->delta, what->initial, what->exptime,
                                cas != NULL ? cas : &unused, result, 0);
    } while (wait_over(cookie, &rc));
    return rc;
}

ENGINE_ERROR_CODE fake_flush(ENGINE_HANDLE_V1 *engine, const void *cookie, time_t when)
{
    ENGINE_ERROR_CODE rc;
    do {
        rc = engine->flush(&engine->interface, cookie, when);
    } while (wait_over(cookie, &rc));
    return rc;
}

/* ---- unknown_command */

static bool keep_response(const void *key, uint16_t nkey, const void *ext, uint8_t next,
                          const void *body, uint32_t nbody, uint8_t datatype,
                          uint16_t status, uint64_t cas, const void *cookie)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    (void)key, (void)nkey, (void)datatype;
    c->responded = true;
    c->response_status = status;
    c->response_cas = cas;
    c->response_flags = 0;
    if (next >= sizeof(uint32_t)) {
        memcpy(&c->response_flags, ext, sizeof(uint32_t));
        c->response_flags = ntohl(c->response_flags);
    }
    buffer_consume(&c->response_body, buffer_length(&c->response_body));
    return buffer_append(&c->response_body, body, nbody);
}

int fake_packet(ENGINE_HANDLE_V1 *engine, const void *cookie, const void *packet,
                ENGINE_ERROR_CODE *error)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    ENGINE_ERROR_CODE rc = ENGINE_ENOTSUP;
    c->responded = false;
    if (engine->unknown_command != NULL) {
        do {
            rc = engine->unknown_command(
                &engine->interface, cookie,
                (protocol_binary_request_header *)(uintptr_t)packet, keep_response);
        } while (wait_over(cookie, &rc));
    }
    *error = rc;
    return c->responded ? c->response_status : -1;
}

static ENGINE_ERROR_CODE error_of_status(int status)
{
    static const struct {
        int status;
        ENGINE_ERROR_CODE error;
    } rows[] = {
        { PROTOCOL_BINARY_RESPONSE_SUCCESS, ENGINE_SUCCESS },
        { PROTOCOL_BINARY_RESPONSE_KEY_ENOENT, ENGINE_KEY_ENOENT },
        { PROTOCOL_BINARY_RESPONSE_KEY_EEXISTS, ENGINE_KEY_EEXISTS },
        { PROTOCOL_BINARY_RESPONSE_E2BIG, ENGINE_E2BIG },
        { PROTOCOL_BINARY_RESPONSE_EINVAL, ENGINE_EINVAL },
        { PROTOCOL_BINARY_RESPONSE_NOT_STORED, ENGINE_NOT_STORED },
        { PROTOCOL_BINARY_RESPONSE_UNKNOWN_COMMAND, ENGINE_ENOTSUP },
        { PROTOCOL_BINARY_RESPONSE_ENOMEM, ENGINE_ENOMEM },
        { PROTOCOL_BINARY_RESPONSE_NOT_SUPPORTED, ENGINE_ENOTSUP },
        { PROTOCOL_BINARY_RESPONSE_ETMPFAIL, ENGINE_TMPFAIL },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        if (rows[i].status == status)
            return rows[i].error;
    }
    return ENGINE_FAILED;
}

/* touch and gat differ only in the opcode; 24 + 4 bytes precede the key. */
static ENGINE_ERROR_CODE touch_packet(ENGINE_HANDLE_V1 *engine, const void *cookie,
                                      uint8_t opcode, const char *key, uint32_t exptime)
{
    /* Aligned as the header's type, because engines read it in place. */
    union {
        protocol_binary_request_touch head;
        uint8_t bytes[sizeof(protocol_binary_request_touch) + KEY_LONGEST];
    } packet;
    size_t nkey = strlen(key);
    CHECK(nkey <= KEY_LONGEST);
    memset(&packet, 0, sizeof(packet));
    packet.head.message.header.request.magic = PROTOCOL_BINARY_REQ;
    packet.head.message.header.request.opcode = opcode;
    packet.head.message.header.request.keylen = htons((uint16_t)nkey);
    packet.head.message.header.request.extlen = 4;
    packet.head.message.header.request.bodylen = htonl((uint32_t)(nkey + 4));
    packet.head.message.body.expiration = htonl(exptime);
    memcpy(packet.bytes + sizeof(packet.head.bytes), key, nkey);
    ENGINE_ERROR_CODE rc;
    int status = fake_packet(engine, cookie, &packet, &rc);
    return rc != ENGINE_SUCCESS || status < 0 ? rc : error_of_status(status);
}

ENGINE_ERROR_CODE fake_touch(ENGINE_HANDLE_V1 *engine, const void *cookie,
                             const char *key, uint32_t exptime)
{
    return touch_packet(engine, cookie, PROTOCOL_BINARY_CMD_TOUCH, key, exptime);
}

ENGINE_ERROR_CODE fake_gat(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
                           uint32_t exptime, struct fake_value *value)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    ENGINE_ERROR_CODE rc =
        touch_packet(engine, cookie, PROTOCOL_BINARY_CMD_GAT, key, exptime);
    if (rc != ENGINE_SUCCESS || value == NULL)
        return rc;
    *value = (struct fake_value){ .nbytes = buffer_length(&c->response_body),
                                  .flags = c->response_flags,
                                  .cas = c->response_cas };
    value->bytes = calloc(1, value->nbytes + 1);
    AN(value->bytes);
    if (value->nbytes > 0)
        memcpy(value->bytes, buffer_head(&c->response_body), value->nbytes);
    return rc;
}

/* ---- statistics */

static void keep_stat(const char *key, const uint16_t nkey, const char *value,
                      const uint32_t nvalue, const void *cookie)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    if (c->found == NULL || nkey != strlen(c->wanted) ||
        memcmp(key, c->wanted, nkey) != 0)
        return;
    CHECK(nvalue < c->nfound);
    if (nvalue > 0)
        memcpy(c->found, value, nvalue);
    c->found[nvalue] = '\0';
    c->found = NULL;
}

bool fake_stat(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *group,
               const char *name, char *text, size_t ntext)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    ENGINE_ERROR_CODE rc;
    c->wanted = name;
    c->found = text;
    c->nfound = ntext;
    do {
        rc = engine->get_stats(&engine->interface, cookie, group,
                               group != NULL ? (int)strlen(group) : 0, keep_stat);
    } while (wait_over(cookie, &rc));
    bool came = c->found == NULL;
    c->found = NULL;
    return rc == ENGINE_SUCCESS && came;
}

uint64_t fake_stat_number(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *group,
                          const char *name)
{
    char text[64], *end;
    CHECK(fake_stat(engine, cookie, group, name, text, sizeof(text)));
    uint64_t number = strtoull(text, &end, 10);
    CHECK(end != text && *end == '\0');
    return number;
}

/* ---- scan */

size_t fake_scan(ENGINE_HANDLE_V1 *engine, const void *cookie, fake_each each,
                 void *context)
{
    CHECK(engine->get_tap_iterator != NULL);
    TAP_ITERATOR step = engine->get_tap_iterator(&engine->interface, cookie, "scan", 4,
                                                 TAP_CONNECT_FLAG_DUMP, NULL, 0);
    CHECK(step != NULL);
    for (size_t n = 0;;) {
        item *it = NULL;
        void *specific = NULL;
        uint16_t nspecific = 0, flags = 0, vbucket = 0;
        uint8_t ttl = 0;
        uint32_t seqno = 0;
        tap_event_t event = step(&engine->interface, cookie, &it, &specific, &nspecific,
                                 &ttl, &flags, &seqno, &vbucket);
        if (event == TAP_DISCONNECT)
            return n;
        if (event != TAP_MUTATION)
            continue;
        struct fake_value value;
        item_info info = info_of(engine, cookie, it);
        copy_item(engine, cookie, it, &value);
        if (each != NULL)
            each(context, info.key, info.nkey, &value);
        fake_value_fini(&value);
        engine->release(&engine->interface, cookie, it);
        n++;
    }
}
