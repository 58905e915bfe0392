/*
 * stats: the host's statistics, those that the engine adds, and the groups of both.
 */
#include "server/handlers.h"

#include <string.h>

#include "base/check.h"
#include "protocol/number.h"
#include "server/answer.h"
#include "server/dump.h"
#include "server/server.h"
#include "server/settings_stats.h"
#include "server/stats.h"

static void add_stat(const char *key, const uint16_t nkey, const char *value,
                     const uint32_t nvalue, const void *cookie)
{
    struct connection *c = connection_of(cookie);
    struct response res = { .key = key, .nkey = nkey, .text = value, .ntext = nvalue };
    if (c != NULL && key != NULL && nkey > 0)
        command_answer(c, &res);
}

static void emit_stat(void *context, const char *name, const char *value)
{
    add_stat(name, (uint16_t)strlen(name), value, (uint32_t)strlen(value), context);
}

/* A list that misses a line because memory ran out must not look complete. */
static enum verdict end_list(struct connection *c)
{
    if (c->io->out.bytes.failed)
        return VERDICT_DROP;
    return c->codec->compose_end(&c->req, &c->io->out.bytes) ? VERDICT_DONE
                                                             : VERDICT_DROP;
}

static enum verdict say(struct connection *c, enum outcome outcome, const char *text)
{
    struct response res = { .outcome = outcome,
                            .text = text,
                            .ntext = text != NULL ? (uint32_t)strlen(text) : 0 };
    return command_answer(c, &res);
}

/* If the engine would block, this removes again what it has added so far. */
static enum verdict ask_engine(struct connection *c, const char *key)
{
    struct worker *w = c->worker;
    struct output *out = &c->io->out;
    struct response res = { 0 };
    struct output_mark mark = output_mark(out);
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS && key == NULL)
        stats_each(w->server, emit_stat, c);
    if (rc == ENGINE_SUCCESS)
        rc = w->api->get_stats(w->handle, c, key, key != NULL ? (int)strlen(key) : 0,
                               add_stat);
    if (rc == ENGINE_SUCCESS)
        return end_list(c);
    output_truncate(out, mark, connection_release_sent, c);
    return command_finish(c, rc, &res);
}

static enum verdict stats_settings(struct connection *c)
{
    settings_each(&c->worker->server->settings, emit_stat, c);
    return end_list(c);
}

static enum verdict stats_conns(struct connection *c)
{
    stats_each_connection(c->worker->server, emit_stat, c);
    return end_list(c);
}

static enum verdict stats_restart(struct connection *c)
{
    struct worker *w = c->worker;
    stats_reset(w->server);
    prefixes_clear(&w->server->prefixes);
    w->api->reset_stats(w->handle, c);
    return say(c, OUTCOME_OK, NULL);
}

static enum verdict stats_detail_switch(struct connection *c, bool on)
{
    __atomic_store_n(&c->worker->server->settings.detail, on, __ATOMIC_RELAXED);
    return say(c, OUTCOME_OK, "OK");
}

static enum verdict stats_detail_on(struct connection *c)
{
    return stats_detail_switch(c, true);
}

static enum verdict stats_detail_off(struct connection *c)
{
    return stats_detail_switch(c, false);
}

static void take_line(void *connection, const char *line)
{
    say(connection, OUTCOME_OK, line);
}

static enum verdict stats_detail_dump(struct connection *c)
{
    prefixes_each(&c->worker->server->prefixes, take_line, c);
    return end_list(c);
}

static enum verdict stats_detail_usage(struct connection *c)
{
    return say(c, OUTCOME_INVALID, "usage: stats detail on|off|dump");
}

/* The store counts what it can; the host counts commands, and there is one class. */
static enum verdict stats_slabs(struct connection *c)
{
    struct worker *w = c->worker;
    if (w->server->admin != NULL)
        stats_each_of_class(w->server, emit_stat, c);
    return ask_engine(c, "slabs");
}

/* Sizes are counted whenever they are asked for. */
static enum verdict stats_sizes_switch(struct connection *c)
{
    emit_stat(c, "sizes_status", "enabled");
    return VERDICT_DONE;
}

static const struct {
    const char *name;
    enum verdict (*run)(struct connection *c);
} groups[] = {
    { "settings", stats_settings },
    { "conns", stats_conns },
    { "reset", stats_restart },
    { "detail", stats_detail_usage },
    { "detail on", stats_detail_on },
    { "detail off", stats_detail_off },
    { "detail dump", stats_detail_dump },
    { "slabs", stats_slabs },
    { "sizes_enable", stats_sizes_switch },
    { "sizes_disable", stats_sizes_switch },
};

/* "cachedump CLASS LINES"; 0 lines are all. */
static enum verdict stats_cachedump(struct connection *c, const char *args, size_t n)
{
    uint64_t id, most;
    const char *blank = memchr(args, ' ', n);
    size_t nid = blank != NULL ? (size_t)(blank - args) : n;
    if (blank == NULL)
        return say(c, OUTCOME_INVALID, "bad command line");
    const char *end = memchr(blank + 1, ' ', n - nid - 1);
    size_t nmost = (size_t)((end != NULL ? end : args + n) - blank - 1);
    if (!number_parse(args, nid, &id) || !number_parse(blank + 1, nmost, &most))
        return say(c, OUTCOME_BAD_FORMAT, NULL);
    return dump_begin(c, DUMP_CACHE, args, nid, most);
}

enum verdict command_run_stats(struct connection *c)
{
    static const char cachedump[] = "cachedump";
    size_t n = sizeof(cachedump) - 1;
    char key[KEY_MAX + 1];
    if (c->dump != NULL)
        return dump_go_on(c);
    if (c->req.nkey == 0)
        return ask_engine(c, NULL);
    if (c->codec == &text_codec && c->req.nkey >= n &&
        memcmp(c->req.key, cachedump, n) == 0)
        return stats_cachedump(c, c->req.key + n + (c->req.nkey > n),
                               c->req.nkey - n - (c->req.nkey > n));
    memcpy(key, c->req.key, c->req.nkey);
    key[c->req.nkey] = '\0';
    for (size_t i = 0; i < N_ELEMENTS(groups); i++) {
        if (strcmp(groups[i].name, key) == 0)
            return groups[i].run(c);
    }
    return ask_engine(c, key);
}
