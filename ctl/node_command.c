/* Commands for the node that take a word, or whose answer is shown in another form. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/subcommands.h"
#include "ctl/units.h"

enum { TIMEOUT_MS = 2000 };

/* Asks, and says what went wrong. step: as in ask_command. True: OK or NO, and *text has
 * the answer, which is valid until ask_close. */
static bool converse(const struct common_options *common, struct ask *ask,
                     const char *line, ask_figure figure, void *context,
                     const char **text, int *code)
{
    unsigned ms = common->timeout != 0 ? (unsigned)common->timeout : TIMEOUT_MS;
    if (!ask_open(ask, common->socket, ms)) {
        fprintf(stderr, "mcreplctl: %s\n", ask->why);
        *code = EXIT_UNREACHABLE;
        return false;
    }
    enum answer answer = ask_command(ask, line, figure, NULL, context, text);
    *code = answer == ANSWER_OK       ? EXIT_SUCCESS
            : answer == ANSWER_FAILED ? EXIT_UNREACHABLE
                                      : EXIT_NOT;
    if (answer == ANSWER_OK || answer == ANSWER_NO)
        return true;
    fprintf(stderr, "mcreplctl: %s\n", *text);
    return false;
}

/* ---- health */

struct pause_told {
    uint64_t paused, paused_ms, left_ms;
};

static void take_pause(void *context, const char *name, const char *value)
{
    struct pause_told *v = context;
    uint64_t n = strtoull(value, NULL, 10);
    if (strcmp(name, "paused") == 0)
        v->paused = n;
    else if (strcmp(name, "paused_ms") == 0)
        v->paused_ms = n;
    else if (strcmp(name, "pause_left_ms") == 0)
        v->left_ms = n;
}

int health_command(struct common_options *common, int argc, char **argv)
{
    struct pause_told v = { 0 };
    struct ask ask;
    const char *text;
    char since[UNITS_ROOM], left[UNITS_ROOM];
    int code;
    options_after(common, NULL, argc, argv);
    if (converse(common, &ask, "health", take_pause, &v, &text, &code)) {
        puts(text);
        if (v.paused != 0)
            printf("automatic moves: paused since %s, %s%s\n",
                   units_clock(since, v.paused_ms),
                   v.left_ms != 0 ? "they go on by themselves in " : "until 'resume'",
                   v.left_ms != 0 ? units_duration(left, v.left_ms * 1000) : "");
    }
    ask_close(&ask);
    return code;
}

/* ---- history */

/* value: "FIRST_MS LAST_MS TIMES TEXT", both as ages. */
static void print_event(void *context, const char *kind, const char *value)
{
    uint64_t first, last;
    unsigned times;
    int at;
    char moment[UNITS_ROOM], latest[UNITS_ROOM];
    (void)context;
    if (sscanf(value, "%" SCNu64 " %" SCNu64 " %u %n", &first, &last, &times, &at) != 3)
        return;
    printf("%s  %-5s %s", units_moment(moment, first), kind, value + at);
    if (times > 1)
        printf(" (%u times, last %s)", times, units_clock(latest, last));
    putchar('\n');
}

int history_command(struct common_options *common, int argc, char **argv)
{
    struct ask ask;
    const char *text;
    int code;
    options_after(common, NULL, argc, argv);
    if (converse(common, &ask, "history", print_event, NULL, &text, &code))
        printf("%s; the node keeps the last 64 in memory, and a restart forgets them\n",
               text);
    ask_close(&ask);
    return code;
}

/* ---- pause */

int pause_command(struct common_options *common, int argc, char **argv)
{
    char line[64] = "pause";
    struct ask ask;
    const char *text;
    uint64_t seconds;
    int code, at = options_words(common, NULL, 1, argc, argv);
    if (at < argc && !units_seconds(argv[at], &seconds))
        options_refuse("pause takes a duration such as 90s, 15m, 2h or 1d, not '%s'",
                       argv[at]);
    if (at < argc)
        snprintf(line, sizeof(line), "pause %" PRIu64, seconds);
    if (converse(common, &ask, line, NULL, NULL, &text, &code))
        puts(text);
    ask_close(&ask);
    return code;
}

/* ---- peer */

int peer_command(struct common_options *common, int argc, char **argv)
{
    char line[350];
    struct ask ask;
    const char *text;
    int code, at = options_words(common, NULL, 1, argc, argv);
    if (at == argc)
        options_refuse("peer needs the other node's HOST or HOST:PORT");
    if ((size_t)snprintf(line, sizeof(line), "peer %s", argv[at]) >= sizeof(line))
        options_refuse("a host name has at most 253 characters");
    if (converse(common, &ask, line, NULL, NULL, &text, &code))
        printf("%s\nIt is written to no file, and a restart forgets it. To keep it, set "
               "PEER=%s in /etc/default/mcd-PORT or /etc/default/mcd, or peer=%s in the "
               "options that -e gives.\n",
               text, argv[at], argv[at]);
    ask_close(&ask);
    return code;
}
