/* Responses of the binary protocol; a table maps outcomes to status and text. */
#include "protocol/binary.h"

#include <endian.h>
#include <string.h>

#include "protocol/frame.h"

struct status {
    uint16_t code;
    const char *text;
};

static const struct status statuses[] = {
#define OUTCOME(NAME, kind, words, code, status, reason)                                 \
    [OUTCOME_##NAME] = { status, reason },
#include "protocol/outcome_table.h"
};

#define OUTCOME(NAME, kind, words, code, status, reason)                                 \
    _Static_assert(OUTCOME_##NAME == OUTCOME_OK ||                                       \
                       ((status) != 0 && sizeof(reason) > 1),                            \
                   #NAME " is no success, and says nothing");
#include "protocol/outcome_table.h"

/* Text has one NOT_STORED where the binary protocol names the reason. */
static const enum outcome not_stored[] = {
#define COMMAND(NAME, handler, text, binary, not_stored, ...)                            \
    [COMMAND_##NAME] = OUTCOME_##not_stored,
#include "protocol/command_table.h"
};

enum outcome binary_outcome(uint16_t status)
{
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        if (statuses[outcome].code == status)
            return (enum outcome)outcome;
    }
    return OUTCOME_INTERNAL;
}

static bool is_read(const struct request *req)
{
    return req->command == COMMAND_GET || req->command == COMMAND_GAT;
}

/* Quiet reads hide a miss; all other quiet commands hide success. */
static bool is_hidden(const struct request *req, enum outcome outcome)
{
    return req->quiet && outcome == (is_read(req) ? OUTCOME_NOT_FOUND : OUTCOME_OK);
}

static char *put(char *to, const void *bytes, size_t n)
{
    if (bytes != NULL)
        memcpy(to, bytes, n);
    return to + n;
}

/* Header, extras, key and text. The server sends nvalue more bytes itself. */
static bool packet_compose(const struct request *req, const struct frame *shape,
                           const void *extras, const char *key, const char *text,
                           size_t ntext, struct buffer *out)
{
    struct frame f = *shape;
    size_t size = (size_t)FRAME_HEADER + f.nextra + f.nkey + ntext;
    char *to = buffer_reserve(out, size);
    if (to == NULL)
        return false;
    f.magic = FRAME_RESPONSE;
    f.opcode = req->opcode;
    f.opaque = req->opaque;
    f.nbody += (uint32_t)(f.nextra + f.nkey + ntext);
    frame_encode(&f, to);
    put(put(put(to + FRAME_HEADER, extras, f.nextra), key, f.nkey), text, ntext);
    buffer_commit(out, size);
    return true;
}

static bool compose_value(const struct request *req, const struct response *res,
                          struct buffer *out)
{
    uint32_t flags = htobe32(res->flags);
    const char *key = res->key != NULL ? res->key : req->key;
    uint16_t nkey = res->key != NULL ? res->nkey : req->nkey;
    struct frame f = { .nextra = sizeof(flags),
                       .nkey = req->with_key ? nkey : 0,
                       .nbody = res->nvalue,
                       .cas = res->cas };
    return packet_compose(req, &f, &flags, key, NULL, 0, out);
}

static bool compose_flags(const struct request *req, const struct response *res,
                          struct buffer *out)
{
    uint32_t flags = htobe32(res->flags);
    struct frame f = { .nextra = sizeof(flags), .cas = res->cas };
    return packet_compose(req, &f, &flags, NULL, NULL, 0, out);
}

static bool compose_number(const struct request *req, const struct response *res,
                           struct buffer *out)
{
    uint64_t number = htobe64(res->number);
    struct frame f = { .cas = res->cas };
    return packet_compose(req, &f, NULL, NULL, (const char *)&number, sizeof(number),
                          out);
}

static bool compose_stat(const struct request *req, const struct response *res,
                         struct buffer *out)
{
    struct frame f = { .nkey = res->key != NULL ? res->nkey : 0 };
    return packet_compose(req, &f, NULL, res->key, res->text,
                          res->key != NULL ? res->ntext : 0, out);
}

static bool compose_version(const struct request *req, const struct response *res,
                            struct buffer *out)
{
    struct frame f = { .nkey = 0 };
    return packet_compose(req, &f, NULL, NULL, res->text, res->ntext, out);
}

static bool compose_done(const struct request *req, const struct response *res,
                         struct buffer *out)
{
    struct frame f = { .cas = res->cas };
    return packet_compose(req, &f, NULL, NULL, NULL, 0, out);
}

static bool compose_error(const struct request *req, const struct response *res,
                          struct buffer *out)
{
    enum outcome outcome = res->outcome;
    if (outcome == OUTCOME_NOT_STORED)
        outcome = not_stored[req->command];
    struct frame f = { .status = statuses[outcome].code };
    if (outcome == OUTCOME_NOT_FOUND && req->with_key) {
        f.nkey = req->nkey;
        return packet_compose(req, &f, NULL, req->key, NULL, 0, out);
    }
    const char *text = res->text != NULL ? res->text : statuses[outcome].text;
    size_t ntext = res->text != NULL ? res->ntext : strlen(text);
    return packet_compose(req, &f, NULL, NULL, text, ntext, out);
}

typedef bool (*composer)(const struct request *req, const struct response *res,
                         struct buffer *out);

static const composer composers[] = {
#define COMMAND(NAME, handler, text, binary, ...) [COMMAND_##NAME] = compose_##binary,
#include "protocol/command_table.h"
};

bool binary_compose_head(const struct request *req, const struct response *res,
                         struct buffer *out)
{
    if (is_hidden(req, res->outcome))
        return true;
    if (res->outcome != OUTCOME_OK)
        return compose_error(req, res, out);
    return composers[req->command](req, res, out);
}

bool binary_compose_tail(const struct request *req, const struct response *res,
                         struct buffer *out)
{
    (void)req, (void)res, (void)out;
    return true;
}

bool binary_compose_end(const struct request *req, struct buffer *out)
{
    static const struct frame f;
    return req->command != COMMAND_STATS ||
           packet_compose(req, &f, NULL, NULL, NULL, 0, out);
}
