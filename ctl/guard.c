#include "ctl/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "base/service.h"
#include "ctl/ask.h"
#include "ctl/guard_log.h"
#include "ctl/node_process.h"
#include "ctl/track_file.h"
#include "ctl/vrrp_fifo.h"

enum {
    FIT = 0,
    FAULT = -254,
    RANK_MAX = 6, /* keepalived adds the rank to its priority, which has no more room */
    RANK_SETTLES_MS = 1000,
    LATE_MS = 5,       /* if an answer takes longer, look at the process */
    PATIENCE_MS = 500, /* how long to wait for a node that is late, but working */
    HOOKS_MS = 20,     /* how often to look at a command that runs */
    STATUS_MS = 1000,  /* how often the service's status may change for words alone */
    STATUS_ROOM = 512
};

enum wish { WISH_NONE, WISH_PROMOTE, WISH_DEMOTE };

struct guard {
    const struct guard_config *config;
    struct track_file health, rank;
    int judged; /* the health that was said last; 1: none yet */
    struct ask ask;
    bool connected;
    struct vrrp_fifo fifo;
    enum wish wish; /* keepalived's last order, until the node has carried it out */
    bool is_master; /* as far as keepalived has said */
    int node_rank;  /* what the node said last, and since when */
    uint64_t rank_since;
    bool is_active; /* the node, as it said last; and its term */
    uint64_t term;
    struct hooks hooks;
    uint64_t asked_at;
    bool is_dying;            /* the process that was asked last is dying */
    bool is_paused;           /* the node says that automatic moves are: the files stay */
    char status[STATUS_ROOM]; /* what the service manager was told last, and when */
    uint64_t status_since;
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

/* ---- what keepalived reads */

static void write_number(struct guard *g, struct track_file *file, int number)
{
    if (g->is_paused)
        return;
    bool ok = track_file_write(file, number);
    if (!ok && !file->failing) /* tried again each time that the guard asks the node */
        guard_say(LOG_WARNING,
                  "cannot write %s: %s; trying again, keepalived still reads %d",
                  file->path, strerror(errno), file->number);
    file->failing = !ok;
}

/* A line of the log when the health changes; the service's status also when the words do,
 * which may be often: the node catches up, and falls behind. */
static void announce(struct guard *g, int health, const char *why)
{
    char text[STATUS_ROOM];
    bool is_news = health != g->judged;
    snprintf(text, sizeof(text), "%s: %s",
             health == FIT ? "fit to hold the address" : "FAULT", why);
    if (is_news)
        guard_say(health == FIT ? LOG_INFO : LOG_WARNING, "%s", text);
    if (strcmp(text, g->status) == 0 ||
        (!is_news && monotonic_ms() - g->status_since < STATUS_MS))
        return;
    memcpy(g->status, text, sizeof(text));
    g->status_since = monotonic_ms();
    service_status(text);
}

/* A node that cannot be reached may be active still, but serves nobody. */
static void tell_hooks(struct guard *g, const char *why)
{
    const char *socket = g->config->socket != NULL ? g->config->socket : g->ask.path;
    hooks_tell(&g->hooks, g->is_active && g->judged == FIT,
               &(struct hooks_news){ .socket = socket, .why = why, .term = g->term });
}

static void judge(struct guard *g, int health, const char *why)
{
    if (is_over)
        return; /* the signal interrupted the answer */
    announce(g, health, why);
    g->judged = health;
    write_number(g, &g->health, health);
    tell_hooks(g, why);
}

/* If the priority of a backup changes, keepalived waits anew before it takes the
 * address. So a backup's rank stays as it is while the address may be moving. The node
 * with the address raises its rank at once, because a partition from the other node may
 * heal at any moment; it lowers it when keepalived there has had the time to hear of the
 * higher one. */
static void tell_rank(struct guard *g, int rank)
{
    if (rank > RANK_MAX)
        rank = RANK_MAX;
    if (rank != g->node_rank)
        g->rank_since = monotonic_ms();
    g->node_rank = rank;
    bool is_settled = monotonic_ms() - g->rank_since >= RANK_SETTLES_MS;
    bool rises = g->is_master && rank > g->rank.number;
    if (rank == g->rank.number || (!rises && !is_settled))
        return;
    if (!g->rank.failing && !g->is_paused)
        guard_say(LOG_INFO, "rank %d", rank);
    write_number(g, &g->rank, rank);
}

/* keepalived keeps the address where it is, or moves it for reasons of its own; then the
 * role still follows it. */
static void note_pause(struct guard *g, bool is_paused)
{
    if (is_paused != g->is_paused)
        guard_say(
            LOG_INFO,
            is_paused
                ? "automatic moves are paused: keepalived still reads health %d and "
                  "rank %d"
                : "the pause is over; keepalived has read health %d and rank %d",
            g->health.number, g->rank.number);
    g->is_paused = is_paused;
}

/* ---- the node */

/* Close the connection first: a node that only hung must not carry out later what it
 * was asked, when keepalived already knows that it is out. */
static void lose_node(struct guard *g, const char *why)
{
    ask_close(&g->ask);
    g->connected = false;
    note_pause(g, false); /* it ends with the node */
    judge(g, FAULT, g->is_dying ? "the process is dying" : why);
    /* The next node is another process, and keepalived will tell its state anew. */
    g->wish = WISH_NONE;
}

static void take_figure(void *context, const char *name, const char *value)
{
    struct guard *g = context;
    if (strcmp(name, "paused") == 0)
        note_pause(g, strtol(value, NULL, 10) != 0);
    if (strcmp(name, "rank") == 0)
        tell_rank(g, (int)strtol(value, NULL, 10));
    else if (strcmp(name, "role") == 0)
        g->is_active = strcmp(value, "active") == 0;
    else if (strcmp(name, "term") == 0)
        g->term = strtoull(value, NULL, 10);
}

/* Called again and again while an answer is late: go on waiting? */
static bool is_worth_waiting(void *context)
{
    struct guard *g = context;
    uint64_t late = monotonic_ms() - g->asked_at;
    pid_t pid = ask_pid(&g->ask);
    g->is_dying = process_is_dying(pid);
    if (g->is_dying)
        return false;
    return late < g->config->timeout_ms ||
           (late < PATIENCE_MS && process_wants_processor(pid));
}

static bool reach_node(struct guard *g)
{
    const char *why;
    g->asked_at = monotonic_ms();
    g->is_dying = false;
    if (g->connected)
        return true;
    g->connected = ask_open(&g->ask, g->config->socket, g->config->timeout_ms);
    if (!g->connected) {
        note_pause(g, false); /* as in lose_node */
        judge(g, FAULT, g->ask.why);
        return false;
    }
    ask_patience(&g->ask, LATE_MS, is_worth_waiting, g);
    if (ask_command(&g->ask, "news", NULL, NULL, NULL, &why) == ANSWER_FAILED)
        lose_node(g, why);
    return g->connected;
}

static enum answer ask_health(struct guard *g, const char **why)
{
    return ask_command(&g->ask, "health", take_figure, NULL, g, why);
}

/* Ask for the health; once more if only the connection has ended, because the socket of
 * a dead node refuses the next connection at once. False: the node could not be
 * reached, and that has been judged. */
static bool learn_health(struct guard *g, enum answer *answer, const char **why)
{
    if (!reach_node(g))
        return false;
    *answer = ask_health(g, why);
    if (*answer != ANSWER_FAILED || !g->ask.has_ended || is_over)
        return true;
    ask_close(&g->ask);
    g->connected = false;
    if (!reach_node(g)) {
        g->wish = WISH_NONE; /* as in lose_node */
        return false;
    }
    *answer = ask_health(g, why);
    return true;
}

static void look_at_node(struct guard *g)
{
    const char *why;
    enum answer answer;
    if (!learn_health(g, &answer, &why))
        return;
    if (answer == ANSWER_FAILED)
        lose_node(g, why);
    else
        judge(g, answer == ANSWER_OK ? FIT : FAULT, why);
}

static void grant_wish(struct guard *g)
{
    const char *command = g->wish == WISH_PROMOTE ? "promote" : "demote", *why;
    if (g->wish == WISH_NONE || !g->connected)
        return;
    g->asked_at = monotonic_ms();
    enum answer answer = ask_command(&g->ask, command, NULL, NULL, NULL, &why);
    guard_say(answer == ANSWER_OK ? LOG_INFO : LOG_WARNING, "%s: %s", command, why);
    g->wish = WISH_NONE; /* also after a failure: keepalived will tell its state anew */
    if (answer == ANSWER_FAILED)
        lose_node(g, why);
}

static void heed_keepalived(struct guard *g)
{
    enum vrrp_state state = vrrp_fifo_read(&g->fifo);
    if (state == VRRP_UNCHANGED)
        return;
    g->is_master = state == VRRP_MASTER;
    g->wish = g->is_master ? WISH_PROMOTE : WISH_DEMOTE;
    grant_wish(g);
}

/* ---- the loop: the node and keepalived in turn */

/* Wait for keepalived, for the node, for a command, or for the time `until`. True if it
 * is time to ask the node for its health. */
static bool serve(struct guard *g, uint64_t until)
{
    uint64_t now = monotonic_ms(), ms = until > now ? until - now : 0;
    struct pollfd fds[] = {
        { .fd = g->fifo.fd, .events = POLLIN },
        { .fd = g->connected ? fileno(g->ask.stream) : -1, .events = POLLIN },
    };
    if (hooks_are_busy(&g->hooks) && ms > HOOKS_MS)
        ms = HOOKS_MS;
    if (poll(fds, 2, (int)ms) > 0 && fds[0].revents != 0)
        heed_keepalived(g);
    hooks_look(&g->hooks);
    /* The node has sent news, or its connection has ended. */
    return fds[1].revents != 0 || monotonic_ms() >= until;
}

static int open_files(struct guard *g)
{
    const char *directory = g->config->directory;
    /* keepalived may start at any moment from now on. Nothing is known about this node
     * yet, so it must not get the address. */
    if (track_file_open(&g->health, directory, "health", FAULT) &&
        track_file_open(&g->rank, directory, "rank", 0))
        return EXIT_SUCCESS;
    int error = errno;
    guard_say(LOG_ERR, "cannot write %s in %s: %s; %s, or name another folder with --dir",
              g->rank.path[0] != '\0' ? "rank" : "health", directory, strerror(error),
              error == ENOENT   ? "make the folder"
              : error == ENOSPC ? "make room there"
                                : "let this user write there");
    return guard_exit_code(error);
}

int guard_run(const struct guard_config *config)
{
    struct guard g = { .config = config, .judged = 1 };
    hooks_init(&g.hooks, &config->hooks);
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int code = open_files(&g);
    if (code == EXIT_SUCCESS)
        code = vrrp_fifo_open(&g.fifo, config->fifo);
    if (code != EXIT_SUCCESS)
        return code;
    guard_say(LOG_INFO, "watching the node; until it answers, health is %d and rank %d",
              g.health.number, g.rank.number);
    service_ready();
    while (!is_over) {
        uint64_t begun = monotonic_ms();
        look_at_node(&g);
        grant_wish(&g); /* one that came while the node was out of reach */
        while (!is_over && !serve(&g, begun + config->period_ms))
            continue;
    }
    service_stopping();
    guard_say(LOG_INFO, "ends; keepalived still reads health %d and rank %d",
              g.health.number, g.rank.number);
    hooks_fini(&g.hooks);
    ask_close(&g.ask);
    vrrp_fifo_close(&g.fifo);
    return EXIT_SUCCESS;
}
