/*
 * The flags of meta commands: what each does to the request. Of several errors the last
 * is told, as in memcached, except for a flag that is unknown or comes again.
 */
#include "protocol/text.h"

#include <string.h>

#include "base/base64.h"
#include "protocol/number.h"

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

enum outcome meta_take_base64(struct parser *p, struct request *req)
{
    char key[KEY_MAX];
    size_t n;
    if (!base64_decode(req->key, req->nkey, key, &n))
        return OUTCOME_BAD_KEY;
    memcpy(p->key, key, n);
    req->key = p->key;
    req->nkey = (uint16_t)n;
    p->meta.base64 = true;
    return OUTCOME_OK;
}

static enum outcome take_base64(struct request *req, const struct token *token)
{
    return meta_take_base64(token->parser, req);
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
    meta->ttl_new = meta->newest;
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
    uint64_t number;
    if (!number_parse(token->at, token->size, &number))
        return OUTCOME_BAD_FORMAT;
    req->flags = (uint32_t)number; /* memcached takes the low bits, too */
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
    meta->newest = meta->exptime;
    if (meta->vivifies) /* it counts for a new item, too */
        meta->vivify_exptime = meta->exptime;
    return why;
}

static enum outcome take_vivify(struct request *req, const struct token *token)
{
    struct meta *meta = &token->parser->meta;
    (void)req;
    meta->vivifies = true;
    enum outcome why = read_seconds(token, &meta->vivify_exptime);
    meta->newest = meta->vivify_exptime;
    return why;
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

enum outcome meta_take_flags(struct parser *p, struct request *req, const char *at,
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
