/* Commands for the node that take a word, or whose answer is shown in another form. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/converse.h"
#include "ctl/subcommands.h"
#include "ctl/units.h"

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
    if (at == argc || argv[at][0] == '\0')
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
