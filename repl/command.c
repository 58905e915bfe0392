#include "repl/command.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "repl/health.h"
#include "repl/thread.h"

void command_answer(struct command_client *client, const char *kind, const char *format,
                    ...)
{
    char text[400];
    va_list ap;
    if (client == NULL)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    /* Whoever waits for the rest of an answer is better told that there is none. */
    if (evbuffer_add_printf(bufferevent_get_output(client->stream), "%s %s\n", kind,
                            text) < 0)
        shutdown(bufferevent_getfd(client->stream), SHUT_RDWR);
}

/* ---- one function a command */

static void emit_figure(void *context, const char *name, const char *value)
{
    command_answer(context, "STAT", "%s %s", name, value);
}

/* ---- commands; core LOCKED but for status */

static void do_status(struct command_client *client)
{
    const struct control_config *config = &client->commands->config;
    config->figures(config->context, emit_figure, client);
    command_answer(client, "OK", "that is all");
}

static void do_health(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    struct repl_health health;
    AZ(pthread_mutex_lock(&core->lock));
    repl_core_health(core, &health);
    AZ(pthread_mutex_unlock(&core->lock));
    command_answer(client, "STAT", "rank %llu", (unsigned long long)health.rank);
    command_answer(client, "STAT", "reign %llu", (unsigned long long)health.reign);
    command_answer(client, health.is_fit ? "OK" : "NO", "%s", health.why);
}

static void do_promote(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    bool was = core->active;
    repl_core_promote(core, "told to by the control socket");
    command_answer(client, "OK", "%s, reign %llu", was ? "active already" : "active now",
                   (unsigned long long)core->reign);
    meet_again(client->commands->thread);
    AZ(pthread_mutex_unlock(&core->lock));
}

static void do_demote(struct command_client *client)
{
    struct repl_thread *thread = client->commands->thread;
    AZ(pthread_mutex_lock(&thread->core->lock));
    meet_again(thread);
    AZ(pthread_mutex_unlock(&thread->core->lock));
    watch_begin(&client->commands->demotion, client);
}

static void do_resync(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    const char *why = repl_core_resync(core);
    AZ(pthread_mutex_unlock(&core->lock));
    if (why != NULL)
        command_answer(client, "ERROR", "%s", why);
    else
        command_answer(client, "OK", "everything is being copied to the peer again");
}

static void do_handover(struct command_client *client)
{
    watch_begin(&client->commands->handover, client);
}

static void do_verify(struct command_client *client)
{
    watch_begin(&client->commands->verify, client);
}

static void do_news(struct command_client *client)
{
    struct commands *c = client->commands;
    if (!client->wants_news && c->listeners == COMMAND_LISTENERS_MAX) {
        command_answer(client, "ERROR", "%u others are told already", c->listeners);
        return;
    }
    c->listeners += !client->wants_news;
    client->wants_news = true;
    command_answer(client, "OK", "you will be told");
}

void command_news(struct command_client *client)
{
    if (client->wants_news)
        command_answer(client, "NEWS", "health may have changed");
}

enum { ONLY_IF_AWAITED = 1 };

static const struct command {
    const char *name;
    void (*run)(struct command_client *client);
    unsigned flags;
} table[] = {
    { "status", do_status, 0 },
    { "health", do_health, 0 },
    { "news", do_news, 0 },
    { "promote", do_promote, ONLY_IF_AWAITED },
    { "demote", do_demote, ONLY_IF_AWAITED },
    { "resync", do_resync, 0 },
    { "handover", do_handover, ONLY_IF_AWAITED },
    { "verify", do_verify, 0 },
};

/* Whoever asked a node that hung has asked another one since: a change of roles that
 * comes late does harm. */
static bool is_awaited(const struct command_client *client)
{
    char byte;
    return recv(bufferevent_getfd(client->stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT) !=
           0;
}

void command_run(struct command_client *client, const char *line)
{
    for (size_t i = 0; i < N_ELEMENTS(table); i++) {
        if (strcmp(table[i].name, line) != 0)
            continue;
        if (!(table[i].flags & ONLY_IF_AWAITED) || is_awaited(client))
            table[i].run(client);
        else
            thread_log(client->commands->thread, REPL_LOG_WARNING,
                       "did not %s: whoever asked for it has gone", line);
        return;
    }
    command_answer(client, "ERROR", "this node does not know the command '%.40s'", line);
}

/* ---- life */

void command_client_gone(struct command_client *client)
{
    struct commands *c = client->commands;
    struct watch *const watches[] = { &c->handover, &c->demotion, &c->verify };
    for (size_t i = 0; i < N_ELEMENTS(watches); i++) {
        if (watches[i]->client == client)
            watches[i]->client = NULL;
    }
    c->listeners -= client->wants_news;
    client->wants_news = false;
}

bool command_client_is_owed(const struct command_client *client)
{
    const struct commands *c = client->commands;
    return client->wants_news || c->handover.client == client ||
           c->demotion.client == client || c->verify.client == client;
}

void commands_tick(struct commands *c)
{
    watch_tick(&c->handover);
    watch_tick(&c->demotion);
    watch_tick(&c->verify);
}

bool commands_init(struct commands *c, struct repl_thread *thread,
                   const struct control_config *config)
{
    *c = (struct commands){ .thread = thread, .config = *config };
    bool ok = watch_init(&c->handover, &errand_handover, thread->base, thread->core);
    ok = watch_init(&c->demotion, &errand_demotion, thread->base, thread->core) && ok;
    return watch_init(&c->verify, &errand_verify, thread->base, thread->core) && ok;
}

void commands_fini(struct commands *c)
{
    watch_fini(&c->handover);
    watch_fini(&c->demotion);
    watch_fini(&c->verify);
}
