/*
 * stats: the host's statistics, those that the engine adds, and the groups of both.
 */
#include "server/handlers.h"

#include <string.h>

#include "server/answer.h"
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
    w->api->reset_stats(w->handle, c);
    return say(c, OUTCOME_OK, NULL);
}

/* mcd keeps no statistics by key prefix. "detail on" and "detail off" succeed without
 * effect, and "detail dump" is empty. */
static enum verdict stats_detail_switch(struct connection *c)
{
    return say(c, OUTCOME_OK, "OK");
}

static enum verdict stats_detail_usage(struct connection *c)
{
    return say(c, OUTCOME_INVALID, "usage: stats detail on|off|dump");
}

static const struct {
    const char *name;
    enum verdict (*run)(struct connection *c);
} groups[] = {
    { "settings", stats_settings },       { "conns", stats_conns },
    { "reset", stats_restart },           { "detail", stats_detail_usage },
    { "detail on", stats_detail_switch }, { "detail off", stats_detail_switch },
    { "detail dump", end_list },
};

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

enum verdict command_run_stats(struct connection *c)
{
    char key[KEY_MAX + 1];
    if (c->req.nkey == 0)
        return ask_engine(c, NULL);
    memcpy(key, c->req.key, c->req.nkey);
    key[c->req.nkey] = '\0';
    for (size_t i = 0; i < N_ELEMENTS(groups); i++) {
        if (strcmp(groups[i].name, key) == 0)
            return groups[i].run(c);
    }
    return ask_engine(c, key);
}
