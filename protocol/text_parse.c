/*
 * Lines of the text protocol to requests.
 *
 *   line -> first word -> row of the command table -> its words -> row's handler
 *
 * The gets are apart: their keys are not split into words but handed out one a
 * call, with the parser remembering (in_get, pending) that it stands inside a line.
 *
 * Long because each command has its row and its words here, a few lines each.
 */
#include "protocol/text.h"

#include <string.h>

#include "protocol/number.h"

enum {
    LINE_LONG = 2048, /* without a newline by then only a get may go on */
    INDENT_MAX = 100, /* spaces before such a get */
};

struct row {
    const char *name;
    uint8_t nname;
    uint8_t min, max; /* arguments, noreply included */
    bool noreply;     /* takes a noreply as its last argument */
    bool list;        /* any number of keys: no handler, see list_start */
    bool with_cas;
    enum command command;
    words_handler handler;
};

const char *text_skip_spaces(const char *at, const char *end)
{
    while (at < end && *at == ' ')
        at++;
    return at;
}

const char *text_word_end(const char *at, const char *end)
{
    while (at < end && *at != ' ')
        at++;
    return at;
}

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

/* ---- one handler a shape of command; words start after the command's name */

static enum outcome parse_store(struct parser *p, struct request *req,
                                const struct words *w)
{
    uint64_t flags, length;
    if (!key_take(req, w) || !number_parse(w->at[1], w->size[1], &flags) ||
        flags > UINT32_MAX || !number_parse_signed(w->at[2], w->size[2], &req->exptime) ||
        !number_parse(w->at[3], w->size[3], &length) || length > VALUE_LIMIT)
        return OUTCOME_BAD_FORMAT;
    if (req->command == COMMAND_CAS && !number_parse(w->at[4], w->size[4], &req->cas))
        return OUTCOME_BAD_FORMAT;
    req->flags = (uint32_t)flags;
    req->nvalue = (uint32_t)length;
    if (p->value_max != 0 && length > p->value_max) {
        p->swallow = length + text_codec.value_tail;
        return OUTCOME_TOO_LARGE;
    }
    return OUTCOME_OK;
}

/* A time used to stand after the key; 0 is still taken, as old clients send it. */
static enum outcome parse_delete(struct parser *p, struct request *req,
                                 const struct words *w)
{
    (void)p;
    req->quiet = req->quiet && w->n > 1; /* alone it is a key of that name */
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

/* The rest of the line is the key: "detail on" is one. */
static enum outcome parse_stats(struct parser *p, struct request *req,
                                const struct words *w)
{
    (void)p;
    if (w->n == 0)
        return OUTCOME_OK;
    const char *end = w->end;
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

static enum outcome parse_nothing(struct parser *p, struct request *req,
                                  const struct words *w)
{
    (void)p, (void)req, (void)w;
    return OUTCOME_OK;
}

static enum outcome parse_shutdown(struct parser *p, struct request *req,
                                   const struct words *w)
{
    (void)p, (void)req, (void)w;
    return OUTCOME_NO_SHUTDOWN;
}

/* A perfect hash over the names: a clash of two rows does not compile. */
#define SLOTS               64u
#define SLOT(c0, c1, nname) (((c0) + 17u * (c1) + 8u * (nname)) % SLOTS)
#define ROW(c0, c1, word, cmd, least, most, ...)                                         \
    [SLOT(c0, c1, sizeof(word) - 1)] = { .name = (word),                                 \
                                         .nname = sizeof(word) - 1,                      \
                                         .min = (least),                                 \
                                         .max = (most),                                  \
                                         .command = (cmd),                               \
                                         __VA_ARGS__ }

enum { ANY = UINT8_MAX };

static const struct row rows[SLOTS] = {
    ROW('g', 'e', "get", COMMAND_GET, 1, ANY, .list = true),
    ROW('g', 'e', "gets", COMMAND_GET, 1, ANY, .list = true, .with_cas = true),
    ROW('g', 'a', "gat", COMMAND_GAT, 2, ANY, .list = true),
    ROW('g', 'a', "gats", COMMAND_GAT, 2, ANY, .list = true, .with_cas = true),
    ROW('s', 'e', "set", COMMAND_SET, 4, 5, .noreply = true, .handler = parse_store),
    ROW('a', 'd', "add", COMMAND_ADD, 4, 5, .noreply = true, .handler = parse_store),
    ROW('r', 'e', "replace", COMMAND_REPLACE, 4, 5, .noreply = true,
        .handler = parse_store),
    ROW('a', 'p', "append", COMMAND_APPEND, 4, 5, .noreply = true,
        .handler = parse_store),
    ROW('p', 'r', "prepend", COMMAND_PREPEND, 4, 5, .noreply = true,
        .handler = parse_store),
    ROW('c', 'a', "cas", COMMAND_CAS, 5, 6, .noreply = true, .handler = parse_store),
    ROW('d', 'e', "delete", COMMAND_DELETE, 1, 3, .noreply = true,
        .handler = parse_delete),
    ROW('i', 'n', "incr", COMMAND_INCR, 2, 3, .noreply = true, .handler = parse_arith),
    ROW('d', 'e', "decr", COMMAND_DECR, 2, 3, .noreply = true, .handler = parse_arith),
    ROW('t', 'o', "touch", COMMAND_TOUCH, 2, 3, .noreply = true, .handler = parse_touch),
    ROW('f', 'l', "flush_all", COMMAND_FLUSH, 0, 2, .noreply = true,
        .handler = parse_flush),
    ROW('s', 't', "stats", COMMAND_STATS, 0, ANY, .handler = parse_stats),
    ROW('v', 'e', "verbosity", COMMAND_VERBOSITY, 1, 2, .noreply = true,
        .handler = parse_verbosity),
    ROW('v', 'e', "version", COMMAND_VERSION, 0, ANY, .handler = parse_nothing),
    ROW('q', 'u', "quit", COMMAND_QUIT, 0, ANY, .handler = parse_nothing),
    ROW('m', 'g', "mg", COMMAND_GET, 1, ANY, .handler = meta_parse_get),
    ROW('m', 's', "ms", COMMAND_SET, 1, ANY, .handler = meta_parse_set),
    ROW('m', 'd', "md", COMMAND_DELETE, 1, ANY, .handler = meta_parse_delete),
    ROW('m', 'a', "ma", COMMAND_INCR, 1, ANY, .handler = meta_parse_arith),
    ROW('m', 'n', "mn", COMMAND_NOOP, 0, ANY, .handler = meta_parse_noop),
    ROW('s', 'h', "shutdown", COMMAND_NOOP, 0, ANY, .handler = parse_shutdown),
};

static const struct row *row_find(const char *word, size_t n)
{
    if (n < 2)
        return NULL;
    const struct row *row =
        &rows[SLOT((unsigned char)word[0], (unsigned char)word[1], n)];
    return row->nname == n && memcmp(row->name, word, n) == 0 ? row : NULL;
}

static enum parse_result refuse(struct parser *p, enum outcome why)
{
    p->why = why;
    return PARSE_ERROR;
}

/* ---- get, gets, gat, gats */

/* From the command's name on: `at` moves behind what precedes the keys. */
static enum outcome list_open(const struct row *row, struct request *req, const char **at,
                              const char *end)
{
    *req = (struct request){ .command = row->command, .with_cas = row->with_cas };
    if (row->command == COMMAND_GAT) {
        const char *word = text_skip_spaces(*at, end);
        *at = text_word_end(word, end);
        if (word == end)
            return OUTCOME_UNKNOWN;
        if (!number_parse_signed(word, (size_t)(*at - word), &req->exptime))
            return OUTCOME_BAD_EXPTIME;
    }
    *at = text_skip_spaces(*at, end);
    return *at < end ? OUTCOME_OK : OUTCOME_UNKNOWN;
}

/* A line with a bad key gets one error and no values: look before the first. */
static bool list_check(const char *at, const char *end)
{
    while (end - at > KEY_MAX) {
        const char *stop = text_word_end(at, end);
        if (stop - at > KEY_MAX)
            return false;
        at = text_skip_spaces(stop, end);
    }
    return true;
}

/* A key that cannot be one. The rest of the line goes with it; the answer is given at
 * its end, which may not have arrived. */
static enum parse_result list_spoil(struct parser *p, const char *head, const char *end,
                                    struct request *req)
{
    const char *newline = memchr(head, '\n', (size_t)(end - head));
    p->in_get = false;
    p->skip_line = newline == NULL;
    p->pending = *req;
    p->used = (size_t)(newline != NULL ? newline + 1 - head : end - head);
    return newline != NULL ? refuse(p, OUTCOME_BAD_FORMAT) : PARSE_MORE;
}

/* The next key, at or after head; req holds what all keys of the line share. Whether
 * it is the last is known only when what follows it has arrived. */
static enum parse_result list_next(struct parser *p, const char *head, const char *end,
                                   struct request *req)
{
    const char *at = text_skip_spaces(head, end), *stop = at;
    while (stop < end && *stop != ' ' && *stop != '\n')
        stop++;
    const char *next = text_skip_spaces(stop, end);
    size_t n = (size_t)(stop - at);
    if (stop < end && *stop == '\n' && n > 0 && stop[-1] == '\r')
        n--;
    if (n > KEY_MAX + (stop == end))
        return list_spoil(p, head, end, req);
    bool more = next < end && *next == '\r';
    if (next + more == end) {
        p->used = (size_t)(at - head);
        p->in_get = true;
        p->pending = *req;
        return PARSE_MORE;
    }
    req->last = next[more] == '\n';
    req->key = at;
    req->nkey = (uint16_t)n;
    p->used = (size_t)(next - head) + (req->last ? 1 + more : 0);
    p->in_get = !req->last;
    if (p->in_get)
        p->pending = *req;
    return n > 0 ? PARSE_OK : refuse(p, OUTCOME_UNKNOWN);
}

/* The first key; [at, end) is the rest of the line without CRLF. */
static enum parse_result list_start(struct parser *p, const struct row *row,
                                    const struct buffer *in, const char *at,
                                    const char *end, struct request *req)
{
    enum outcome why = list_open(row, req, &at, end);
    if (why != OUTCOME_OK)
        return refuse(p, why);
    if (!list_check(at, end))
        return refuse(p, OUTCOME_BAD_FORMAT);
    enum parse_result result = list_next(p, at, buffer_head(in) + buffer_length(in), req);
    p->used += (size_t)(at - buffer_head(in));
    return result;
}

/* ---- whole lines */

/* A browser that was lured to this port: its headers must not run as commands. */
static bool is_http(const char *at, const char *end)
{
    const char *word = end;
    while (end > at && end[-1] == ' ')
        end--;
    for (word = end; word > at && word[-1] != ' '; word--)
        ;
    return word > at && end - word >= 5 && memcmp(word, "HTTP/", 5) == 0;
}

static enum parse_result unknown_refuse(struct parser *p, const char *at, const char *end,
                                        struct request *req)
{
    *req = (struct request){ .command = COMMAND_NOOP };
    if (is_http(at, end))
        return PARSE_CLOSE;
    return refuse(p, OUTCOME_UNKNOWN);
}

static enum parse_result words_parse(struct parser *p, const struct row *row,
                                     const char *at, const char *end, struct request *req)
{
    struct words w;
    *req = (struct request){ .command = row->command };
    words_split(&w, at, end);
    if (w.n < row->min || w.n > row->max)
        return refuse(p, OUTCOME_UNKNOWN);
    req->quiet = row->noreply && w.n > 0 && word_is(&w, w.n - 1, "noreply");
    enum outcome why = row->handler(p, req, &w);
    return why == OUTCOME_OK ? PARSE_OK : refuse(p, why);
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
    const struct row *row = row_find(name, (size_t)(at - name));
    if (row == NULL)
        return unknown_refuse(p, name, end, req);
    if (row->list)
        return list_start(p, row, in, at, end, req);
    return words_parse(p, row, at, end, req);
}

/* No end of line in sight: wait, unless it is too long already. A get may be of any
 * length; its keys are served as they come. */
static enum parse_result partial_parse(struct parser *p, const struct buffer *in,
                                       struct request *req)
{
    size_t n = buffer_length(in);
    if (n <= LINE_LONG)
        return PARSE_MORE;
    const char *end = buffer_head(in) + n;
    const char *name = text_skip_spaces(buffer_head(in), end),
               *at = text_word_end(name, end);
    const struct row *row = row_find(name, (size_t)(at - name));
    if (name - buffer_head(in) > INDENT_MAX || row == NULL || !row->list ||
        list_open(row, req, &at, end) != OUTCOME_OK)
        return PARSE_CLOSE;
    enum parse_result result = list_next(p, at, end, req);
    p->used += (size_t)(at - buffer_head(in));
    return result;
}

/* The rest of a line whose answer is known already. */
static enum parse_result line_skip(struct parser *p, const struct buffer *in,
                                   struct request *req)
{
    return list_spoil(p, buffer_head(in), buffer_head(in) + buffer_length(in), req);
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
    if (p->in_get || p->skip_line) {
        *req = p->pending;
        return p->in_get ? list_next(p, head, head + n, req) : line_skip(p, in, req);
    }
    const char *newline = memchr(head, '\n', n);
    if (newline == NULL)
        return partial_parse(p, in, req);
    return line_parse(p, in, newline, req);
}
