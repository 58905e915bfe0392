#include "repl/command.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
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
    evbuffer_add_printf(bufferevent_get_output(client->stream), "%s %s\n", kind, text);
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
    char why[160];
    AZ(pthread_mutex_lock(&core->lock));
    bool fit = repl_core_health(core, why, sizeof(why));
    command_answer(client, "STAT", "rank %u", core->rank);
    command_answer(client, "STAT", "cold %d", repl_core_is_cold(core));
    AZ(pthread_mutex_unlock(&core->lock));
    command_answer(client, fit ? "OK" : "NO", "%s", why);
}

static void do_promote(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    bool was = core->active;
    repl_core_promote(core, "told to by the control socket");
    command_answer(client, "OK", "%s, reign %llu", was ? "active already" : "active now",
                   (unsigned long long)core->reign);
    AZ(pthread_mutex_unlock(&core->lock));
}

static void do_demote(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    bool was = core->active;
    repl_core_demote(core, "told to by the control socket");
    AZ(pthread_mutex_unlock(&core->lock));
    command_answer(client, "OK", "%s", was ? "standby now" : "standby already");
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

static const struct command {
    const char *name;
    void (*run)(struct command_client *client);
} table[] = {
    { "status", do_status }, { "health", do_health }, { "promote", do_promote },
    { "demote", do_demote }, { "resync", do_resync }, { "handover", do_handover },
    { "verify", do_verify },
};

void command_run(struct command_client *client, const char *line)
{
    for (size_t i = 0; i < N_ELEMENTS(table); i++) {
        if (strcmp(table[i].name, line) == 0) {
            table[i].run(client);
            return;
        }
    }
    command_answer(client, "ERROR", "this node does not know the command '%.40s'", line);
}

/* ---- life */

void command_client_gone(struct command_client *client)
{
    struct watch *const watches[] = { &client->commands->handover,
                                      &client->commands->verify };
    for (size_t i = 0; i < N_ELEMENTS(watches); i++) {
        if (watches[i]->client == client)
            watches[i]->client = NULL;
    }
}

bool commands_init(struct commands *c, struct repl_thread *thread,
                   const struct control_config *config)
{
    *c = (struct commands){ .thread = thread, .config = *config };
    bool ok = watch_init(&c->handover, &errand_handover, thread->base, thread->core);
    return watch_init(&c->verify, &errand_verify, thread->base, thread->core) && ok;
}

void commands_fini(struct commands *c)
{
    watch_fini(&c->handover);
    watch_fini(&c->verify);
}
