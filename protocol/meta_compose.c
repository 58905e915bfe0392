/* Answers of the meta commands: a two-letter code, the value's size if there is one,
 * and what the client's flags asked to have returned. */
#include "protocol/text.h"

#include <string.h>

#include "protocol/base64.h"
#include "protocol/number.h"

static const char *const codes[OUTCOME_COUNT] = {
    [OUTCOME_OK] = "HD",
    [OUTCOME_NOT_FOUND] = "NF",
    [OUTCOME_EXISTS] = "EX",
    [OUTCOME_NOT_STORED] = "NS",
};

static bool is_get(const struct request *req)
{
    return req->command == COMMAND_GET || req->command == COMMAND_GAT;
}

bool meta_answers(enum outcome outcome)
{
    return codes[outcome] != NULL;
}

/* Quiet gets say nothing of a miss, all others nothing of success. */
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

static char *put_key(char *to, const struct request *req)
{
    if (!req->meta->base64) {
        memcpy(to, req->key, req->nkey);
        return to + req->nkey;
    }
    to = base64_encode(req->key, req->nkey, to);
    memcpy(to, " b", 2);
    return to + 2;
}

static char *put_number(char *to, const struct response *res, char letter)
{
    switch (letter) {
    case 'c':
        return number_format(to, res->outcome == OUTCOME_OK ? res->cas : 0);
    case 'f':
        return number_format(to, res->flags);
    case 's':
        return number_format(to, res->nvalue);
    default:
        if (res->ttl >= 0)
            return number_format(to, (uint64_t)res->ttl);
        memcpy(to, "-1", 2);
        return to + 2;
    }
}

/* What a failure returns: what is known without an item, and the CAS of a set as 0. */
static bool is_kept(const struct request *req, char letter)
{
    return letter == 'k' || letter == 'O' ||
           (letter == 'c' && req->command >= COMMAND_SET && req->command <= COMMAND_CAS);
}

static char *put_returns(char *to, const struct request *req, const struct response *res)
{
    for (unsigned i = 0; i < req->meta->nreturns; i++) {
        char letter = req->meta->returns[i];
        if (res->outcome != OUTCOME_OK && !is_kept(req, letter))
            continue;
        *to++ = ' ';
        *to++ = letter;
        if (letter == 'k') {
            to = put_key(to, req);
        } else if (letter == 'O') {
            memcpy(to, req->meta->opaque, req->meta->nopaque);
            to += req->meta->nopaque;
        } else {
            to = put_number(to, res, letter);
        }
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
