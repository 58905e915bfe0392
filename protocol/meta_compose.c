/* Answers of the meta commands: a two-letter code, the value's size if there is one,
 * and what the client's flags asked to have returned. */
#include "protocol/text.h"

#include <string.h>

#include "base/base64.h"
#include "protocol/number.h"

/* Two letters, or none. */
static const char codes[][3] = {
#define OUTCOME(NAME, kind, words, code, ...) [OUTCOME_##NAME] = code,
#include "protocol/outcome_table.h"
};

#define OUTCOME(NAME, kind, words, code, ...)                                            \
    _Static_assert(sizeof(code) == 1 || sizeof(code) == sizeof(codes[0]),                \
                   "the meta code of " #NAME " is not two letters");
#include "protocol/outcome_table.h"

static bool is_get(const struct request *req)
{
    return req->command == COMMAND_GET || req->command == COMMAND_GAT;
}

bool meta_answers(enum outcome outcome)
{
    return codes[outcome][0] != '\0';
}

/* Quiet gets hide a miss; all other quiet commands hide success. */
static bool is_hidden(const struct request *req, enum outcome outcome)
{
    return req->quiet && outcome == (is_get(req) ? OUTCOME_NOT_FOUND : OUTCOME_OK);
}

static char *put_code(char *to, const struct request *req, const struct response *res)
{
    const char *code = codes[res->outcome];
    if (req->command == COMMAND_NOOP)
        code = "MN";
    else if (is_get(req) && res->outcome == OUTCOME_NOT_FOUND)
        code = "EN";
    else if (!req->no_value && res->outcome == OUTCOME_OK)
        code = "VA";
    memcpy(to, code, 2);
    return to + 2;
}

/* ---- what flags ask for in the answer, after their letter */

static char *put_nothing(char *to, const struct request *req, const struct response *res)
{
    (void)req, (void)res;
    return to;
}

static char *put_key(char *to, const struct request *req, const struct response *res)
{
    (void)res;
    if (!req->meta->base64) {
        memcpy(to, req->key, req->nkey);
        return to + req->nkey;
    }
    to = base64_encode(req->key, req->nkey, to);
    memcpy(to, " b", 2);
    return to + 2;
}

static char *put_opaque(char *to, const struct request *req, const struct response *res)
{
    (void)res;
    memcpy(to, req->meta->opaque, req->meta->nopaque);
    return to + req->meta->nopaque;
}

static char *put_cas(char *to, const struct request *req, const struct response *res)
{
    (void)req;
    return number_format(to, res->outcome == OUTCOME_OK ? res->cas : 0);
}

static char *put_flags(char *to, const struct request *req, const struct response *res)
{
    (void)req;
    return number_format(to, res->flags);
}

static char *put_size(char *to, const struct request *req, const struct response *res)
{
    (void)req;
    return number_format(to, res->nvalue);
}

static char *put_ttl(char *to, const struct request *req, const struct response *res)
{
    (void)req;
    if (res->ttl >= 0)
        return number_format(to, (uint64_t)res->ttl);
    memcpy(to, "-1", 2);
    return to + 2;
}

static const struct put {
    uint8_t kept; /* these commands return it also after a failure */
    char *(*put)(char *to, const struct request *req, const struct response *res);
} puts_by_letter[META_LETTERS] = {
#define META_FLAG(letter, commands, wanted, kept, take, what)                            \
    [META_LETTER(letter)] = { kept, put_##what },
#include "protocol/meta_table.h"
};

/* The kind of command, for what a failure returns: only whether it is a set matters. */
static unsigned kind_of(const struct request *req)
{
    bool set = req->command >= COMMAND_SET && req->command <= COMMAND_CAS;
    return set ? FOR_SET : FOR_ALL & ~FOR_SET;
}

static char *put_returns(char *to, const struct request *req, const struct response *res)
{
    for (unsigned i = 0; i < req->meta->nreturns; i++) {
        char letter = req->meta->returns[i];
        const struct put *put = &puts_by_letter[META_LETTER(letter)];
        if (res->outcome != OUTCOME_OK && !(put->kept & kind_of(req)))
            continue;
        *to++ = ' ';
        *to++ = letter;
        to = put->put(to, req, res);
    }
    return to;
}

bool meta_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out)
{
    char number[NUMBER_MAX];
    size_t nnumber = 0;
    if (is_hidden(req, res->outcome))
        return true;
    if (req->command == COMMAND_INCR || req->command == COMMAND_DECR)
        nnumber = (size_t)(number_format(number, res->number) - number);
    size_t room =
        64 + META_RETURNS * (NUMBER_MAX + 2) + META_OPAQUE + BASE64_SIZE(KEY_MAX);
    char *start = buffer_reserve(out, room);
    if (start == NULL)
        return false;
    char *to = put_code(start, req, res);
    bool value = to[-2] == 'V';
    if (value) {
        *to++ = ' ';
        to = number_format(to, nnumber > 0 ? nnumber : res->nvalue);
    }
    to = put_returns(to, req, res);
    memcpy(to, "\r\n", 2);
    to += 2;
    if (value && nnumber > 0) {
        memcpy(to, number, nnumber);
        memcpy(to + nnumber, "\r\n", 2);
        to += nnumber + 2;
    }
    buffer_commit(out, (size_t)(to - start));
    return true;
}
