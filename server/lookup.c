/*
 * get, gat, touch, and the opcodes that only the engine knows.
 *
 * The engine interface has no entry for touch and gat. They reach the engine as binary
 * requests through unknown_command, whichever protocol the client speaks.
 */
#include "server/lookup.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"
#include "server/answer.h"
#include "server/clock.h"
#include "server/detail.h"
#include "server/item_view.h"
#include "server/extensions.h"
#include "server/handlers.h"
#include "server/watch.h"

/* Queues the value; takes over the reference to the item. */
static bool answer_value(struct connection *c, item *it, const item_info *info)
{
    struct output *out = &c->io->out;
    bool ok = true, copy = info->nbytes <= c->copy_max;
    unsigned n = c->req.no_value ? 0 : info->nvalue;
    for (unsigned i = 0; ok && i < n; i++) {
        const struct iovec *piece = &item_view_pieces(info)[i];
        if (copy)
            ok = buffer_append(&out->bytes, piece->iov_base, piece->iov_len);
        else
            ok = output_reference(out, piece->iov_base, piece->iov_len,
                                  i + 1 == n ? it : NULL);
    }
    if (!ok || copy || n == 0)
        c->worker->api->release(c->worker->handle, c, it);
    return ok;
}

enum verdict lookup_answer(struct connection *c, item *it, struct response *res)
{
    union item_view view;
    struct worker *w = c->worker;
    if (!item_view_get(c, it, &view)) {
        w->api->release(w->handle, c, it);
        return command_finish_list(c, OUTCOME_INTERNAL);
    }
    res->flags = ntohl(view.info.flags);
    res->nvalue = view.info.nbytes;
    res->cas = view.info.cas;
    enum verdict verdict = command_answer(c, res);
    if (verdict != VERDICT_DONE) {
        w->api->release(w->handle, c, it);
        return verdict;
    }
    if (!answer_value(c, it, &view.info) ||
        !c->codec->compose_tail(&c->req, res, &c->io->out.bytes))
        return VERDICT_DROP;
    return command_finish_list(c, OUTCOME_OK);
}

static enum verdict answer_hit(struct connection *c, item *it)
{
    const struct meta *meta = c->req.meta;
    item_info info = { .nvalue = 1 };
    struct worker *w = c->worker;
    struct response res = { .base64 = meta != NULL && meta->base64 };
    if (meta != NULL && w->api->get_item_info(w->handle, c, it, &info))
        res.ttl = clock_left(info.exptime);
    return lookup_answer(c, it, &res);
}

/* it: what was found, or NULL. */
typedef void (*noter)(struct connection *c, const item *it);

static enum verdict look_up(struct connection *c, ENGINE_ERROR_CODE rc, noter note)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    item *it = NULL;
    if (rc == ENGINE_SUCCESS)
        rc = w->api->get(w->handle, c, &it, req->key, req->nkey, req->vbucket);
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    note(c, rc == ENGINE_SUCCESS ? it : NULL);
    if (rc == ENGINE_SUCCESS)
        return answer_hit(c, it);
    return command_finish_list(c, command_outcome(rc));
}

static void count_get(struct connection *c, bool hit)
{
    struct thread_counters *n = &c->worker->counters;
    count(&n->cmd_get);
    detail_note(c, PREFIX_GETS, hit ? PREFIX_HITS : PREFIX_COUNTERS);
    count(hit ? &n->get_hits : &n->get_misses);
}

static void note_get(struct connection *c, const item *it)
{
    count_get(c, it != NULL);
    watch_get(c, it);
}

enum verdict command_run_get(struct connection *c)
{
    return look_up(c, command_take_status(c), note_get);
}

/* ---- touch and gat ---- */

static enum outcome outcome_of_status(uint16_t status)
{
    bool busy = status == PROTOCOL_BINARY_RESPONSE_EBUSY;
    return busy ? OUTCOME_TEMPORARY : binary_outcome(status);
}

/* A meta get that finds nothing is a get, also if it was to touch. */
static void count_touch(struct connection *c, bool hit)
{
    struct thread_counters *n = &c->worker->counters;
    if (!hit && c->req.meta != NULL) {
        count_get(c, hit);
        return;
    }
    count(&n->cmd_touch);
    if (c->req.command == COMMAND_GAT)
        detail_note(c, PREFIX_GETS, hit ? PREFIX_HITS : PREFIX_COUNTERS);
    count(hit ? &n->touch_hits : &n->touch_misses);
}

static void note_touch(struct connection *c, const item *it)
{
    count_touch(c, it != NULL);
}

static rel_time_t new_exptime(const struct connection *c)
{
    return clock_realtime(command_exptime(c->req.exptime));
}

/* A large value is sent from its item, as for a get: nobody holds the value that the
 * engine shows here once the engine has returned. A touch with a past time is the
 * exception: afterwards there is no item to look up. */
static bool is_looked_up(const struct connection *c, uint32_t nvalue)
{
    if (c->req.no_value || nvalue <= c->copy_max)
        return false;
    rel_time_t exptime = new_exptime(c);
    return exptime == 0 || exptime > clock_now();
}

static bool copy_value(struct connection *c, const struct response *res,
                       const void *value)
{
    struct buffer *out = &c->io->out.bytes;
    uint32_t n = c->req.no_value ? 0 : res->nvalue;
    return command_answer(c, res) == VERDICT_DONE && buffer_append(out, value, n) &&
           c->codec->compose_tail(&c->req, res, out) &&
           command_finish_list(c, OUTCOME_OK) == VERDICT_DONE;
}

/* Converts the engine's answer to a touch or gat to the client's protocol. */
static bool take_touch(const void *key, uint16_t nkey, const void *ext, uint8_t next,
                       const void *body, uint32_t nbody, uint8_t datatype,
                       uint16_t status, uint64_t cas, const void *cookie)
{
    struct connection *c = connection_of(cookie);
    struct response res = { .outcome = outcome_of_status(status), .cas = cas };
    bool hit = res.outcome == OUTCOME_OK, gat = c->req.command == COMMAND_GAT;
    (void)key, (void)nkey, (void)datatype;
    c->answered = true;
    c->value_due = hit && gat && is_looked_up(c, nbody);
    if (c->value_due)
        return true;
    count_touch(c, hit);
    if (next >= sizeof(res.flags)) {
        memcpy(&res.flags, ext, sizeof(res.flags));
        res.flags = ntohl(res.flags);
    }
    if (!gat)
        return command_answer(c, &res) == VERDICT_DONE;
    if (!hit)
        return command_finish_list(c, res.outcome) == VERDICT_DONE;
    res.nvalue = nbody;
    res.ttl = clock_left(new_exptime(c));
    res.base64 = c->req.meta != NULL && c->req.meta->base64;
    return copy_value(c, &res, body);
}

/* Header, expiry, key: aligned, as engines read it through structs. */
union touch_packet {
    protocol_binary_request_header header;
    char bytes[FRAME_HEADER + sizeof(uint32_t) + KEY_MAX];
};

static void build_touch(const struct request *req, union touch_packet *packet)
{
    uint32_t exptime = htonl(command_exptime(req->exptime));
    bool touch = req->command == COMMAND_TOUCH;
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode =
                           touch ? PROTOCOL_BINARY_CMD_TOUCH : PROTOCOL_BINARY_CMD_GAT,
                       .nextra = sizeof(exptime),
                       .nkey = req->nkey,
                       .status = req->vbucket,
                       .nbody = (uint32_t)sizeof(exptime) + req->nkey,
                       .opaque = req->opaque,
                       .cas = req->cas };
    frame_encode(&f, packet->bytes);
    memcpy(packet->bytes + FRAME_HEADER, &exptime, sizeof(exptime));
    memcpy(packet->bytes + FRAME_HEADER + sizeof(exptime), req->key, req->nkey);
}

/* Asks the engine, and drops what it has answered unless it succeeds. */
static ENGINE_ERROR_CODE ask_engine(struct connection *c, BINARY_COMMAND_CALLBACK handler,
                                    EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *descriptor,
                                    protocol_binary_request_header *packet,
                                    ADD_RESPONSE response)
{
    struct worker *w = c->worker;
    struct output *out = &c->io->out;
    struct output_mark mark = output_mark(out);
    ENGINE_ERROR_CODE rc = command_take_status(c);
    c->answered = c->value_due = false;
    if (rc == ENGINE_SUCCESS && handler != NULL)
        rc = handler(descriptor, w->handle, c, packet, response);
    else if (rc == ENGINE_SUCCESS)
        rc = w->api->unknown_command != NULL
                 ? w->api->unknown_command(w->handle, c, packet, response)
                 : ENGINE_ENOTSUP;
    if (rc != ENGINE_SUCCESS)
        output_truncate(out, mark, connection_release_sent, c);
    return rc;
}

enum verdict command_run_touch(struct connection *c)
{
    union touch_packet packet;
    struct watch_sight unused;
    build_touch(&c->req, &packet);
    watch_look_up(c, &unused);
    ENGINE_ERROR_CODE rc = ask_engine(c, NULL, NULL, &packet.header, take_touch);
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    if (rc == ENGINE_SUCCESS && c->value_due)
        return look_up(c, rc, note_touch);
    if (rc == ENGINE_SUCCESS && c->answered)
        return VERDICT_DONE;
    struct response res = { .outcome = command_outcome(rc) };
    if (rc == ENGINE_SUCCESS)
        res.outcome = OUTCOME_NOT_FOUND; /* a quiet engine: no answer is a miss */
    else if (rc == ENGINE_ENOTSUP)
        res.outcome = OUTCOME_UNKNOWN;
    count_touch(c, false);
    if (c->req.command == COMMAND_TOUCH)
        return command_answer(c, &res);
    return command_finish_list(c, res.outcome);
}

/* ---- opcodes that only the engine, or an extension, knows ---- */

static bool send_raw(const void *key, uint16_t nkey, const void *ext, uint8_t next,
                     const void *body, uint32_t nbody, uint8_t datatype, uint16_t status,
                     uint64_t cas, const void *cookie)
{
    struct connection *c = connection_of(cookie);
    struct buffer *out = &c->io->out.bytes;
    char header[FRAME_HEADER];
    struct frame f = { .magic = FRAME_RESPONSE,
                       .opcode = c->req.opcode,
                       .nextra = next,
                       .datatype = datatype,
                       .nkey = nkey,
                       .status = status,
                       .nbody = next + nkey + nbody,
                       .opaque = c->req.opaque,
                       .cas = cas };
    c->answered = true;
    if (status == PROTOCOL_BINARY_RESPONSE_UNKNOWN_COMMAND && nbody == 0)
        return command_answer(c, &(struct response){ .outcome = OUTCOME_UNKNOWN }) ==
               VERDICT_DONE;
    frame_encode(&f, header);
    return buffer_append(out, header, sizeof(header)) && buffer_append(out, ext, next) &&
           buffer_append(out, key, nkey) && buffer_append(out, body, nbody);
}

enum verdict command_run_engine(struct connection *c)
{
    EXTENSION_BINARY_PROTOCOL_DESCRIPTOR *descriptor;
    BINARY_COMMAND_CALLBACK handler = extension_of_opcode(c->req.opcode, &descriptor);
    struct response res = { 0 };
    /* A copy, because malloc aligns it and the stream does not. */
    void *packet = malloc(c->req.npacket);
    if (packet == NULL) {
        res.outcome = OUTCOME_NO_MEMORY;
        return command_answer(c, &res);
    }
    memcpy(packet, c->req.packet, c->req.npacket);
    ENGINE_ERROR_CODE rc = ask_engine(c, handler, descriptor, packet, send_raw);
    free(packet);
    if (rc == ENGINE_SUCCESS)
        return VERDICT_DONE; /* the engine has answered, or the request was quiet */
    if (rc == ENGINE_ENOTSUP)
        res.outcome = OUTCOME_UNKNOWN;
    return command_finish(c, rc, &res);
}
