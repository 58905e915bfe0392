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
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/ask.h"

enum { FIT = 0, FAULT = -254, RANK_MAX = 50, LINE_ROOM = 512 };

enum wish { WISH_NONE, WISH_PROMOTE, WISH_DEMOTE };

struct guard {
    const struct guard_config *config;
    struct ask ask;
    bool connected;
    int fifo;
    char line[LINE_ROOM]; /* of the FIFO, as far as it has come */
    size_t nline;
    enum wish wish;   /* what keepalived told last and the node has not done yet */
    int health, rank; /* as written */
    int node_rank;    /* as the node said last */
    bool node_cold;
    uint64_t cold_since; /* ms; 0: it is not cold */
    char why[400];
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    char at[32];
    time_t now = time(NULL);
    struct tm tm;
    va_list ap;
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    fprintf(stderr, "%s guard: ", at);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
}

/* ---- the files */

/* keepalived never sees half a number: it is written beside, and then moved into place.
 */
static bool put_number(struct guard *g, const char *name, int number)
{
    char path[512], beside[520];
    snprintf(path, sizeof(path), "%s/%s", g->config->directory, name);
    snprintf(beside, sizeof(beside), "%s.new", path);
    FILE *file = fopen(beside, "we");
    bool ok = file != NULL && fprintf(file, "%d\n", number) > 0;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(beside, path) == 0;
    if (!ok)
        say("cannot write %s: %s", path, strerror(errno));
    return ok;
}

static void tell_health(struct guard *g, int health, const char *why)
{
    if (health == g->health && strcmp(why, g->why) == 0)
        return;
    if (health != g->health || g->why[0] == '\0')
        say("%s: %s", health == FIT ? "fit to hold the address" : "FAULT", why);
    snprintf(g->why, sizeof(g->why), "%s", why);
    if (put_number(g, "health", health))
        g->health = health;
}

static void tell_rank(struct guard *g)
{
    int rank = g->node_rank < RANK_MAX ? g->node_rank : RANK_MAX;
    if (rank != g->rank && put_number(g, "rank", rank)) {
        say("rank %d", rank);
        g->rank = rank;
    }
}

/* ---- the node */

static void lose_node(struct guard *g)
{
    ask_close(&g->ask);
    g->connected = false;
    g->wish =
        WISH_NONE; /* whoever comes next is another process: keepalived tells anew */
}

static void take_figure(void *context, const char *name, const char *value)
{
    struct guard *g = context;
    if (strcmp(name, "rank") == 0)
        g->node_rank = atoi(value);
    else if (strcmp(name, "cold") == 0)
        g->node_cold = atoi(value) != 0;
}

/* A cold node may be one whose peer has all the data, and only comes a little later. */
static bool waited_for_peer(struct guard *g)
{
    if (!g->node_cold) {
        g->cold_since = 0;
        return false;
    }
    if (g->cold_since == 0)
        g->cold_since = now_ms();
    return now_ms() - g->cold_since >= g->config->cold_ms;
}

static void look_at_node(struct guard *g)
{
    const char *why;
    if (!g->connected)
        g->connected = ask_open(&g->ask, g->config->socket, g->config->timeout_ms);
    if (!g->connected) {
        tell_health(g, FAULT, g->ask.why);
        return;
    }
    enum answer answer = ask_command(&g->ask, "health", take_figure, NULL, g, &why);
    if (answer == ANSWER_FAILED) {
        tell_health(g, FAULT, why);
        lose_node(g);
        return;
    }
    tell_rank(g);
    if (waited_for_peer(g))
        tell_health(g, FIT, "it is empty, and no peer has come");
    else
        tell_health(g, answer == ANSWER_OK ? FIT : FAULT, why);
}

static void grant_wish(struct guard *g)
{
    const char *command = g->wish == WISH_PROMOTE ? "promote" : "demote", *why;
    if (g->wish == WISH_NONE || !g->connected)
        return;
    enum answer answer = ask_command(&g->ask, command, NULL, NULL, NULL, &why);
    say("%s: %s", command, why);
    g->wish = WISH_NONE;
    if (answer == ANSWER_FAILED) {
        tell_health(g, FAULT, why);
        lose_node(g);
    }
}

/* ---- what keepalived tells: INSTANCE "NAME" STATE PRIORITY */

static void take_line(struct guard *g, const char *line)
{
    char kind[16], name[64], state[32];
    if (sscanf(line, "%15s \"%63[^\"]\" %31s", kind, name, state) != 3 ||
        strcmp(kind, "INSTANCE") != 0)
        return; /* of groups, or of nothing that we know */
    say("keepalived: %s is %s", name, state);
    g->wish = strcmp(state, "MASTER") == 0 ? WISH_PROMOTE : WISH_DEMOTE;
    grant_wish(g); /* in order, one after the other */
}

static void take_lines(struct guard *g)
{
    ssize_t n = read(g->fifo, g->line + g->nline, sizeof(g->line) - g->nline);
    char *end;
    if (n <= 0)
        return;
    g->nline += (size_t)n;
    while ((end = memchr(g->line, '\n', g->nline)) != NULL) {
        *end = '\0';
        take_line(g, g->line);
        g->nline -= (size_t)(end + 1 - g->line);
        memmove(g->line, end + 1, g->nline);
    }
    if (g->nline == sizeof(g->line))
        g->nline = 0; /* no line is so long */
}

/* For reading and writing, so that it stays open when keepalived restarts. */
static bool open_fifo(struct guard *g)
{
    struct stat found;
    g->fifo = -1;
    if (g->config->fifo == NULL)
        return true;
    if (mkfifo(g->config->fifo, 0600) != 0 && errno != EEXIST) {
        say("cannot make the FIFO %s: %s", g->config->fifo, strerror(errno));
        return false;
    }
    g->fifo = open(g->config->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (g->fifo >= 0 && fstat(g->fifo, &found) == 0 && S_ISFIFO(found.st_mode))
        return true;
    say("%s is no FIFO that this user may use; remove it, or name another with --fifo",
        g->config->fifo);
    return false;
}

/* ---- both, in turn */

static void wait_until(struct guard *g, uint64_t when)
{
    struct pollfd fd = { .fd = g->fifo, .events = POLLIN };
    uint64_t now = now_ms();
    int ms = when > now ? (int)(when - now) : 0;
    if (poll(&fd, 1, ms) > 0)
        take_lines(g);
}

int guard_run(const struct guard_config *config)
{
    struct guard g = { .config = config, .health = 1, .rank = -1 };
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* keepalived may start at any moment from now on: nothing is known, so not this one
     */
    if (!put_number(&g, "health", FAULT) || !put_number(&g, "rank", 0) || !open_fifo(&g))
        return EXIT_FAILURE;
    g.health = FAULT;
    g.rank = 0;
    say("watching; FAULT until the node is known to be well");
    for (uint64_t next = now_ms(); !is_over; next += config->period_ms) {
        look_at_node(&g);
        grant_wish(&g); /* one that came while the node could not be reached */
        uint64_t now = now_ms();
        if (next + config->period_ms < now)
            next = now; /* no hurry to make up for what was late */
        while (!is_over && now_ms() < next + config->period_ms)
            wait_until(&g, next + config->period_ms);
    }
    put_number(&g, "health", FAULT);
    say("ends; FAULT");
    ask_close(&g.ask);
    if (g.fifo >= 0)
        close(g.fifo);
    return EXIT_SUCCESS;
}
