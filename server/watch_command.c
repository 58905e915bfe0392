/*
 * watch: the connection becomes a watcher. From then on it gets lines (watch_line.h), and
 * what it sends is thrown away.
 */
#include "server/handlers.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "server/answer.h"
#include "server/log.h"
#include "server/server.h"

static const struct {
    const char *name;
    unsigned word; /* 0: memcached's, and nothing here corresponds to it */
} words[] = {
    { "fetchers", WATCH_FETCHERS },
    { "mutations", WATCH_MUTATIONS },
    { "evictions", WATCH_EVICTIONS },
    { "connevents", WATCH_CONNEVENTS },
    { "deletions", WATCH_DELETIONS },
    { "rawcmds", 0 },
    { "sysevents", 0 },
    { "proxyreqs", 0 },
    { "proxyevents", 0 },
    { "proxyuser", 0 },
};

static bool add_word(unsigned *set, const char *at, size_t n)
{
    for (size_t i = 0; i < N_ELEMENTS(words); i++) {
        if (strlen(words[i].name) == n && memcmp(words[i].name, at, n) == 0) {
            *set |= words[i].word;
            return true;
        }
    }
    return false;
}

/* False: a word is unknown. noreply is none of a watcher's. */
static bool read_words(const struct request *req, unsigned *set)
{
    const char *at = req->key, *end = at + req->nkey;
    if (req->nkey == 0)
        *set = WATCH_FETCHERS;
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank != NULL ? blank : end;
        if (stop > at && !add_word(set, at, (size_t)(stop - at)))
            return false;
        at = stop + 1;
    }
    return !req->quiet;
}

static enum verdict say(struct connection *c, const char *line)
{
    struct response res = { .text = line, .ntext = (uint32_t)strlen(line) };
    return command_answer(c, &res);
}

static enum verdict join(struct connection *c, unsigned set)
{
    static struct log_pace pace;
    struct worker *w = c->worker;
    switch (watchers_join(&w->server->watch, w, c, set, &c->watcher)) {
    case WATCHERS_OK:
        return say(c, "OK") == VERDICT_DONE ? VERDICT_WATCH : VERDICT_DROP;
    case WATCHERS_TOO_MANY:
        return say(c, "WATCHER_TOO_MANY log watcher limit reached");
    case WATCHERS_FAILED:
        break;
    }
    log_warning_paced(&pace, "a client cannot watch: %s; " LOG_MORE_MEMORY,
                      strerror(errno));
    return say(c, "WATCHER_FAILED failed to add log watcher");
}

enum verdict command_run_watch(struct connection *c)
{
    unsigned set = 0;
    if (c->worker->server->settings.disable_watch)
        return say(c, "CLIENT_ERROR watch commands not allowed");
    if (c->udp != NULL)
        return say(c, "SERVER_ERROR a watcher needs a connection; watch over TCP");
    if (!output_empty(&c->io->out))
        return say(c, "ERROR cannot pipeline other commands before watch");
    if (!read_words(&c->req, &set))
        return say(c, "ERROR");
    return join(c, set);
}
