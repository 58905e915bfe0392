/*
 * lru, slabs, lru_crawler, cache_memlimit: orders of operators' tools. The store has no
 * slab classes, LRU lists and crawler, so an order to these changes nothing; it is
 * answered as memcached does, so that scripts go on.
 */
#include "server/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "protocol/number.h"
#include "server/answer.h"
#include "server/dump.h"
#include "server/server.h"

enum { WORDS_MOST = 5 };

struct order {
    unsigned n;
    const char *at[WORDS_MOST];
    size_t size[WORDS_MOST];
};

/* n is WORDS_MOST if there are more. */
static void split(const struct request *req, struct order *o)
{
    const char *at = req->key, *end = at + req->nkey;
    o->n = 0;
    while (at < end && o->n < WORDS_MOST) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank != NULL ? blank : end;
        if (stop > at) {
            o->at[o->n] = at;
            o->size[o->n++] = (size_t)(stop - at);
        }
        at = stop + 1;
    }
}

static enum verdict say(struct connection *c, const char *line)
{
    struct response res = { .text = line, .ntext = (uint32_t)strlen(line) };
    return command_answer(c, &res);
}

enum kind { WORDS, NUMBERS, CLASSES };

static const struct row {
    enum command command;
    const char *word;
    unsigned nargs;
    enum kind kind; /* of the arguments */
    uint64_t most;  /* of a number */
    const char *answer;
} rows[] = {
    { COMMAND_CRAWLER, "enable", 0, WORDS, 0, "OK" },
    { COMMAND_CRAWLER, "disable", 0, WORDS, 0, "OK" },
    { COMMAND_CRAWLER, "sleep", 1, NUMBERS, 1000000, "OK" },
    { COMMAND_CRAWLER, "tocrawl", 1, NUMBERS, UINT32_MAX, "OK" },
    { COMMAND_CRAWLER, "crawl", 1, CLASSES, 0, "OK" },
    { COMMAND_LRU, "tune", 4, WORDS, 0, "OK" },
    { COMMAND_LRU, "mode", 1, WORDS, 0, "OK" },
    { COMMAND_LRU, "temp_ttl", 1, WORDS, 0, "OK" },
    { COMMAND_SLABS, "automove", 1, NUMBERS, UINT32_MAX, "OK" },
    { COMMAND_SLABS, "automove", 2, WORDS, 0, "OK" },
    { COMMAND_SLABS, "reassign", 2, NUMBERS, UINT32_MAX,
      "NOSPARE source class has no spare pages" },
};

static bool is_word(const struct order *o, unsigned i, const char *word)
{
    return i < o->n && o->size[i] == strlen(word) &&
           memcmp(o->at[i], word, o->size[i]) == 0;
}

/* What is wrong with the arguments, or NULL. */
static const char *check(const struct row *row, const struct order *o)
{
    uint64_t n;
    for (unsigned i = 1; i < o->n; i++) {
        bool is_number = number_parse(o->at[i], o->size[i], &n);
        if (row->kind == NUMBERS && !is_number)
            return "CLIENT_ERROR bad command line format";
        if (row->kind == NUMBERS && n > row->most)
            return "CLIENT_ERROR sleep must be one second or less";
        if (row->kind == CLASSES && !is_number && !is_word(o, i, "all"))
            return "BADCLASS invalid class id";
    }
    return NULL;
}

static enum verdict obey(struct connection *c, const struct order *o)
{
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        const struct row *row = &rows[i];
        if (row->command != c->req.command || !is_word(o, 0, row->word) ||
            o->n != row->nargs + 1)
            continue;
        const char *why = check(row, o);
        return say(c, why != NULL ? why : row->answer);
    }
    return say(c, "ERROR");
}

enum verdict command_run_tuning(struct connection *c)
{
    struct order o;
    split(&c->req, &o);
    return obey(c, &o);
}

enum verdict command_run_crawler(struct connection *c)
{
    struct order o;
    if (c->dump != NULL)
        return dump_go_on(c);
    split(&c->req, &o);
    if (o.n == 2 && !c->req.quiet && is_word(&o, 0, "metadump"))
        return dump_begin(c, DUMP_META, o.at[1], o.size[1], 0);
    if (o.n == 2 && !c->req.quiet && is_word(&o, 0, "mgdump"))
        return dump_begin(c, DUMP_MG, o.at[1], o.size[1], 0);
    return obey(c, &o);
}

/* ---- the memory limit, of this node only */

enum { LEAST_MB = 8 };

enum verdict command_run_memlimit(struct connection *c)
{
    struct server *s = c->worker->server;
    uint64_t megabytes = c->req.delta;
    char line[256] = "MEMLIMIT_ADJUST_FAILED ";
    size_t n = strlen(line);
    if (megabytes < LEAST_MB)
        return say(c, "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m");
    if (s->admin == NULL)
        return say(c, "MEMLIMIT_ADJUST_FAILED the engine cannot change its limit");
    if (!s->admin->set_limit(c->worker->handle, megabytes << 20, line + n,
                             sizeof(line) - n))
        return say(c, line);
    __atomic_store_n(&s->settings.memory_mb, megabytes, __ATOMIC_RELAXED);
    return say(c, "OK");
}
