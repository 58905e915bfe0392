/* Answers of the meta commands: a two-letter code, the value's size if there is one,
 * and what the client's flags asked to have returned. */
#include "protocol/text.h"

#include <inttypes.h>
#include <stdio.h>
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

/* Quiet gets hide a miss; all other quiet commands hide success, but for a new counter.
 */
static bool is_hidden(const struct request *req, const struct response *res)
{
    enum outcome hides = is_get(req) ? OUTCOME_NOT_FOUND : OUTCOME_OK;
    return req->quiet && res->outcome == hides && !res->created;
}

static char *put_code(char *to, const struct request *req, const struct response *res)
{
    const char *code = codes[res->outcome];
    bool asks = is_get(req) || req->command == COMMAND_DEBUG;
    if (req->command == COMMAND_NOOP)
        code = "MN";
    else if (asks && res->outcome == OUTCOME_NOT_FOUND)
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

static char *write_key(char *to, const struct request *req, bool base64)
{
    if (base64)
        return base64_encode(req->key, req->nkey, to);
    memcpy(to, req->key, req->nkey);
    return to + req->nkey;
}

static char *put_key(char *to, const struct request *req, const struct response *res)
{
    bool found = is_get(req) && res->outcome == OUTCOME_OK;
    bool base64 = found ? res->base64 : req->meta->base64;
    to = write_key(to, req, base64);
    if (base64)
        memcpy(to, " b", 2);
    return base64 ? to + 2 : to;
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

static char *put_read(char *to, const struct request *req, const struct response *res)
{
    (void)req;
    *to = res->read ? '1' : '0';
    return to + 1;
}

static char *put_idle(char *to, const struct request *req, const struct response *res)
{
    (void)req;
    return number_format(to, res->idle);
}

static const struct put {
    uint8_t kept; /* these commands return it also after a failure */
    char *(*put)(char *to, const struct request *req, const struct response *res);
} puts_by_letter[META_LETTERS] = {
#define META_FLAG(letter, wanted, kept, take, what)                                      \
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

/* What nobody has asked for, and every client must know. */
static char *put_marks(char *to, const struct response *res)
{
    const struct {
        bool is;
        char letter;
    } marks[] = { { res->taken, 'Z' }, { res->stale, 'X' }, { res->won, 'W' } };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (!marks[i].is)
            continue;
        *to++ = ' ';
        *to++ = marks[i].letter;
    }
    return to;
}

/* "ME <key> exp=<seconds> ..."; exp counts down to 0, and is -1 if there is no end. */
static bool compose_debug(const struct request *req, const struct response *res,
                          struct buffer *out)
{
    char *start = buffer_reserve(out, BASE64_SIZE(KEY_MAX) + 200);
    if (start == NULL)
        return false;
    char *to = write_key(start + sprintf(start, "ME "), req, res->base64);
    to += sprintf(to,
                  " exp=%" PRId64 " la=%" PRIu32 " cas=%" PRIu64
                  " fetch=%s cls=1 size=%" PRIu64 "\r\n",
                  res->ttl < 0 ? -1 : -res->ttl, res->idle, res->cas,
                  res->read ? "yes" : "no", res->number);
    buffer_commit(out, (size_t)(to - start));
    return true;
}

bool meta_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out)
{
    char number[NUMBER_MAX];
    size_t nnumber = 0;
    if (is_hidden(req, res))
        return true;
    if (req->command == COMMAND_DEBUG && res->outcome == OUTCOME_OK)
        return compose_debug(req, res, out);
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
    to = put_marks(put_returns(to, req, res), res);
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
