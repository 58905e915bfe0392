#include "repl/command.h"

#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "repl/health.h"

static void emit_figure(void *context, const char *name, const char *value)
{
    answer_put(context, "STAT", "%s %s", name, value);
}

/* ---- one function for each command */

static void do_status(struct command_client *client)
{
    const struct control_config *config = &client->commands->config;
    config->figures(config->context, emit_figure, client);
    answer_put(client, "OK", "end of the figures");
}

static void do_health(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    struct repl_health health;
    repl_core_lock(core);
    repl_core_health(core, &health);
    repl_core_unlock(core);
    answer_put(client, "STAT", "rank %llu", (unsigned long long)health.rank);
    answer_put(client, "STAT", "term %llu", (unsigned long long)health.term);
    answer_put(client, health.is_fit ? "OK" : "NO", "%s", health.why);
}

static void do_promote(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    repl_core_lock(core);
    bool was = repl_core_is_active(core);
    repl_core_promote(core, "promoted over the control socket");
    answer_put(client, "OK", "%s, term %llu", was ? "already active" : "active now",
               (unsigned long long)repl_core_term(core));
    handshake_again(client->commands->thread);
    repl_core_unlock(core);
}

static void do_demote(struct command_client *client)
{
    struct repl_thread *thread = client->commands->thread;
    repl_core_lock(thread->core);
    handshake_again(thread);
    repl_core_unlock(thread->core);
    job_begin(&client->commands->demotion, client);
}

static void do_resync(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    repl_core_lock(core);
    const char *why = repl_core_resync(core);
    repl_core_unlock(core);
    if (why != NULL)
        answer_put(client, "ERROR", "%s", why);
    else
        answer_put(client, "OK", "everything is being copied to the peer again");
}

static void do_renew(struct command_client *client)
{
    struct repl_thread *thread = client->commands->thread;
    char why[300];
    repl_core_lock(thread->core);
    bool ok = proof_renew(thread, why, sizeof(why));
    repl_core_unlock(thread->core);
    if (ok)
        answer_put(client, "OK", "read again; the link is made anew with it");
    else
        answer_put(client, "ERROR", "%s", why);
}

static void do_handover(struct command_client *client)
{
    job_begin(&client->commands->handover, client);
}

static void do_verify(struct command_client *client)
{
    job_begin(&client->commands->verify, client);
}

static void do_news(struct command_client *client)
{
    struct commands *c = client->commands;
    if (!client->wants_news && c->listeners == COMMAND_LISTENERS_MAX) {
        answer_put(client, "ERROR",
                   "%u connections get news already, and no more can: close one of them",
                   c->listeners);
        return;
    }
    c->listeners += !client->wants_news;
    client->wants_news = true;
    answer_put(client, "OK", "news will follow");
}

void command_news(struct command_client *client)
{
    if (client->wants_news)
        answer_put(client, "NEWS", "health may have changed");
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
    { "renew", do_renew, 0 },
    { "handover", do_handover, ONLY_IF_AWAITED },
    { "verify", do_verify, 0 },
};

/* Does the client still wait for the answer? If this node hung and the client gave up,
 * it has asked another node since, and a late change of roles would do harm. */
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
            loop_log(client->commands->thread, REPL_LOG_WARNING,
                     "did not %s: the client that asked for it has disconnected, so the "
                     "command is out of date; give it again if it is still wanted",
                     line);
        return;
    }
    answer_put(client, "ERROR",
               "this node does not know the command '%.40s': use the mcreplctl of its "
               "version",
               line);
}

/* ---- life */

void command_client_gone(struct command_client *client)
{
    struct commands *c = client->commands;
    struct job *const jobs[] = { &c->handover, &c->demotion, &c->verify };
    for (size_t i = 0; i < N_ELEMENTS(jobs); i++) {
        if (jobs[i]->client == client)
            jobs[i]->client = NULL;
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

void commands_look(struct commands *c)
{
    job_look(&c->handover);
    job_look(&c->demotion);
    job_look(&c->verify);
}

void commands_init(struct commands *c, struct repl_thread *thread,
                   const struct control_config *config)
{
    *c = (struct commands){ .thread = thread, .config = *config };
    job_init(&c->handover, &job_handover, thread->core);
    job_init(&c->demotion, &job_demotion, thread->core);
    job_init(&c->verify, &job_verify, thread->core);
}
