#include "repl/command.h"

#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "protocol/number.h"
#include "repl/health.h"

enum { PAUSE_MOST_S = 366 * 24 * 3600 };

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
    uint64_t paused_us = repl_core_paused_us(core), left = repl_core_pause_left_us(core);
    bool is_paused = repl_core_is_paused(core);
    repl_core_unlock(core);
    /* First: it says what the rest is good for. */
    answer_put(client, "STAT", "paused %d", is_paused);
    answer_put(client, "STAT", "paused_ms %llu", (unsigned long long)paused_us / 1000);
    answer_put(client, "STAT", "pause_left_ms %llu", (unsigned long long)left / 1000);
    answer_put(client, "STAT", "rank %llu", (unsigned long long)health.rank);
    answer_put(client, "STAT", "term %llu", (unsigned long long)health.term);
    answer_put(client, "STAT", "role %s", health.is_active ? "active" : "standby");
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

static void put_event(struct command_client *client, const struct history_event *e,
                      uint64_t now_us)
{
    answer_put(client, "STAT", "%s %llu %llu %u %s", history_kind_name(e->kind),
               (unsigned long long)(now_us - e->first_us) / 1000,
               (unsigned long long)(now_us - e->last_us) / 1000, e->times, e->text);
}

static void do_history(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    repl_core_lock(core);
    uint64_t now_us = monotonic_us();
    const struct history *h = repl_core_history(core);
    unsigned n = history_count(h);
    for (unsigned i = 0; i < n; i++)
        put_event(client, history_get(h, i), now_us);
    uint64_t forgotten = h->n - n;
    repl_core_unlock(core);
    answer_put(client, "STAT", "forgotten %llu", (unsigned long long)forgotten);
    answer_put(client, "OK", "%u events, %llu older ones forgotten", n,
               (unsigned long long)forgotten);
}

static void do_pause(struct command_client *client, const char *text)
{
    struct repl_core *core = client->commands->thread->core;
    uint64_t seconds = 0;
    if (text != NULL && (!number_parse(text, strlen(text), &seconds) || seconds == 0 ||
                         seconds > PAUSE_MOST_S)) {
        answer_put(client, "ERROR", "a pause lasts 1 to %u seconds, not '%.40s'",
                   PAUSE_MOST_S, text);
        return;
    }
    repl_core_lock(core);
    repl_core_tick(core, monotonic_us());
    repl_core_pause(core, seconds * 1000000);
    repl_core_unlock(core);
    if (seconds != 0)
        answer_put(client, "OK",
                   "automatic moves are paused for %llu s, then they go on by "
                   "themselves; 'resume' ends the pause",
                   (unsigned long long)seconds);
    else
        answer_put(client, "OK", "automatic moves are paused until 'resume'");
}

static void do_resume(struct command_client *client)
{
    struct repl_core *core = client->commands->thread->core;
    repl_core_lock(core);
    bool was = repl_core_resume(core);
    repl_core_unlock(core);
    answer_put(client, "OK",
               was ? "automatic moves go on" : "automatic moves were not paused");
}

static void do_peer(struct command_client *client, const char *text)
{
    struct repl_thread *thread = client->commands->thread;
    char why[300];
    if (text == NULL) {
        answer_put(client, "ERROR", "name the peer: HOST or HOST:PORT");
        return;
    }
    repl_core_lock(thread->core);
    bool ok = retarget(thread, text, why, sizeof(why));
    repl_core_unlock(thread->core);
    if (ok)
        answer_put(client, "OK", "the peer is %.200s now; the link is made anew", text);
    else
        answer_put(client, "ERROR", "%s", why);
}

void command_news(struct command_client *client)
{
    if (client->wants_news)
        answer_put(client, "NEWS", "health may have changed");
}

enum { ONLY_IF_AWAITED = 1 };

/* A row has either `run`, or `take`, for a command with one word behind it; NULL: none
 * was given. */
static const struct command {
    const char *name;
    void (*run)(struct command_client *client);
    unsigned flags;
    void (*take)(struct command_client *client, const char *text);
} table[] = {
    { "status", do_status, 0, NULL },
    { "health", do_health, 0, NULL },
    { "news", do_news, 0, NULL },
    { "promote", do_promote, ONLY_IF_AWAITED, NULL },
    { "demote", do_demote, ONLY_IF_AWAITED, NULL },
    { "resync", do_resync, 0, NULL },
    { "renew", do_renew, 0, NULL },
    { "handover", do_handover, ONLY_IF_AWAITED, NULL },
    { "verify", do_verify, 0, NULL },
    { "history", do_history, 0, NULL },
    { "pause", NULL, ONLY_IF_AWAITED, do_pause },
    { "resume", do_resume, ONLY_IF_AWAITED, NULL },
    { "peer", NULL, ONLY_IF_AWAITED, do_peer },
};

/* Does the client still wait for the answer? If this node hung and the client gave up,
 * it has asked another node since, and a late change of roles would do harm. */
static bool is_awaited(const struct command_client *client)
{
    char byte;
    return recv(bufferevent_getfd(client->stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT) !=
           0;
}

/* The word behind the command; NULL: there is none. False: it is another command, or
 * takes no word. */
static bool matches(const struct command *command, const char *line, const char **text)
{
    size_t n = strlen(command->name);
    *text = NULL;
    if (strncmp(command->name, line, n) != 0)
        return false;
    if (line[n] == '\0')
        return true;
    *text = line + n + 1;
    return command->take != NULL && line[n] == ' ' && **text != '\0';
}

void command_run(struct command_client *client, const char *line)
{
    const char *text;
    for (size_t i = 0; i < N_ELEMENTS(table); i++) {
        if (!matches(&table[i], line, &text))
            continue;
        if ((table[i].flags & ONLY_IF_AWAITED) && !is_awaited(client))
            loop_log(client->commands->thread, REPL_LOG_WARNING,
                     "did not %s: the client that asked for it has disconnected, so the "
                     "command is out of date; give it again if it is still wanted",
                     line);
        else if (table[i].take != NULL)
            table[i].take(client, text);
        else
            table[i].run(client);
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
