/*
 * The meta commands: mg, ms, md, ma, mn, me.
 *
 *   mg <key> <flag>*            a flag is a letter; some have a token after it
 *   ms <key> <bytes> <flag>*
 *
 * A flag is one row of a table. Meta commands become the same requests as the classic
 * commands, with what these do not know in struct meta. Of several errors in a line the
 * last is told, as in memcached.
 */
#include "protocol/text.h"

#include <string.h>

#include "protocol/base64.h"
#include "protocol/number.h"

enum { FLAGS_MAX = 18 }; /* key and length included */

struct token {
    struct parser *parser;
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

static enum outcome take_unread(struct request *req, const struct token *token)
{
    (void)req;
    token->parser->meta.unread = true;
    return OUTCOME_OK;
}

static enum outcome take_facts(struct request *req, const struct token *token)
{
    (void)req;
    token->parser->meta.wants_facts = true;
    return OUTCOME_OK;
}

static enum outcome take_invalid(struct request *req, const struct token *token)
{
    (void)req;
    token->parser->meta.invalid = true;
    return OUTCOME_OK;
}

/* The TTL is that after the flags before this one. */
static enum outcome take_ttl(struct request *req, const struct token *token)
{
    struct meta *meta = &token->parser->meta;
    (void)req;
    meta->wants_ttl = true;
    meta->ttl_touched = meta->touches;
    meta->ttl_vivified = meta->vivifies;
    return OUTCOME_OK;
}

/* Is it too long? end_take says so, because other errors go before. */
static enum outcome take_opaque(struct request *req, const struct token *token)
{
    struct meta *meta = &token->parser->meta;
    (void)req;
    meta->bad_opaque = token->size > META_OPAQUE;
    meta->nopaque = meta->bad_opaque ? 0 : (uint8_t)token->size;
    memcpy(meta->opaque, token->at, meta->nopaque);
    return OUTCOME_OK;
}

static enum outcome read_number(const struct token *token, uint64_t *value)
{
    return number_parse(token->at, token->size, value) ? OUTCOME_OK : OUTCOME_BAD_TOKEN;
}

static enum outcome take_cas(struct request *req, const struct token *token)
{
    token->parser->meta.has_cas = true;
    return read_number(token, &req->cas);
}

static enum outcome take_delta(struct request *req, const struct token *token)
{
    return number_parse(token->at, token->size, &req->delta) ? OUTCOME_OK
                                                             : OUTCOME_BAD_META_DELTA;
}

static enum outcome take_initial(struct request *req, const struct token *token)
{
    return number_parse(token->at, token->size, &req->initial) ? OUTCOME_OK
                                                               : OUTCOME_BAD_INITIAL;
}

static enum outcome take_flags(struct request *req, const struct token *token)
{
    uint64_t flags;
    if (!number_parse(token->at, token->size, &flags))
        return OUTCOME_BAD_FORMAT;
    req->flags = (uint32_t)flags; /* memcached takes the low bits, too */
    return OUTCOME_OK;
}

static enum outcome read_seconds(const struct token *token, int64_t *seconds)
{
    return number_parse_signed(token->at, token->size, seconds) ? OUTCOME_OK
                                                                : OUTCOME_BAD_TOKEN;
}

static enum outcome take_exptime(struct request *req, const struct token *token)
{
    struct meta *meta = &token->parser->meta;
    (void)req;
    meta->touches = true;
    enum outcome why = read_seconds(token, &meta->exptime);
    if (meta->vivifies) /* it counts for a new item, too */
        meta->vivify_exptime = meta->exptime;
    return why;
}

static enum outcome take_vivify(struct request *req, const struct token *token)
{
    struct meta *meta = &token->parser->meta;
    (void)req;
    meta->vivifies = true;
    return read_seconds(token, &meta->vivify_exptime);
}

static enum outcome take_refresh(struct request *req, const struct token *token)
{
    struct meta *meta = &token->parser->meta;
    (void)req;
    meta->refreshes = true;
    meta->touches_first = meta->touches;
    return read_seconds(token, &meta->recache);
}

static enum outcome take_mode(struct request *req, const struct token *token)
{
    (void)req;
    if (token->size != 1)
        return OUTCOME_BAD_MODE_LENGTH;
    token->parser->meta.mode = token->at[0];
    return OUTCOME_OK;
}

static const struct flag {
    uint8_t wanted;
    enum outcome (*take)(struct request *req, const struct token *token);
} flags[META_LETTERS] = {
#define META_FLAG(letter, wanted, kept, take, put)                                       \
    [META_LETTER(letter)] = { wanted, take_##take },
#include "protocol/meta_table.h"
};

#define META_FLAG(letter, wanted, kept, take, put)                                       \
    _Static_assert((letter) / META_LETTERS == 'A' / META_LETTERS &&                      \
                       ((kept) & ~(wanted)) == 0,                                        \
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

/* False: the flag is unknown or comes again, and the rest of the line is not read. */
static bool flag_take(struct parser *p, struct request *req, const char *at,
                      const char *stop, uint8_t command, enum outcome *why)
{
    struct token token = { p, at + 1, (size_t)(stop - at - 1) };
    struct meta *meta = &p->meta;
    const struct flag *flag = &flags[META_LETTER(*at)];
    if (*at / META_LETTERS != 'A' / META_LETTERS || flag->take == NULL) {
        *why = OUTCOME_BAD_FLAG;
        return false;
    }
    if (flag->wanted & command)
        meta->returns[meta->nreturns++] = *at;
    enum outcome bad = flag->take(req, &token);
    if (bad != OUTCOME_OK && (*why == OUTCOME_OK || bad != OUTCOME_BAD_FORMAT))
        *why = bad;
    return true;
}

static enum outcome flags_take(struct parser *p, struct request *req, const char *at,
                               const char *end, uint8_t command)
{
    enum outcome why = OUTCOME_OK;
    uint64_t seen = 0; /* bit by letter */
    for (at = text_skip_spaces(at, end); at < end; at = text_skip_spaces(at, end)) {
        const char *stop = text_word_end(at, end);
        bool letter = *at / META_LETTERS == 'A' / META_LETTERS;
        uint64_t bit = letter ? 1ull << META_LETTER(*at) : 0;
        if ((seen & bit) != 0 || (unsigned char)*at >= 127)
            return OUTCOME_DUPLICATE_FLAG;
        seen |= bit;
        if (!flag_take(p, req, at, stop, command, &why))
            return why;
        at = stop;
    }
    return why;
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
    if (w->n == 0)
        return OUTCOME_BAD_FORMAT;
    req->key = w->at[0];
    req->nkey = (uint16_t)w->size[0];
    return w->size[0] <= KEY_MAX ? OUTCOME_OK : OUTCOME_BAD_FORMAT;
}

static bool words_exceed(const char *at, const char *end, unsigned max)
{
    unsigned n = 0;
    for (at = text_skip_spaces(at, end); at < end && n <= max; n++)
        at = text_skip_spaces(text_word_end(at, end), end);
    return n > max;
}

/* The flags begin after the first `skip` words. */
static enum outcome command_take(struct parser *p, struct request *req,
                                 const struct words *w, unsigned skip, uint8_t command)
{
    return flags_take(p, req, w->at[skip - 1] + w->size[skip - 1], w->end, command);
}

static enum outcome end_take(const struct parser *p, enum outcome why)
{
    return why == OUTCOME_OK && p->meta.bad_opaque ? OUTCOME_BAD_OPAQUE : why;
}

enum outcome meta_parse_get(struct parser *p, struct request *req, const struct words *w)
{
    enum outcome why = key_take(p, req, w);
    if (why != OUTCOME_OK)
        return why;
    if (words_exceed(w->at[0], w->end, FLAGS_MAX))
        return OUTCOME_FLAGS_ARE_TOO_LONG;
    why = end_take(p, command_take(p, req, w, 1, FOR_GET));
    req->exptime = p->meta.exptime;
    if (p->meta.touches)
        req->command = COMMAND_GAT;
    return why;
}

/* md and ma do not say what is wrong with their flags. */
static enum outcome key_and_flags_take(struct parser *p, struct request *req,
                                       const struct words *w, uint8_t command)
{
    enum outcome why = key_take(p, req, w);
    if (why != OUTCOME_OK)
        return why;
    if (words_exceed(w->at[0], w->end, FLAGS_MAX))
        return OUTCOME_FLAGS_TOO_LONG;
    return command_take(p, req, w, 1, command) == OUTCOME_OK ? OUTCOME_OK
                                                             : OUTCOME_BAD_FLAGS;
}

enum outcome meta_parse_delete(struct parser *p, struct request *req,
                               const struct words *w)
{
    enum outcome why = key_and_flags_take(p, req, w, FOR_DELETE);
    req->no_value = true; /* it has none to return */
    return end_take(p, why);
}

static enum outcome count_mode(const struct parser *p, struct request *req)
{
    char mode = p->meta.mode;
    if (mode == 'D' || mode == '-')
        req->command = COMMAND_DECR;
    return mode == '\0' || strchr("I+D-", mode) != NULL ? OUTCOME_OK
                                                        : OUTCOME_BAD_COUNT_MODE;
}

enum outcome meta_parse_arith(struct parser *p, struct request *req,
                              const struct words *w)
{
    req->delta = 1;
    enum outcome why = key_and_flags_take(p, req, w, FOR_ARITH);
    req->create = p->meta.vivifies;
    req->exptime = p->meta.vivify_exptime;
    if (why == OUTCOME_OK)
        why = count_mode(p, req);
    return end_take(p, why);
}

static enum outcome store_mode(const struct parser *p, struct request *req)
{
    static const enum command commands[] = {
        ['S'] = COMMAND_SET,    ['E'] = COMMAND_ADD,     ['R'] = COMMAND_REPLACE,
        ['A'] = COMMAND_APPEND, ['P'] = COMMAND_PREPEND,
    };
    char mode = p->meta.mode != '\0' ? p->meta.mode : 'S';
    if (strchr("SERAP", mode) == NULL)
        return OUTCOME_BAD_STORE_MODE;
    req->command = commands[(unsigned char)mode];
    bool replaces = req->command == COMMAND_SET || req->command == COMMAND_REPLACE;
    if (p->meta.has_cas && replaces)
        req->command = COMMAND_CAS;
    else if (req->command == COMMAND_ADD)
        req->cas = 0;
    return OUTCOME_OK;
}

static enum outcome set_take(struct parser *p, struct request *req, const struct words *w)
{
    enum outcome why = command_take(p, req, w, 2, FOR_SET);
    req->exptime = p->meta.exptime;
    req->no_value = true; /* it has none to return */
    if (why == OUTCOME_OK)
        why = store_mode(p, req);
    why = end_take(p, why);
    if (why == OUTCOME_OK && p->value_max != 0 && req->nvalue > p->value_max)
        why = OUTCOME_TOO_LARGE;
    return why;
}

/* A bad flag does not break the stream: the length of the value is known, and the value
 * is skipped. */
enum outcome meta_parse_set(struct parser *p, struct request *req, const struct words *w)
{
    uint64_t length;
    enum outcome why = key_take(p, req, w);
    if (why != OUTCOME_OK || w->n < 2)
        return OUTCOME_BAD_FORMAT;
    if (words_exceed(w->at[0], w->end, FLAGS_MAX))
        return OUTCOME_FLAGS_TOO_LONG;
    if (!number_parse(w->at[1], w->size[1], &length) || length > VALUE_LIMIT)
        return OUTCOME_BAD_FORMAT;
    memcpy(p->key, req->key, req->nkey);
    req->key = p->key;
    req->nvalue = (uint32_t)length;
    why = set_take(p, req, w);
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

/* me <key> [b]; what else follows is not looked at. */
enum outcome meta_parse_debug(struct parser *p, struct request *req,
                              const struct words *w)
{
    struct token token = { .parser = p };
    enum outcome why = key_take(p, req, w);
    if (why == OUTCOME_OK && w->n > 1 && w->size[1] == 1 && *w->at[1] == 'b')
        why = take_base64(req, &token);
    return why == OUTCOME_OK ? OUTCOME_OK : OUTCOME_BAD_FORMAT;
}
