/* mcreplctl: the operator's tool for one node of a pair. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "config.h"
#include "ctl/ask.h"
#include "ctl/figures.h"
#include "ctl/guard.h"

enum { EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct settings {
    const char *socket, *command;
    bool json, watch;
    unsigned timeout_ms;
    struct guard_config guard;
};

static int outcome(enum answer answer, const char *text)
{
    switch (answer) {
    case ANSWER_OK:
        puts(text);
        return EXIT_SUCCESS;
    case ANSWER_NO:
        puts(text);
        return EXIT_NOT;
    case ANSWER_ERROR:
        fprintf(stderr, "mcreplctl: %s\n", text);
        return EXIT_NOT;
    case ANSWER_FAILED:
        break;
    }
    fprintf(stderr, "mcreplctl: %s\n", text);
    return EXIT_UNREACHABLE;
}

static void print_step(void *context, const char *text)
{
    (void)context;
    puts(text);
    fflush(stdout);
}

static int run_plain(struct ask *ask, const struct settings *s)
{
    const char *text;
    enum answer answer = ask_command(ask, s->command, NULL, print_step, NULL, &text);
    return outcome(answer, text);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_watch(struct ask *ask)
{
    static struct figures shown[2];
    const char *text;
    double before = 0;
    for (unsigned round = 0;; round++) {
        struct figures *f = &shown[round % 2];
        enum answer answer = figures_read(ask, f, &text);
        double at = now();
        if (answer != ANSWER_OK)
            return outcome(answer, text);
        if (isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        figures_print(f, round > 0 ? &shown[1 - round % 2] : NULL, at - before);
        putchar('\n');
        if (fflush(stdout) != 0)
            return EXIT_SUCCESS; /* whoever read it has enough */
        before = at;
        sleep(1);
    }
}

static int run_status(struct ask *ask, const struct settings *s)
{
    static struct figures f;
    const char *text;
    if (s->watch)
        return run_watch(ask);
    enum answer answer = figures_read(ask, &f, &text);
    if (answer != ANSWER_OK)
        return outcome(answer, text);
    if (s->json)
        figures_print_json(&f);
    else
        figures_print(&f, NULL, 0);
    return EXIT_SUCCESS;
}

static const struct command {
    const char *name;
    int (*run)(struct ask *ask, const struct settings *s); /* NULL: guard */
    unsigned timeout_ms;                                   /* unless given */
    const char *help;
} commands[] = {
    { "status", run_status, 2000, "what the node is and does; --json, --watch" },
    { "health", run_plain, 2000,
      "one line why; exit code 0 if the node may hold the VIP" },
    { "promote", run_plain, 2000, "make the node active" },
    { "demote", run_plain, 2000, "make the node standby" },
    { "handover", run_plain, 60000, "make the peer active without losing a write" },
    { "resync", run_plain, 2000, "copy everything to the peer again" },
    { "verify", run_plain, 70000,
      "compare both nodes, repair what differs, compare again" },
    { "guard", NULL, 100,
      "a daemon: tells keepalived of the node, and the node of keepalived" },
};

static void usage(FILE *out)
{
    fputs("Usage: mcreplctl [-s SOCKET] [-t MS] COMMAND\n\n", out);
    for (size_t i = 0; i < N_ELEMENTS(commands); i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n"
          "  -s, --socket=PATH  the node's control socket; not needed if one node runs "
          "here\n"
          "  -t, --timeout=MS   how long to wait for an answer (2000; handover 60000,\n"
          "                     verify 70000 between two lines)\n"
          "      --json         status as a JSON object\n"
          "      --watch        status again each second, with rates\n"
          "      --dir=DIR      guard: where the files health and rank go (" RUN_DIR ")\n"
          "      --fifo=PATH    guard: what keepalived notifies (vrrp_notify_fifo)\n"
          "      --period=MS    guard: how often it asks the node (20; time-out 100)\n"
          "      --cold=MS      guard: an empty node without a peer is fit after it "
          "(5000)\n"
          "  -h, --help         this text\n"
          "  -V, --version      the version\n"
          "\n"
          "Exit code: 0 done or yes, 1 refused or no, 2 wrong usage, 3 the node does not "
          "answer.\n",
          out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static unsigned parse_ms(const char *option, const char *text)
{
    char *end;
    unsigned long ms = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || ms == 0 || ms > 3600000) {
        fprintf(stderr, "mcreplctl: --%s takes 1 to 3600000 milliseconds, not '%s'\n",
                option, text);
        exit(EXIT_USAGE);
    }
    return (unsigned)ms;
}

static const struct guard_config usual_guard = { .directory = RUN_DIR,
                                                 .period_ms = 20,
                                                 .cold_ms = 5000 };

static void parse(struct settings *s, int argc, char **argv)
{
    static const struct option options[] = {
        { "socket", required_argument, NULL, 's' },
        { "timeout", required_argument, NULL, 't' },
        { "json", no_argument, NULL, 'j' },
        { "watch", no_argument, NULL, 'w' },
        { "dir", required_argument, NULL, 'D' },
        { "fifo", required_argument, NULL, 'F' },
        { "period", required_argument, NULL, 'P' },
        { "cold", required_argument, NULL, 'C' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    int letter;
    *s = (struct settings){ .guard = usual_guard };
    while ((letter = getopt_long(argc, argv, "s:t:hV", options, NULL)) != -1) {
        switch (letter) {
        case 's':
            s->socket = optarg;
            break;
        case 't':
            s->timeout_ms = parse_ms("timeout", optarg);
            break;
        case 'j':
            s->json = true;
            break;
        case 'w':
            s->watch = true;
            break;
        case 'D':
            s->guard.directory = optarg;
            break;
        case 'F':
            s->guard.fifo = optarg;
            break;
        case 'P':
            s->guard.period_ms = parse_ms("period", optarg);
            break;
        case 'C':
            s->guard.cold_ms = parse_ms("cold", optarg);
            break;
        case 'h':
            usage(stdout);
            exit(EXIT_SUCCESS);
        case 'V':
            puts("mcreplctl " PACKAGE_VERSION);
            exit(EXIT_SUCCESS);
        default:
            fputs("mcreplctl: 'mcreplctl --help' shows what it takes\n", stderr);
            exit(EXIT_USAGE);
        }
    }
    if (argc - optind != 1) {
        fprintf(stderr, "mcreplctl: %s\n\n",
                optind == argc ? "a command is missing" : "only one command, please");
        usage(stderr);
        exit(EXIT_USAGE);
    }
    s->command = argv[optind];
}

int main(int argc, char **argv)
{
    struct settings s;
    struct ask ask;
    parse(&s, argc, argv);
    const struct command *command = find_command(s.command);
    if (command == NULL) {
        fprintf(stderr, "mcreplctl: there is no command '%s'\n\n", s.command);
        usage(stderr);
        return EXIT_USAGE;
    }
    if ((s.json || s.watch) && command->run != run_status) {
        fprintf(stderr, "mcreplctl: --json and --watch go with status only\n");
        return EXIT_USAGE;
    }
    if (s.timeout_ms == 0)
        s.timeout_ms = command->timeout_ms;
    if (command->run == NULL) {
        s.guard.socket = s.socket;
        s.guard.timeout_ms = s.timeout_ms;
        return guard_run(&s.guard);
    }
    if (!ask_open(&ask, s.socket, s.timeout_ms)) {
        fprintf(stderr, "mcreplctl: %s\n", ask.why);
        return EXIT_UNREACHABLE;
    }
    int code = command->run(&ask, &s);
    ask_close(&ask);
    return code;
}
