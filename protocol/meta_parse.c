/*
 * The meta commands: mg, ms, md, ma, mn, me.
 *
 *   mg <key> <flag>*            a flag is a letter; some have a token after it
 *   ms <key> <bytes> <flag>*
 *
 * Meta commands become the same requests as the classic commands, with what these do not
 * know in struct meta. meta_flags.c reads the flags.
 */
#include "protocol/text.h"

#include <string.h>

#include "protocol/number.h"

enum { FLAGS_MAX = 18 }; /* key and length included */

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
    return meta_take_flags(p, req, w->at[skip - 1] + w->size[skip - 1], w->end, command);
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
    enum outcome why = key_take(p, req, w);
    if (why == OUTCOME_OK && w->n > 1 && w->size[1] == 1 && *w->at[1] == 'b')
        why = meta_take_base64(p, req);
    return why == OUTCOME_OK ? OUTCOME_OK : OUTCOME_BAD_FORMAT;
}
