/*
 * From lines of the text protocol to requests.
 *
 *   line -> first word -> row of the command table -> its words -> row's handler
 *
 * The gets are separate: their keys are not split into words (text_list.c).
 */
#include "protocol/text.h"

#include <string.h>

#include "protocol/number.h"

enum {
    LINE_LONG = 2048, /* a longer line without a newline so far must be a get */
    INDENT_MAX = 100, /* spaces before such a get */
};

static void words_split(struct words *w, const char *at, const char *end)
{
    w->end = end;
    for (w->n = 0; w->n < WORDS_MAX; w->n++) {
        at = text_skip_spaces(at, end);
        if (at == end)
            break;
        const char *stop = text_word_end(at, end);
        w->at[w->n] = at;
        w->size[w->n] = (size_t)(stop - at);
        at = stop;
    }
}

static bool word_is(const struct words *w, unsigned i, const char *text)
{
    return w->size[i] == strlen(text) && memcmp(w->at[i], text, w->size[i]) == 0;
}

static bool key_take(struct request *req, const struct words *w)
{
    req->key = w->at[0];
    req->nkey = (uint16_t)w->size[0];
    return w->size[0] <= KEY_MAX;
}

/* ---- one handler for each shape of command; words start after the command's name */

static enum outcome parse_store(struct parser *p, struct request *req,
                                const struct words *w)
{
    uint64_t flags, length;
    if (!key_take(req, w) || !number_parse(w->at[1], w->size[1], &flags) ||
        !number_parse_signed(w->at[2], w->size[2], &req->exptime) ||
        !number_parse(w->at[3], w->size[3], &length) || length > VALUE_LIMIT)
        return OUTCOME_BAD_FORMAT;
    if (req->command == COMMAND_CAS && !number_parse(w->at[4], w->size[4], &req->cas))
        return OUTCOME_BAD_FORMAT;
    req->flags = (uint32_t)flags; /* of a larger number the low bits, as memcached does */
    req->nvalue = (uint32_t)length;
    if (p->value_max != 0 && length > p->value_max) {
        p->swallow = length + VALUE_TAIL;
        return OUTCOME_TOO_LARGE;
    }
    return OUTCOME_OK;
}

/* Old clients send a time after the key; 0 is still accepted there. */
static enum outcome parse_delete(struct parser *p, struct request *req,
                                 const struct words *w)
{
    (void)p;
    req->quiet = req->quiet && w->n > 1; /* alone, "noreply" is the key */
    unsigned n = w->n - req->quiet;
    if (n > 2 || (n == 2 && !word_is(w, 1, "0")))
        return OUTCOME_BAD_USAGE;
    return key_take(req, w) ? OUTCOME_OK : OUTCOME_BAD_FORMAT;
}

static enum outcome parse_arith(struct parser *p, struct request *req,
                                const struct words *w)
{
    (void)p;
    if (!key_take(req, w))
        return OUTCOME_BAD_FORMAT;
    return number_parse(w->at[1], w->size[1], &req->delta) ? OUTCOME_OK
                                                           : OUTCOME_BAD_DELTA;
}

static enum outcome parse_touch(struct parser *p, struct request *req,
                                const struct words *w)
{
    (void)p;
    if (!key_take(req, w))
        return OUTCOME_BAD_FORMAT;
    return number_parse_signed(w->at[1], w->size[1], &req->exptime) ? OUTCOME_OK
                                                                    : OUTCOME_BAD_EXPTIME;
}

static enum outcome parse_flush(struct parser *p, struct request *req,
                                const struct words *w)
{
    (void)p;
    req->has_exptime = w->n > req->quiet;
    if (req->has_exptime && !number_parse_signed(w->at[0], w->size[0], &req->exptime))
        return OUTCOME_BAD_EXPTIME;
    return OUTCOME_OK;
}

/* The rest of the line is the key, such as "detail on" of stats. */
static enum outcome parse_rest(struct parser *p, struct request *req,
                               const struct words *w)
{
    (void)p;
    if (w->n == req->quiet)
        return OUTCOME_OK;
    const char *end = req->quiet ? w->at[w->n - 1] : w->end;
    while (end[-1] == ' ')
        end--;
    size_t n = (size_t)(end - w->at[0]);
    req->key = w->at[0];
    req->nkey = (uint16_t)n;
    return n <= KEY_MAX ? OUTCOME_OK : OUTCOME_NOT_FOUND;
}

static enum outcome parse_verbosity(struct parser *p, struct request *req,
                                    const struct words *w)
{
    (void)p;
    uint64_t level;
    if (!number_parse(w->at[0], w->size[0], &level) || level > UINT32_MAX)
        return OUTCOME_BAD_FORMAT;
    req->verbosity = (uint32_t)level;
    return OUTCOME_OK;
}

/* Megabytes. */
static enum outcome parse_memlimit(struct parser *p, struct request *req,
                                   const struct words *w)
{
    (void)p;
    if (!number_parse(w->at[0], w->size[0], &req->delta) || req->delta > UINT32_MAX)
        return OUTCOME_UNKNOWN;
    return OUTCOME_OK;
}

static enum outcome parse_nothing(struct parser *p, struct request *req,
                                  const struct words *w)
{
    (void)p, (void)req, (void)w;
    return OUTCOME_OK;
}

/* ---- the table of words: a perfect hash, so no two rows may have the same slot */

enum { SLOTS = 128, ANY = UINT8_MAX, NOREPLY = 1, CAS = 2 };
#define SLOT(c0, c1, nname) (((c0) + 9u * (c1) + 18u * (nname)) % SLOTS)
#define LIST                NULL

static const struct text_row rows[SLOTS] = {
#define WORD(word, c0, c1, NAME, least, most, options, arguments)                        \
    [SLOT(c0, c1, sizeof(#word) - 1)] = { .name = #word,                                 \
                                          .nname = sizeof(#word) - 1,                    \
                                          .min = (least),                                \
                                          .max = (most),                                 \
                                          .noreply = ((options)&NOREPLY) != 0,           \
                                          .with_cas = ((options)&CAS) != 0,              \
                                          .command = COMMAND_##NAME,                     \
                                          .handler = (arguments) },
#include "protocol/command_table.h"
};

#define WORD(word, c0, c1, NAME, least, most, ...)                                       \
    _Static_assert(sizeof(#word) > 2 && (least) <= (most) &&                             \
                       ((most) == ANY || (most) <= (int)WORDS_MAX),                      \
                   "the word " #word                                                     \
                   " is too short, or its arguments are not to be had");
#include "protocol/command_table.h"

/* Never called: it makes two words with the same slot fail to compile. Choose another
 * SLOT then. */
__attribute__((unused)) static void slots_differ(unsigned slot)
{
    switch (slot) {
#define WORD(word, c0, c1, ...) case SLOT(c0, c1, sizeof(#word) - 1):
#include "protocol/command_table.h"
        break;
    }
}

static const struct text_row *row_find(const char *word, size_t n)
{
    if (n < 2)
        return NULL;
    const struct text_row *row =
        &rows[SLOT((unsigned char)word[0], (unsigned char)word[1], n)];
    return row->nname == n && memcmp(row->name, word, n) == 0 ? row : NULL;
}

/* ---- whole lines */

/* An HTTP request, from a browser that was lured to this port: its headers must not run
 * as commands. */
static bool is_http(const char *at, const char *end)
{
    const char *word = end;
    while (end > at && end[-1] == ' ')
        end--;
    for (word = end; word > at && word[-1] != ' '; word--)
        ;
    return word > at && end - word >= 5 && memcmp(word, "HTTP/", 5) == 0;
}

static enum parse_result unknown_parse(struct parser *p, const char *at, const char *end,
                                       struct request *req)
{
    *req = (struct request){ .command = COMMAND_EXTENSION,
                             .packet = at,
                             .npacket = (uint32_t)(end - at) };
    if (is_http(at, end))
        return PARSE_CLOSE;
    return at < end ? PARSE_OK : text_refuse(p, OUTCOME_UNKNOWN);
}

static enum parse_result words_parse(struct parser *p, const struct text_row *row,
                                     const char *at, const char *end, struct request *req)
{
    struct words w;
    *req = (struct request){ .command = row->command };
    words_split(&w, at, end);
    if (w.n < row->min || w.n > row->max)
        return text_refuse(p, OUTCOME_UNKNOWN);
    req->quiet = row->noreply && w.n > 0 && word_is(&w, w.n - 1, "noreply");
    enum outcome why = row->handler(p, req, &w);
    return why == OUTCOME_OK ? PARSE_OK : text_refuse(p, why);
}

static enum parse_result line_parse(struct parser *p, const struct buffer *in,
                                    const char *newline, struct request *req)
{
    const char *at = buffer_head(in), *end = newline;
    p->used = (size_t)(newline + 1 - at);
    if (end > at && end[-1] == '\r')
        end--;
    at = text_skip_spaces(at, end);
    const char *name = at;
    at = text_word_end(at, end);
    const struct text_row *row = row_find(name, (size_t)(at - name));
    if (row == NULL)
        return unknown_parse(p, name, end, req);
    if (row->handler == NULL)
        return text_list_start(p, row, in, at, end, req);
    return words_parse(p, row, at, end, req);
}

/* The end of the line has not come: wait for it, unless the line is too long already. A
 * get may have any length; its keys are served as they come. */
static enum parse_result partial_parse(struct parser *p, const struct buffer *in,
                                       struct request *req)
{
    size_t n = buffer_length(in);
    if (n <= LINE_LONG)
        return PARSE_MORE;
    const char *end = buffer_head(in) + n;
    const char *name = text_skip_spaces(buffer_head(in), end),
               *at = text_word_end(name, end);
    const struct text_row *row = row_find(name, (size_t)(at - name));
    if (name - buffer_head(in) > INDENT_MAX || row == NULL || row->handler != NULL)
        return PARSE_CLOSE;
    return text_list_start_partial(p, row, in, at, req);
}

enum parse_result text_parse(struct parser *p, const struct buffer *in,
                             struct request *req)
{
    const char *head = buffer_head(in);
    size_t n = buffer_length(in);
    p->used = p->want = 0;
    p->swallow = 0;
    p->why = OUTCOME_OK;
    if (n == 0)
        return PARSE_MORE;
    if (p->in_get || p->skip_line)
        return text_list_resume(p, in, req);
    const char *newline = memchr(head, '\n', n);
    if (newline == NULL)
        return partial_parse(p, in, req);
    return line_parse(p, in, newline, req);
}
