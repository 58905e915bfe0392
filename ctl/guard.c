#include "ctl/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "base/printable.h"
#include "base/service.h"
#include "ctl/ask.h"
#include "ctl/node_process.h"
#include "ctl/track_file.h"

enum {
    FIT = 0,
    FAULT = -254,
    RANK_MAX = 6, /* keepalived adds the rank to its priority, which has no more room */
    RANK_SETTLES_MS = 1000,
    LATE_MS = 5,       /* if an answer takes longer, look at the process */
    PATIENCE_MS = 500, /* how long to wait for a node that is late, but working */
    LINE_ROOM = 512
};

enum wish { WISH_NONE, WISH_PROMOTE, WISH_DEMOTE };

struct guard {
    const struct guard_config *config;
    struct track_file health, rank;
    int judged; /* the health that was said last; 1: none yet */
    struct ask ask;
    bool connected;
    int fifo;
    char line[LINE_ROOM]; /* from the FIFO, as far as it has come */
    size_t nline;
    enum wish wish; /* keepalived's last order, until the node has carried it out */
    bool is_master; /* as far as keepalived has said */
    int node_rank;  /* what the node said last, and since when */
    uint64_t rank_since;
    uint64_t asked_at;
    bool is_dying;  /* the process that was asked last is dying */
    bool is_paused; /* the node says that automatic moves are: the files stay */
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

static void say(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* priority: one of <syslog.h>. The journal has the time already. */
static void say(int priority, const char *format, ...)
{
    char line[LINE_ROOM], at[32];
    const char *mark = service_mark(priority);
    struct timespec now;
    struct tm tm;
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    if (mark[0] != '\0') {
        fprintf(stderr, "%s%s\n", mark, line);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
    fprintf(stderr, "%s.%03ldZ guard: %s\n", at, now.tv_nsec / 1000000, line);
}

/* ---- what keepalived reads */

static void write_number(struct guard *g, struct track_file *file, int number)
{
    if (g->is_paused)
        return;
    bool ok = track_file_write(file, number);
    if (!ok && !file->failing) /* tried again each time that the guard asks the node */
        say(LOG_WARNING, "cannot write %s: %s; trying again, keepalived still reads %d",
            file->path, strerror(errno), file->number);
    file->failing = !ok;
}

static void announce(int health, const char *why)
{
    char text[LINE_ROOM];
    snprintf(text, sizeof(text), "%s: %s",
             health == FIT ? "fit to hold the address" : "FAULT", why);
    say(health == FIT ? LOG_INFO : LOG_WARNING, "%s", text);
    service_status(text);
}

static void judge(struct guard *g, int health, const char *why)
{
    if (is_over)
        return; /* the signal interrupted the answer */
    if (health != g->judged)
        announce(health, why);
    g->judged = health;
    write_number(g, &g->health, health);
}

/* If the priority of a backup changes, keepalived waits anew before it takes the
 * address. So a backup's rank stays as it is while the address may be moving. The node
 * with the address writes its rank at once, because a partition from the other node may
 * heal, or begin, at any moment. */
static void tell_rank(struct guard *g, int rank)
{
    if (rank > RANK_MAX)
        rank = RANK_MAX;
    if (rank != g->node_rank)
        g->rank_since = monotonic_ms();
    g->node_rank = rank;
    bool is_settled = monotonic_ms() - g->rank_since >= RANK_SETTLES_MS;
    if (rank == g->rank.number || (!g->is_master && !is_settled))
        return;
    if (!g->rank.failing && !g->is_paused)
        say(LOG_INFO, "rank %d", rank);
    write_number(g, &g->rank, rank);
}

/* keepalived keeps the address where it is, or moves it for reasons of its own; then the
 * role still follows it. */
static void note_pause(struct guard *g, bool is_paused)
{
    if (is_paused != g->is_paused)
        say(LOG_INFO,
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
    say(answer == ANSWER_OK ? LOG_INFO : LOG_WARNING, "%s: %s", command, why);
    g->wish = WISH_NONE; /* also after a failure: keepalived will tell its state anew */
    if (answer == ANSWER_FAILED)
        lose_node(g, why);
}

/* ---- what keepalived tells: INSTANCE "NAME" STATE PRIORITY */

/* Other words say nothing about the state. */
static const struct {
    const char *word;
    enum wish wish;
} states[] = {
    { "MASTER", WISH_PROMOTE }, { "MASTER_RX_LOWER_PRI", WISH_PROMOTE },
    { "BACKUP", WISH_DEMOTE },  { "FAULT", WISH_DEMOTE },
    { "STOP", WISH_DEMOTE },
};

static void take_line(struct guard *g, const char *line)
{
    char kind[16], name[64], state[32];
    if (sscanf(line, "%15s \"%63[^\"]\" %31s", kind, name, state) != 3 ||
        strcmp(kind, "INSTANCE") != 0)
        return; /* about groups, or unknown */
    say(LOG_INFO, "keepalived: %s is %s", name, state);
    for (size_t i = 0; i < N_ELEMENTS(states); i++) {
        if (strcmp(states[i].word, state) == 0) {
            g->wish = states[i].wish;
            g->is_master = g->wish == WISH_PROMOTE;
        }
    }
    grant_wish(g); /* at once, so that wishes are carried out in order */
}

static void take_lines(struct guard *g)
{
    ssize_t n = read(g->fifo, g->line + g->nline, sizeof(g->line) - g->nline);
    char *end;
    if (n <= 0)
        return;
    for (char *c = g->line + g->nline; n > 0; n--, c++, g->nline++)
        *c = *c == '\n' ? '\n' : printable(*c);
    while ((end = memchr(g->line, '\n', g->nline)) != NULL) {
        *end = '\0';
        take_line(g, g->line);
        g->nline -= (size_t)(end + 1 - g->line);
        memmove(g->line, end + 1, g->nline);
    }
    if (g->nline == sizeof(g->line))
        g->nline = 0; /* keepalived writes no line of this length: drop it */
}

/* The exit code: a full disk may get room again, so a restart may help. A missing
 * folder needs the operator: EX_CONFIG. */
static int code_of(int error)
{
    return error == ENOSPC || error == EDQUOT ? EXIT_FAILURE : EX_CONFIG;
}

/* Open the FIFO for reading and writing, so that it stays open when keepalived
 * restarts. */
static int open_fifo(struct guard *g)
{
    struct stat found;
    g->fifo = -1;
    if (g->config->fifo == NULL)
        return EXIT_SUCCESS;
    if (mkfifo(g->config->fifo, 0600) != 0 && errno != EEXIST) {
        int error = errno;
        say(LOG_ERR,
            "cannot make the FIFO %s: %s; let this user write to its folder, or name "
            "another with --fifo",
            g->config->fifo, strerror(error));
        return code_of(error);
    }
    g->fifo = open(g->config->fifo, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (g->fifo >= 0 && fstat(g->fifo, &found) == 0 && S_ISFIFO(found.st_mode))
        return EXIT_SUCCESS;
    say(LOG_ERR,
        "%s is not a FIFO that this user may use; remove it, or name another with --fifo",
        g->config->fifo);
    return EX_CONFIG;
}

/* ---- the loop: the node and keepalived in turn */

/* Wait for keepalived, for the node, or for the time `until`. True if it is time to ask
 * the node for its health. */
static bool serve(struct guard *g, uint64_t until)
{
    uint64_t now = monotonic_ms();
    struct pollfd fds[] = {
        { .fd = g->fifo, .events = POLLIN },
        { .fd = g->connected ? fileno(g->ask.stream) : -1, .events = POLLIN },
    };
    if (poll(fds, 2, until > now ? (int)(until - now) : 0) > 0 && fds[0].revents != 0)
        take_lines(g);
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
    say(LOG_ERR, "cannot write %s in %s: %s; %s, or name another folder with --dir",
        g->rank.path[0] != '\0' ? "rank" : "health", directory, strerror(error),
        error == ENOENT   ? "make the folder"
        : error == ENOSPC ? "make room there"
                          : "let this user write there");
    return code_of(error);
}

int guard_run(const struct guard_config *config)
{
    struct guard g = { .config = config, .judged = 1 };
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int code = open_files(&g);
    if (code == EXIT_SUCCESS)
        code = open_fifo(&g);
    if (code != EXIT_SUCCESS)
        return code;
    say(LOG_INFO, "watching the node; until it answers, health is %d and rank %d",
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
    say(LOG_INFO, "ends; keepalived still reads health %d and rank %d", g.health.number,
        g.rank.number);
    ask_close(&g.ask);
    if (g.fifo >= 0)
        close(g.fifo);
    return EXIT_SUCCESS;
}
