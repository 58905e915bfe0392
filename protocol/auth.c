/*
 * The text protocol of a client that has not given its password yet. It gives it as the
 * value of a set, whose key, flags and exptime mean nothing:
 *
 *   set <key> <flags> <exptime> <bytes>\r\n<user> <password>\r\n
 *
 * Nothing else is understood, so that no other parser sees a byte of such a client.
 */
#include <string.h>

#include "protocol/number.h"
#include "protocol/text.h"

enum {
    LINE_MOST = 2048,       /* a longer line is none of this protocol */
    CREDENTIALS_MOST = 2048 /* a longer value cannot be right, and is not kept */
};

struct word {
    const char *at;
    size_t size;
};

/* Takes the next word off a line; an empty one at its end. */
static struct word next_word(const char **at, const char *end)
{
    const char *start = text_skip_spaces(*at, end);
    *at = text_word_end(start, end);
    return (struct word){ start, (size_t)(*at - start) };
}

/* The length of the value, if the line is a set. */
static bool read_set(const char *at, const char *end, uint64_t *length)
{
    if (end > at && end[-1] == '\r')
        end--;
    struct word name = next_word(&at, end);
    if (name.size != strlen("set") || memcmp(name.at, "set", name.size) != 0)
        return false;
    for (unsigned ignored = 0; ignored < 3; ignored++)
        next_word(&at, end);
    struct word bytes = next_word(&at, end);
    return number_parse(bytes.at, bytes.size, length) && *length <= UINT32_MAX;
}

static enum parse_result read_credentials(struct parser *p, const char *at, size_t length,
                                          struct request *req)
{
    const char *end = at + length;
    if (memcmp(end, "\r\n", VALUE_TAIL) != 0)
        return text_refuse(p, OUTCOME_BAD_TERMINATION);
    struct word user = next_word(&at, end), password = next_word(&at, end);
    if (password.size == 0)
        return text_refuse(p, OUTCOME_BAD_CREDENTIALS);
    if (user.size > KEY_MAX)
        return text_refuse(p, OUTCOME_AUTH_FAILED);
    req->key = user.at;
    req->nkey = (uint16_t)user.size;
    req->packet = password.at;
    req->npacket = (uint32_t)password.size;
    return PARSE_OK;
}

static enum parse_result auth_parse(struct parser *p, const struct buffer *in,
                                    struct request *req)
{
    uint64_t length;
    size_t n = buffer_length(in);
    const char *at = buffer_head(in), *line = at;
    const char *newline = n > 0 ? memchr(line, '\n', n) : NULL;
    *req = (struct request){ .command = COMMAND_AUTH };
    p->used = p->want = p->swallow = 0;
    p->why = OUTCOME_OK;
    if (newline == NULL)
        return n > LINE_MOST ? PARSE_CLOSE : PARSE_MORE;
    at = newline + 1;
    p->used = (size_t)(at - line);
    if (!read_set(line, newline, &length))
        return text_refuse(p, OUTCOME_UNAUTHENTICATED);
    if (length > CREDENTIALS_MOST) {
        p->swallow = length + VALUE_TAIL;
        return text_refuse(p, OUTCOME_AUTH_FAILED);
    }
    size_t whole = p->used + (size_t)length + VALUE_TAIL;
    p->used = whole <= n ? whole : 0;
    p->want = whole;
    return whole <= n ? read_credentials(p, at, (size_t)length, req) : PARSE_MORE;
}

const struct codec auth_codec = {
    .name = "text",
    .value_tail = VALUE_TAIL,
    .parse = auth_parse,
    .compose_head = text_compose_head,
    .compose_tail = text_compose_tail,
    .compose_end = text_compose_end,
};
