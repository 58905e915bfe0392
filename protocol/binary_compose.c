/* Responses of the binary protocol: outcome to status and text by table. */
#include "protocol/binary.h"

#include <endian.h>
#include <string.h>

#include "protocol/frame.h"

struct status {
    uint16_t code;
    const char *text;
};

static const struct status statuses[OUTCOME_COUNT] = {
    [OUTCOME_OK] = { 0x00, "" },
    [OUTCOME_NOT_FOUND] = { 0x01, "Not found" },
    [OUTCOME_EXISTS] = { 0x02, "Data exists for key." },
    [OUTCOME_NOT_STORED] = { 0x05, "Not stored." },
    [OUTCOME_TOO_LARGE] = { 0x03, "Too large." },
    [OUTCOME_NO_MEMORY] = { 0x82, "Out of memory" },
    [OUTCOME_NOT_A_NUMBER] = { 0x06, "Non-numeric server-side value for incr or decr" },
    [OUTCOME_BAD_CHUNK] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_FORMAT] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_DELTA] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_EXPTIME] = { 0x04, "Invalid arguments" },
    [OUTCOME_LINE_TOO_LONG] = { 0x04, "Invalid arguments" },
    [OUTCOME_UNKNOWN] = { 0x81, "Unknown command" },
    [OUTCOME_NOT_SUPPORTED] = { 0x83, "Not supported" },
    [OUTCOME_TEMPORARY] = { 0x86, "Temporary failure" },
    [OUTCOME_DENIED] = { 0x20, "Auth failure." },
    [OUTCOME_INVALID] = { 0x04, "Invalid arguments" },
    [OUTCOME_INTERNAL] = { 0x84, "Internal error" },
    [OUTCOME_BAD_USAGE] = { 0x04, "Invalid arguments" },
    [OUTCOME_NO_SHUTDOWN] = { 0x83, "Not supported" },
    [OUTCOME_BAD_FLAG] = { 0x04, "Invalid arguments" },
    [OUTCOME_DUPLICATE_FLAG] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_TOKEN] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_MODE] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_OPAQUE] = { 0x04, "Invalid arguments" },
    [OUTCOME_BAD_KEY] = { 0x04, "Invalid arguments" },
};

/* Text has one NOT_STORED where the binary protocol names the reason. */
static const enum outcome not_stored[COMMAND_COUNT] = {
    [COMMAND_ADD] = OUTCOME_EXISTS,
    [COMMAND_REPLACE] = OUTCOME_NOT_FOUND,
};

static bool is_read(const struct request *req)
{
    return req->command == COMMAND_GET || req->command == COMMAND_GAT;
}

/* A quiet read says nothing of a miss, any other quiet command nothing of success. */
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

/* Header, extras, key and text; nvalue more bytes are the server's to send. */
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
    if (outcome == OUTCOME_NOT_STORED && not_stored[req->command] != OUTCOME_OK)
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

static const composer composers[COMMAND_COUNT] = {
    [COMMAND_GET] = compose_value,      [COMMAND_GAT] = compose_value,
    [COMMAND_SET] = compose_done,       [COMMAND_ADD] = compose_done,
    [COMMAND_REPLACE] = compose_done,   [COMMAND_APPEND] = compose_done,
    [COMMAND_PREPEND] = compose_done,   [COMMAND_CAS] = compose_done,
    [COMMAND_DELETE] = compose_done,    [COMMAND_INCR] = compose_number,
    [COMMAND_DECR] = compose_number,    [COMMAND_TOUCH] = compose_flags,
    [COMMAND_FLUSH] = compose_done,     [COMMAND_STATS] = compose_stat,
    [COMMAND_VERBOSITY] = compose_done, [COMMAND_VERSION] = compose_version,
    [COMMAND_NOOP] = compose_done,      [COMMAND_QUIT] = compose_done,
    [COMMAND_ENGINE] = compose_done,
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
