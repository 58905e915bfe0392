/*
 * get, gets, gat, gats: each call hands out one key, and the parser remembers (in_get,
 * pending) that it is inside a line.
 */
#include "protocol/text.h"

#include <string.h>

#include "protocol/number.h"

/* Begin a list after the command's name: moves *at behind what precedes the keys. */
static enum outcome list_open(const struct text_row *row, struct request *req,
                              const char **at, const char *end)
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

/* A line with a bad key gets one error and no values, so check before the first key. */
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

/* A malformed key. Skip the rest of the line; the answer is given at its end, which may
 * not have arrived yet. */
static enum parse_result list_spoil(struct parser *p, const char *head, const char *end,
                                    struct request *req)
{
    const char *newline = memchr(head, '\n', (size_t)(end - head));
    p->in_get = false;
    p->skip_line = newline == NULL;
    p->pending = *req;
    p->used = (size_t)(newline != NULL ? newline + 1 - head : end - head);
    return newline != NULL ? text_refuse(p, OUTCOME_BAD_FORMAT) : PARSE_MORE;
}

/* The next key, at or after head; req holds what all keys of the line share. Whether it
 * is the last key is known only when what follows it has arrived. */
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
    return n > 0 ? PARSE_OK : text_refuse(p, OUTCOME_UNKNOWN);
}

/* The first key, at or after `at`. */
static enum parse_result list_first(struct parser *p, const struct buffer *in,
                                    const char *at, struct request *req)
{
    const char *head = buffer_head(in);
    enum parse_result result = list_next(p, at, head + buffer_length(in), req);
    p->used += (size_t)(at - head);
    return result;
}

enum parse_result text_list_start(struct parser *p, const struct text_row *row,
                                  const struct buffer *in, const char *at,
                                  const char *end, struct request *req)
{
    enum outcome why = list_open(row, req, &at, end);
    if (why == OUTCOME_OK && !list_check(at, end))
        why = OUTCOME_BAD_FORMAT;
    return why == OUTCOME_OK ? list_first(p, in, at, req) : text_refuse(p, why);
}

enum parse_result text_list_start_partial(struct parser *p, const struct text_row *row,
                                          const struct buffer *in, const char *at,
                                          struct request *req)
{
    const char *end = buffer_head(in) + buffer_length(in);
    if (list_open(row, req, &at, end) != OUTCOME_OK)
        return PARSE_CLOSE;
    return list_first(p, in, at, req);
}

enum parse_result text_list_resume(struct parser *p, const struct buffer *in,
                                   struct request *req)
{
    const char *head = buffer_head(in), *end = head + buffer_length(in);
    *req = p->pending;
    return p->in_get ? list_next(p, head, end, req) : list_spoil(p, head, end, req);
}
