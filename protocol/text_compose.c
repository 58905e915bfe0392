/* Responses to lines of the text protocol: outcome and command name a phrase in a
 * table; the few answers that carry data have a function beside it. */
#include "protocol/text.h"

#include <string.h>

#include "protocol/number.h"

struct phrase {
    const char *text; /* NULL: none for this command, take the common one */
    uint32_t size;
};

#define PHRASE(text)                                                                     \
    {                                                                                    \
        (text), sizeof(text) - 1                                                         \
    }
#define LINE(text) PHRASE(text "\r\n")

typedef bool (*data_composer)(const struct request *req, const struct response *res,
                              struct buffer *out);

struct answer {
    data_composer ok; /* instead of a phrase for OUTCOME_OK */
    struct phrase phrases[OUTCOME_COUNT];
};

static const struct phrase common[OUTCOME_COUNT] = {
    [OUTCOME_OK] = LINE("OK"),
    [OUTCOME_NOT_FOUND] = LINE("NOT_FOUND"),
    [OUTCOME_EXISTS] = LINE("EXISTS"),
    [OUTCOME_NOT_STORED] = LINE("NOT_STORED"),
    [OUTCOME_TOO_LARGE] = LINE("SERVER_ERROR object too large for cache"),
    [OUTCOME_NO_MEMORY] = LINE("SERVER_ERROR out of memory storing object"),
    [OUTCOME_NOT_A_NUMBER] =
        LINE("CLIENT_ERROR cannot increment or decrement non-numeric value"),
    [OUTCOME_BAD_CHUNK] = LINE("CLIENT_ERROR bad data chunk"),
    [OUTCOME_BAD_FORMAT] = LINE("CLIENT_ERROR bad command line format"),
    [OUTCOME_BAD_DELTA] = LINE("CLIENT_ERROR invalid numeric delta argument"),
    [OUTCOME_BAD_EXPTIME] = LINE("CLIENT_ERROR invalid exptime argument"),
    [OUTCOME_LINE_TOO_LONG] = LINE("CLIENT_ERROR line too long"),
    [OUTCOME_UNKNOWN] = LINE("ERROR"),
    [OUTCOME_NOT_SUPPORTED] = LINE("SERVER_ERROR not supported"),
    [OUTCOME_TEMPORARY] = LINE("SERVER_ERROR temporary failure"),
    [OUTCOME_DENIED] = LINE("CLIENT_ERROR access denied"),
    [OUTCOME_INVALID] = LINE("CLIENT_ERROR invalid arguments"),
    [OUTCOME_INTERNAL] = LINE("SERVER_ERROR internal error"),
    [OUTCOME_BAD_USAGE] =
        LINE("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]"),
    [OUTCOME_NO_SHUTDOWN] = LINE("ERROR: shutdown not enabled"),
    [OUTCOME_BAD_FLAG] = LINE("CLIENT_ERROR invalid flag"),
    [OUTCOME_DUPLICATE_FLAG] = LINE("CLIENT_ERROR duplicate flag"),
    [OUTCOME_BAD_TOKEN] = LINE("CLIENT_ERROR bad token in command line format"),
    [OUTCOME_BAD_MODE] = LINE("CLIENT_ERROR invalid mode for M token"),
    [OUTCOME_BAD_OPAQUE] = LINE("CLIENT_ERROR opaque token too long"),
    [OUTCOME_BAD_KEY] = LINE("CLIENT_ERROR error decoding key"),
};

/* What stands before a text that the server brings along. */
static const struct phrase prefixes[OUTCOME_COUNT] = {
    [OUTCOME_NOT_SUPPORTED] = PHRASE("SERVER_ERROR "),
    [OUTCOME_TEMPORARY] = PHRASE("SERVER_ERROR "),
    [OUTCOME_INTERNAL] = PHRASE("SERVER_ERROR "),
    [OUTCOME_NO_MEMORY] = PHRASE("SERVER_ERROR "),
    [OUTCOME_DENIED] = PHRASE("CLIENT_ERROR "),
    [OUTCOME_INVALID] = PHRASE("CLIENT_ERROR "),
};

static char *put(char *to, const void *bytes, size_t n)
{
    if (bytes != NULL)
        memcpy(to, bytes, n);
    return to + n;
}

/* "VALUE <key> <flags> <bytes>[ <cas>]" */
static bool compose_value(const struct request *req, const struct response *res,
                          struct buffer *out)
{
    const char *key = res->key != NULL ? res->key : req->key;
    size_t nkey = res->key != NULL ? res->nkey : req->nkey;
    char *start = buffer_reserve(out, nkey + sizeof("VALUE    \r\n") + 3 * NUMBER_MAX);
    if (start == NULL)
        return false;
    char *to = put(start, "VALUE ", 6);
    to = put(to, key, nkey);
    *to++ = ' ';
    to = number_format(to, res->flags);
    *to++ = ' ';
    to = number_format(to, res->nvalue);
    if (req->with_cas) {
        *to++ = ' ';
        to = number_format(to, res->cas);
    }
    to = put(to, "\r\n", 2);
    buffer_commit(out, (size_t)(to - start));
    return true;
}

static bool compose_number(const struct request *req, const struct response *res,
                           struct buffer *out)
{
    (void)req;
    char line[NUMBER_MAX + 2];
    char *end = put(number_format(line, res->number), "\r\n", 2);
    return buffer_append(out, line, (size_t)(end - line));
}

static bool compose_line(const struct phrase *prefix, const struct response *res,
                         struct buffer *out)
{
    char *start = buffer_reserve(out, (size_t)prefix->size + res->ntext + 2);
    if (start == NULL)
        return false;
    char *to = put(start, prefix->text, prefix->size);
    to = put(to, res->text, res->ntext);
    to = put(to, "\r\n", 2);
    buffer_commit(out, (size_t)(to - start));
    return true;
}

static bool compose_version(const struct request *req, const struct response *res,
                            struct buffer *out)
{
    static const struct phrase prefix = PHRASE("VERSION ");
    (void)req;
    return compose_line(&prefix, res, out);
}

/* "STAT <name> <value>" */
static bool compose_stat(const struct request *req, const struct response *res,
                         struct buffer *out)
{
    static const struct phrase nothing = PHRASE(""), reset = PHRASE("RESET");
    (void)req;
    if (res->key == NULL)
        return compose_line(res->text != NULL ? &nothing : &reset, res, out);
    char *start = buffer_reserve(out, sizeof("STAT  \r\n") + res->nkey + res->ntext);
    if (start == NULL)
        return false;
    char *to = put(put(start, "STAT ", 5), res->key, res->nkey);
    *to++ = ' ';
    to = put(to, res->text, res->ntext);
    to = put(to, "\r\n", 2);
    buffer_commit(out, (size_t)(to - start));
    return true;
}

#define STORES [OUTCOME_OK] = LINE("STORED")
#define READS  .ok = compose_value, .phrases = { [OUTCOME_NOT_FOUND] = PHRASE("") }

static const struct answer answers[COMMAND_COUNT] = {
    [COMMAND_GET] = { READS },
    [COMMAND_GAT] = { READS },
    [COMMAND_SET] = { .phrases = { STORES } },
    [COMMAND_ADD] = { .phrases = { STORES, [OUTCOME_EXISTS] = LINE("NOT_STORED") } },
    [COMMAND_REPLACE] = { .phrases = { STORES, [OUTCOME_NOT_FOUND] =
                                                   LINE("NOT_STORED") } },
    [COMMAND_APPEND] = { .phrases = { STORES, [OUTCOME_NOT_FOUND] =
                                                  LINE("NOT_STORED") } },
    [COMMAND_PREPEND] = { .phrases = { STORES, [OUTCOME_NOT_FOUND] =
                                                   LINE("NOT_STORED") } },
    [COMMAND_CAS] = { .phrases = { STORES } },
    [COMMAND_DELETE] = { .phrases = { [OUTCOME_OK] = LINE("DELETED") } },
    [COMMAND_INCR] = { .ok = compose_number },
    [COMMAND_DECR] = { .ok = compose_number },
    [COMMAND_TOUCH] = { .phrases = { [OUTCOME_OK] = LINE("TOUCHED") } },
    [COMMAND_STATS] = { .ok = compose_stat,
                        .phrases = { [OUTCOME_NOT_FOUND] = LINE("ERROR") } },
    [COMMAND_VERSION] = { .ok = compose_version },
    [COMMAND_QUIT] = { .phrases = { [OUTCOME_OK] = PHRASE("") } },
};

bool text_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out)
{
    if (req->meta != NULL && meta_answers(res->outcome))
        return meta_compose_head(req, res, out);
    if (req->quiet && req->meta == NULL)
        return true;
    const struct answer *answer = &answers[req->command];
    if (res->outcome == OUTCOME_OK && answer->ok != NULL)
        return answer->ok(req, res, out);
    if (res->text != NULL && prefixes[res->outcome].text != NULL)
        return compose_line(&prefixes[res->outcome], res, out);
    const struct phrase *phrase = &answer->phrases[res->outcome];
    if (phrase->text == NULL)
        phrase = &common[res->outcome];
    return buffer_append(out, phrase->text, phrase->size);
}

bool text_compose_tail(const struct request *req, const struct response *res,
                       struct buffer *out)
{
    bool value = req->command == COMMAND_GET || req->command == COMMAND_GAT;
    return !value || req->no_value || res->outcome != OUTCOME_OK ||
           buffer_append(out, "\r\n", 2);
}

bool text_compose_end(const struct request *req, struct buffer *out)
{
    return req->meta != NULL || buffer_append(out, "END\r\n", 5);
}
