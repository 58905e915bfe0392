/*
 * The meta commands: mg, ms, md, ma, mn.
 *
 *   mg <key> <flag>*            a flag is a letter; some have a token after it
 *   ms <key> <bytes> <flag>*
 *
 * A flag is one row of a table, with the commands that take it. Meta commands become
 * the same requests as the classic commands. Flags that need what no engine keeps (hits
 * and last access of an item, stale items and who won the right to refresh them) are
 * refused like unknown flags.
 */
#include "protocol/text.h"

#include <string.h>

#include "base/base64.h"
#include "protocol/number.h"

struct token {
    struct parser *parser;
    char letter;
    const char *at; /* after the letter */
    size_t size;
};

static enum outcome take_nothing(struct request *req, const struct token *token)
{
    (void)req, (void)token;
    return OUTCOME_OK;
}

static enum outcome take_base64(struct request *req, const struct token *token)
{
    char key[KEY_MAX];
    size_t n;
    if (!base64_decode(req->key, req->nkey, key, &n))
        return OUTCOME_BAD_KEY;
    memcpy(token->parser->key, key, n);
    req->key = token->parser->key;
    req->nkey = (uint16_t)n;
    token->parser->meta.base64 = true;
    return OUTCOME_OK;
}

static enum outcome take_value(struct request *req, const struct token *token)
{
    (void)token;
    req->no_value = false;
    return OUTCOME_OK;
}

static enum outcome take_quiet(struct request *req, const struct token *token)
{
    (void)token;
    req->quiet = true;
    return OUTCOME_OK;
}

static enum outcome take_opaque(struct request *req, const struct token *token)
{
    (void)req;
    if (token->size > META_OPAQUE)
        return OUTCOME_BAD_OPAQUE;
    memcpy(token->parser->meta.opaque, token->at, token->size);
    token->parser->meta.nopaque = (uint8_t)token->size;
    return OUTCOME_OK;
}

static enum outcome read_number(const struct token *token, uint64_t *value)
{
    return number_parse(token->at, token->size, value) ? OUTCOME_OK : OUTCOME_BAD_TOKEN;
}

static enum outcome take_cas(struct request *req, const struct token *token)
{
    return read_number(token, &req->cas);
}

static enum outcome take_delta(struct request *req, const struct token *token)
{
    return read_number(token, &req->delta);
}

static enum outcome take_initial(struct request *req, const struct token *token)
{
    return read_number(token, &req->initial);
}

static enum outcome take_flags(struct request *req, const struct token *token)
{
    uint64_t flags;
    if (!number_parse(token->at, token->size, &flags) || flags > UINT32_MAX)
        return OUTCOME_BAD_FORMAT;
    req->flags = (uint32_t)flags;
    return OUTCOME_OK;
}

static enum outcome take_exptime(struct request *req, const struct token *token)
{
    if (!number_parse_signed(token->at, token->size, &req->exptime))
        return OUTCOME_BAD_TOKEN;
    if (req->command == COMMAND_GET)
        req->command = COMMAND_GAT;
    return OUTCOME_OK;
}

static enum outcome take_create(struct request *req, const struct token *token)
{
    req->create = true;
    return take_exptime(req, token);
}

struct mode {
    char letters[3];
    enum command command;
};

static enum outcome read_mode(struct request *req, const struct token *token,
                              const struct mode *modes, size_t n)
{
    for (size_t i = 0; token->size > 0 && i < n; i++) {
        if (strchr(modes[i].letters, token->at[0]) != NULL) {
            req->command = modes[i].command;
            return OUTCOME_OK;
        }
    }
    return OUTCOME_BAD_MODE;
}

static enum outcome take_mode(struct request *req, const struct token *token)
{
    static const struct mode stores[] = {
        { "Ss", COMMAND_SET },    { "Ee", COMMAND_ADD },     { "Rr", COMMAND_REPLACE },
        { "Aa", COMMAND_APPEND }, { "Pp", COMMAND_PREPEND },
    };
    static const struct mode counts[] = {
        { "Ii", COMMAND_INCR },
        { "+", COMMAND_INCR },
        { "Dd", COMMAND_DECR },
        { "-", COMMAND_DECR },
    };
    if (req->command == COMMAND_SET)
        return read_mode(req, token, stores, sizeof(stores) / sizeof(stores[0]));
    return read_mode(req, token, counts, sizeof(counts) / sizeof(counts[0]));
}

static const struct flag {
    uint8_t commands, wanted;
    enum outcome (*take)(struct request *req, const struct token *token);
} flags[META_LETTERS] = {
#define META_FLAG(letter, commands, wanted, kept, take, put)                             \
    [META_LETTER(letter)] = { commands, wanted, take_##take },
#include "protocol/meta_table.h"
};

#define META_FLAG(letter, commands, wanted, kept, take, put)                             \
    _Static_assert((letter) / META_LETTERS == 'A' / META_LETTERS &&                      \
                       ((wanted) & ~(commands)) == 0 && ((kept) & ~(wanted)) == 0,       \
                   "the row of a flag contradicts itself");
#include "protocol/meta_table.h"

/* Never called: it makes two rows with the same letter fail to compile. */
__attribute__((unused)) static void letters_differ(char letter)
{
    switch (letter) {
#define META_FLAG(letter, ...) case letter:
#include "protocol/meta_table.h"
        break;
    }
}

static enum outcome flag_take(struct request *req, const struct token *token,
                              uint8_t command)
{
    struct meta *meta = &token->parser->meta;
    const struct flag *flag = &flags[META_LETTER(token->letter)];
    if (token->letter / META_LETTERS != 'A' / META_LETTERS || !(flag->commands & command))
        return OUTCOME_BAD_FLAG;
    if (flag->wanted & command)
        meta->returns[meta->nreturns++] = token->letter;
    return flag->take(req, token);
}

static enum outcome flags_take(struct parser *p, struct request *req, const char *at,
                               const char *end, uint8_t command)
{
    uint64_t seen = 0; /* bit by letter */
    for (at = text_skip_spaces(at, end); at < end; at = text_skip_spaces(at, end)) {
        const char *stop = text_word_end(at, end);
        struct token token = { p, *at, at + 1, (size_t)(stop - at - 1) };
        uint64_t bit = 1ull << META_LETTER(*at);
        if (seen & bit)
            return OUTCOME_DUPLICATE_FLAG;
        seen |= bit;
        enum outcome why = flag_take(req, &token, command);
        if (why != OUTCOME_OK)
            return why;
        at = stop;
    }
    return OUTCOME_OK;
}

static void meta_open(struct parser *p, struct request *req)
{
    p->meta = (struct meta){ .nreturns = 0 };
    req->meta = &p->meta;
}

static enum outcome key_take(struct parser *p, struct request *req, const struct words *w)
{
    meta_open(p, req);
    req->last = true;
    req->no_value = true;
    req->key = w->at[0];
    req->nkey = (uint16_t)w->size[0];
    return w->size[0] <= KEY_MAX ? OUTCOME_OK : OUTCOME_BAD_FORMAT;
}

/* The flags begin after the first `skip` words. */
static enum outcome command_take(struct parser *p, struct request *req,
                                 const struct words *w, unsigned skip, uint8_t command)
{
    return flags_take(p, req, w->at[skip - 1] + w->size[skip - 1], w->end, command);
}

enum outcome meta_parse_get(struct parser *p, struct request *req, const struct words *w)
{
    enum outcome why = key_take(p, req, w);
    return why == OUTCOME_OK ? command_take(p, req, w, 1, FOR_GET) : why;
}

enum outcome meta_parse_delete(struct parser *p, struct request *req,
                               const struct words *w)
{
    enum outcome why = key_take(p, req, w);
    return why == OUTCOME_OK ? command_take(p, req, w, 1, FOR_DELETE) : why;
}

enum outcome meta_parse_arith(struct parser *p, struct request *req,
                              const struct words *w)
{
    enum outcome why = key_take(p, req, w);
    req->delta = 1;
    return why == OUTCOME_OK ? command_take(p, req, w, 1, FOR_ARITH) : why;
}

/* A bad flag does not break the stream: the length of the value is known, and the value
 * is skipped. */
enum outcome meta_parse_set(struct parser *p, struct request *req, const struct words *w)
{
    uint64_t length;
    enum outcome why = key_take(p, req, w);
    if (why != OUTCOME_OK || w->n < 2 || !number_parse(w->at[1], w->size[1], &length) ||
        length > VALUE_LIMIT)
        return OUTCOME_BAD_FORMAT;
    memcpy(p->key, req->key, req->nkey);
    req->key = p->key;
    req->nvalue = (uint32_t)length;
    why = command_take(p, req, w, 2, FOR_SET);
    if (req->cas != 0 && req->command < COMMAND_APPEND)
        req->command = COMMAND_CAS;
    if (why == OUTCOME_OK && p->value_max != 0 && length > p->value_max)
        why = OUTCOME_TOO_LARGE;
    if (why != OUTCOME_OK)
        p->swallow = length + VALUE_TAIL;
    return why;
}

enum outcome meta_parse_noop(struct parser *p, struct request *req, const struct words *w)
{
    (void)w;
    meta_open(p, req);
    return OUTCOME_OK;
}
