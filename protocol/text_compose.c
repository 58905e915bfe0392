/* Responses of the text protocol: outcome and command select a phrase in a table; the
 * few answers that carry data have a function. */
#include "protocol/text.h"

#include <string.h>

#include "protocol/number.h"

struct phrase {
    const char *text; /* NULL: the command has none of its own, use the common one */
    uint32_t size;
};

#define PHRASE(text)                                                                     \
    {                                                                                    \
        (text), sizeof(text) - 1                                                         \
    }
#define LINE(text) PHRASE(text "\r\n")

typedef bool (*data_composer)(const struct request *req, const struct response *res,
                              struct buffer *out);

struct wording {
    data_composer ok; /* instead of a phrase for OUTCOME_OK */
    struct phrase phrases[OUTCOME_COUNT];
};

/* What precedes the server's own words, by the kind of the outcome. */
#define WORD_OF_PLAIN        ""
#define WORD_OF_CLIENT_ERROR "CLIENT_ERROR "
#define WORD_OF_SERVER_ERROR "SERVER_ERROR "

static const struct phrase common[] = {
#define OUTCOME(NAME, kind, words, ...) [OUTCOME_##NAME] = LINE(WORD_OF_##kind words),
#include "protocol/outcome_table.h"
};

static const struct phrase prefixes[] = {
#define OUTCOME(NAME, kind, ...) [OUTCOME_##NAME] = PHRASE(WORD_OF_##kind),
#include "protocol/outcome_table.h"
};

#define OUTCOME(NAME, kind, words, ...)                                                  \
    _Static_assert(sizeof(words) > 1, #NAME " has nothing to say in text");
#include "protocol/outcome_table.h"

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

/* The server's own words, or OK. */
static bool compose_words(const struct request *req, const struct response *res,
                          struct buffer *out)
{
    static const struct phrase nothing = PHRASE(""), ok = PHRASE("OK");
    (void)req;
    return compose_line(res->text != NULL ? &nothing : &ok, res, out);
}

/* Clients split the line at blanks, and want three words. */
static char *put_word(char *to, const char *text, size_t n)
{
    if (n == 0)
        return put(to, "NULL", 4);
    for (size_t i = 0; i < n; i++)
        *to++ = text[i] == ' ' ? '_' : text[i];
    return to;
}

/* "STAT <name> <value>" */
static bool compose_stat(const struct request *req, const struct response *res,
                         struct buffer *out)
{
    static const struct phrase nothing = PHRASE(""), reset = PHRASE("RESET");
    (void)req;
    if (res->key == NULL)
        return compose_line(res->text != NULL ? &nothing : &reset, res, out);
    char *start = buffer_reserve(out, sizeof("STAT  NULL\r\n") + res->nkey + res->ntext);
    if (start == NULL)
        return false;
    char *to = put(put(start, "STAT ", 5), res->key, res->nkey);
    *to++ = ' ';
    to = put(put_word(to, res->text, res->ntext), "\r\n", 2);
    buffer_commit(out, (size_t)(to - start));
    return true;
}

#define SAYS(words)         .phrases[OUTCOME_OK] = LINE(words),
#define GIVES(data)         .ok = compose_##data,
#define BUT(OUTCOME, bytes) .phrases[OUTCOME_##OUTCOME] = PHRASE(bytes),

static const struct wording answers[] = {
#define COMMAND(NAME, handler, text, ...) [COMMAND_##NAME] = { text },
#include "protocol/command_table.h"
};

bool text_compose_head(const struct request *req, const struct response *res,
                       struct buffer *out)
{
    if (req->meta != NULL && meta_answers(res->outcome))
        return meta_compose_head(req, res, out);
    if (req->quiet && req->meta == NULL)
        return true;
    const struct wording *answer = &answers[req->command];
    if (res->outcome == OUTCOME_OK && answer->ok != NULL)
        return answer->ok(req, res, out);
    if (res->text != NULL && prefixes[res->outcome].size > 0)
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
