/*
 * Lines of the text protocol that the host does not know. They are offered to the
 * extensions, one after the other, until one accepts. If data follows the line, it is
 * received to where the extension wants it, and executed then.
 */
#include <stdlib.h>
#include <string.h>

#include "server/answer.h"
#include "server/extensions.h"
#include "server/handlers.h"
#include "server/log.h"

enum { WORDS_MAX = 28 }; /* as in memcached */

typedef EXTENSION_ASCII_PROTOCOL_DESCRIPTOR extension;

/* Extensions compare words as strings: each ends in a zero. */
static int split(char *at, token_t words[WORDS_MAX])
{
    int n = 0;
    for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (n == WORDS_MAX)
            return -1;
        words[n++] = (token_t){ at, length };
        at += length;
        if (*at != '\0')
            *at++ = '\0';
    }
    return n;
}

static ENGINE_ERROR_CODE take_answer(const void *cookie, int n, const char *bytes)
{
    struct connection *c = connection_of(cookie);
    if (n < 0)
        return ENGINE_EINVAL;
    return buffer_append(&c->io->out.bytes, bytes, (size_t)n) ? ENGINE_SUCCESS
                                                              : ENGINE_ENOMEM;
}

static enum verdict execute(struct connection *c, extension *x, int n, token_t *words)
{
    struct output *out = &c->io->out;
    struct output_mark mark = output_mark(out);
    ENGINE_ERROR_CODE rc = x->execute(x->cookie, c, n, words, take_answer);
    if (rc == ENGINE_EWOULDBLOCK) {
        output_truncate(out, mark, connection_release_sent, c);
        return VERDICT_PARK;
    }
    c->value.extension = NULL;
    return rc == ENGINE_SUCCESS ? VERDICT_DONE : VERDICT_DROP;
}

static enum verdict receive(struct connection *c, extension *x, char *to, size_t n)
{
    static struct log_pace pace;
    c->value = (struct reception){ .extension = x, .piece = { to, n }, .left = n };
    if (to != NULL)
        return VERDICT_VALUE;
    log_warning_paced(&pace,
                      "the extension %s wants data, but has no room for it: closing the "
                      "connection; ask the extension's author",
                      x->get_name(x->cookie));
    return VERDICT_DROP;
}

static enum verdict offer(struct connection *c, char *line)
{
    token_t words[WORDS_MAX];
    struct response res = { .outcome = OUTCOME_UNKNOWN };
    int n = split(line, words);
    if (n < 0)
        res.outcome = OUTCOME_TOO_MANY_WORDS;
    for (extension *x = extension_first_text(); n > 0 && x != NULL; x = x->next) {
        size_t ndata = 0;
        char *data = NULL;
        if (x->accept(x->cookie, c, n, words, &ndata, &data))
            return ndata > 0 ? receive(c, x, data, ndata) : execute(c, x, n, words);
    }
    return command_answer(c, &res);
}

enum verdict command_run_extension(struct connection *c)
{
    struct response res = { 0 };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc != ENGINE_SUCCESS) {
        connection_release_value(c);
        return command_finish(c, rc, &res);
    }
    if (c->value.extension != NULL)
        return execute(c, c->value.extension, 0, NULL);
    if (extension_first_text() == NULL) {
        res.outcome = OUTCOME_UNKNOWN;
        return command_answer(c, &res);
    }
    char *line = strndup(c->req.packet, c->req.npacket);
    if (line == NULL) {
        res.outcome = OUTCOME_NO_MEMORY;
        return command_answer(c, &res);
    }
    enum verdict verdict = offer(c, line);
    free(line);
    return verdict;
}
