/* client HOST PORT [--prefix TEXT] [--keys N] [--timeout MS] [--period MS] [--half 0|1]
 *
 * Stores all its keys once, prints {"ready": true}, and then does one operation per
 * period, set and get in turn over all keys, until its input ends or SIGTERM arrives. Its
 * input has one command per line; it answers each with one line of JSON:
 *
 *   report          the observations since the start or the last reset
 *   reset           forgets the observations, but not what the keys must hold
 *   pause, go       stops the operations; continues
 *   read HOST PORT  pauses, and reads every key from there
 *
 * At the end it reads all keys through its own address; {"report": ..., "read": ...}.
 */
#include "test/netns/client.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct client {
    struct connection connection;
    struct books *books;
    uint32_t nkeys, turn;
    int half;               /* of the buckets */
    double timeout, period; /* ms */
    bool is_paused, is_over;
    char input[256];
    size_t ninput;
};

static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
    (void)number;
    is_ended = 1;
}

static void say(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    puts(text);
    fflush(stdout);
    free(text);
    json_decref(line);
}

/* ---- operations */

static enum outcome store(struct client *c, uint32_t key)
{
    char name[80], value[160], text[256];
    books_key(c->books, key, name, sizeof(name));
    books_begin_write(c->books, key, value, sizeof(value));
    enum outcome outcome = connection_set(&c->connection, name, value,
                                          now_ms() + c->timeout, text, sizeof(text));
    books_end_write(c->books, outcome, c->connection.is_sent, text);
    return outcome;
}

static void fetch(struct client *c, uint32_t key)
{
    char name[80], text[256];
    books_key(c->books, key, name, sizeof(name));
    enum outcome outcome =
        connection_get(&c->connection, name, now_ms() + c->timeout, text, sizeof(text));
    books_end_read(c->books, key, outcome, text);
}

/* Reads follow writes at a distance of half of the keys, so that the values read are
 * neither always fresh nor always old. */
static void next_operation(struct client *c)
{
    uint32_t n = c->turn++;
    if (n % 2 == 0)
        store(c, n / 2 % c->nkeys);
    else
        fetch(c, (n / 2 + (n / 2 % 3 == 0 ? 0 : c->nkeys / 2)) % c->nkeys);
}

/* Stores all keys, as fast as possible; retries while a node is not ready yet. */
static bool fill(struct client *c)
{
    double deadline = now_ms() + 30e3;
    for (uint32_t key = 0; key < c->nkeys;) {
        if (is_ended || now_ms() > deadline)
            return false;
        if (store(c, key) == OUTCOME_DONE)
            key++;
        else
            poll(NULL, 0, 1);
    }
    books_reset(c->books);
    return true;
}

/* ---- commands */

static void read_from(struct client *c, const char *host, const char *port)
{
    struct connection other;
    c->is_paused = true;
    if (!connection_init(&other, host, port)) {
        say(json_pack("{s:s}", "error", "no such address"));
        return;
    }
    say(books_read_back(c->books, &other, 1000));
    connection_fini(&other);
}

static void resume(struct client *c)
{
    if (c->is_paused)
        books_resume(c->books);
    c->is_paused = false;
}

static void obey(struct client *c, char *line)
{
    char host[64], port[16];
    if (strcmp(line, "report") == 0) {
        say(books_report(c->books));
    } else if (sscanf(line, "read %63s %15s", host, port) == 2) {
        read_from(c, host, port);
    } else {
        if (strcmp(line, "reset") == 0)
            books_reset(c->books);
        else if (strcmp(line, "pause") == 0)
            c->is_paused = true;
        else if (strcmp(line, "go") == 0)
            resume(c);
        say(json_pack("{s:f}", "now", now_ms()));
    }
}

static void take_input(struct client *c)
{
    char *end;
    ssize_t n =
        read(STDIN_FILENO, c->input + c->ninput, sizeof(c->input) - 1 - c->ninput);
    if (n < 0 && errno == EINTR)
        return;
    c->is_over = n <= 0;
    c->ninput += n > 0 ? (size_t)n : 0;
    while ((end = memchr(c->input, '\n', c->ninput)) != NULL) {
        *end = '\0';
        obey(c, c->input);
        c->ninput -= (size_t)(end + 1 - c->input);
        memmove(c->input, end + 1, c->ninput);
    }
}

/* ---- the schedule */

/* Waits until the moment or until a command. True if the moment has come. */
static bool wait_until(struct client *c, double when)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    double left = when - now_ms();
    struct timespec pause = { 0 };
    if (left > 0) {
        pause.tv_sec = (time_t)(left / 1e3);
        pause.tv_nsec = (long)((left - (double)pause.tv_sec * 1e3) * 1e6);
    }
    if (ppoll(&input, 1, &pause, NULL) > 0)
        take_input(c);
    return now_ms() >= when;
}

/* Follows an absolute clock. Operations that were missed while one took long are not made
 * up for: that would be a burst, which real clients do not send. */
static void run(struct client *c)
{
    double next = now_ms();
    while (!is_ended && !c->is_over) {
        if (c->is_paused) {
            wait_until(c, now_ms() + 100);
            next = now_ms();
            continue;
        }
        if (!wait_until(c, next))
            continue;
        books_late(c->books, now_ms() - next);
        next_operation(c);
        next += c->period;
        if (next < now_ms())
            next = now_ms();
    }
}

static int usage(void)
{
    fputs("client HOST PORT [--prefix TEXT] [--keys N] [--timeout MS] [--period MS] "
          "[--half 0|1]\n",
          stderr);
    return 2;
}

/* Returns the prefix of its keys; NULL: invalid options. Leaves optind at the address. */
static const char *parse(struct client *c, int argc, char **argv)
{
    static const struct option options[] = { { "prefix", required_argument, NULL, 'p' },
                                             { "keys", required_argument, NULL, 'k' },
                                             { "timeout", required_argument, NULL, 't' },
                                             { "period", required_argument, NULL, 'i' },
                                             { "half", required_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    const char *prefix = "k";
    int letter;
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'p')
            prefix = optarg;
        else if (letter == 'k')
            c->nkeys = (uint32_t)strtoul(optarg, NULL, 10);
        else if (letter == 't')
            c->timeout = strtod(optarg, NULL);
        else if (letter == 'i')
            c->period = strtod(optarg, NULL);
        else if (letter == 'h')
            c->half = atoi(optarg) & 1;
        else
            return NULL;
    }
    return argc - optind == 2 && c->nkeys > 0 && strlen(prefix) <= 40 ? prefix : NULL;
}

int main(int argc, char **argv)
{
    struct client c = { .nkeys = 500, .half = -1, .timeout = 50, .period = 1 };
    struct sigaction action = { .sa_handler = on_signal };
    const char *prefix = parse(&c, argc, argv);
    if (prefix == NULL || !connection_init(&c.connection, argv[optind], argv[optind + 1]))
        return usage();
    sigaction(SIGTERM, &action, NULL);
    signal(SIGINT,
           SIG_IGN); /* the terminal's Ctrl-C is for the test, which then ends us */
    c.books = books_create(prefix, c.nkeys, c.half);
    if (!fill(&c)) {
        say(json_pack("{s:s, s:o}", "error", "the keys could not be stored", "report",
                      books_report(c.books)));
        return 1;
    }
    say(json_pack("{s:b,s:f}", "ready", 1, "now", now_ms()));
    run(&c);
    json_t *report = books_report(c.books);
    say(json_pack("{s:o,s:o}", "report", report, "read",
                  books_read_back(c.books, &c.connection, 1000)));
    connection_fini(&c.connection);
    books_destroy(c.books);
    return 0;
}
