/* mcreplctl: the operator's tool for one node of a pair. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "base/near.h"
#include "config.h"
#include "ctl/ask.h"
#include "ctl/subcommands.h"
#include "ctl/figures.h"
#include "ctl/options.h"

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

static int run_plain(struct ask *ask, const char *name, const struct common_options *s)
{
    const char *text;
    (void)s;
    enum answer answer = ask_command(ask, name, NULL, print_step, NULL, &text);
    return outcome(answer, text);
}

static int run_watch(struct ask *ask)
{
    static struct figures shown[2];
    const char *text;
    uint64_t before = 0;
    for (unsigned round = 0;; round++) {
        struct figures *f = &shown[round % 2];
        enum answer answer = figures_read(ask, f, &text);
        uint64_t at = monotonic_us();
        if (answer != ANSWER_OK)
            return outcome(answer, text);
        if (isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        figures_print(f, round > 0 ? &shown[1 - round % 2] : NULL,
                      (double)(at - before) / 1e6);
        putchar('\n');
        if (fflush(stdout) != 0)
            return EXIT_SUCCESS; /* the reader has closed the pipe */
        before = at;
        sleep(1);
    }
}

static int run_status(struct ask *ask, const char *name, const struct common_options *s)
{
    static struct figures f;
    const char *text;
    (void)name;
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

/* A row has either `run`, for a command that asks the node, or `own`, for a command
 * with options of its own. */
static const struct command {
    const char *name;
    int (*run)(struct ask *ask, const char *name, const struct common_options *s);
    int (*own)(struct common_options *common, int argc, char **argv);
    unsigned timeout_ms; /* the default of --timeout */
    const char *help;
} commands[] = {
    { "status", run_status, NULL, 2000, "print the node's figures; --json, --watch" },
    { "health", run_plain, NULL, 2000,
      "may the node hold the clients' address? Prints why; exit code 0: yes" },
    { "promote", run_plain, NULL, 2000, "make the node active" },
    { "demote", run_plain, NULL, 2000, "make the node standby" },
    { "handover", run_plain, NULL, 60000, "make the peer active without losing a write" },
    { "resync", run_plain, NULL, 2000, "copy everything to the peer again" },
    { "verify", run_plain, NULL, 70000,
      "compare both nodes, repair what differs, compare again" },
    { "renew", run_plain, NULL, 2000,
      "read the secret or the certificates again, and link anew with them" },
    { "secret", NULL, secret_command, 0,
      "FILE: make a secret for a pair; never overwrites" },
    { "guard", NULL, guard_command, 0,
      "a daemon: gives keepalived the node's health, and the node its role" },
    { "keepalived-conf", NULL, keepalived_conf_command, 0,
      "print keepalived's configuration for one node" },
    { "dump", NULL, dump_command, 0,
      "FILE [HOST:PORT]: write all items of a server to a file" },
    { "load", NULL, load_command, 0,
      "FILE|HOST:PORT [HOST:PORT]: store all items of a file or server in a server" },
};

static void usage(FILE *out)
{
    fputs("Usage: mcreplctl [-s SOCKET] [-t MS] COMMAND [OPTION]...\n\n", out);
    for (size_t i = 0; i < N_ELEMENTS(commands); i++)
        fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].help);
    fputc('\n', out);
    options_help(out);
    guard_help(out);
    keepalived_conf_help(out);
    load_help(out);
    fputs("\nExit code: 0: done, or yes. 1: refused, or no. 2: wrong usage. 3: the node "
          "does not answer.\n",
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

static void refuse_command(const char *name)
{
    char room[NEAR_HINT];
    struct near n;
    near_init(&n, name);
    for (size_t i = 0; i < N_ELEMENTS(commands); i++)
        near_try(&n, commands[i].name);
    fprintf(stderr, "mcreplctl: unknown command '%s'%s\n\n", name,
            near_hint(&n, "", room, sizeof(room)));
    usage(stderr);
}

static int ask_node(const struct command *command, struct common_options *common)
{
    struct ask ask;
    unsigned ms = common->timeout != 0 ? (unsigned)common->timeout : command->timeout_ms;
    if (!ask_open(&ask, common->socket, ms)) {
        fprintf(stderr, "mcreplctl: %s\n", ask.why);
        return EXIT_UNREACHABLE;
    }
    int code = command->run(&ask, command->name, common);
    ask_close(&ask);
    return code;
}

static int run(struct common_options *common, int argc, char **argv)
{
    int at = options_before(common, argc, argv);
    if (at == argc) {
        fputs("mcreplctl: a command is missing\n\n", stderr);
        usage(stderr);
        return EXIT_USAGE;
    }
    const struct command *command = find_command(argv[at]);
    if (command == NULL) {
        refuse_command(argv[at]);
        return EXIT_USAGE;
    }
    argv[at] = argv[0];
    if (command->own != NULL)
        return command->own(common, argc - at, argv + at);
    options_after(common, NULL, argc - at, argv + at);
    if ((common->json || common->watch) && command->run != run_status)
        options_refuse(STATUS_ONLY);
    return ask_node(command, common);
}

int main(int argc, char **argv)
{
    struct common_options common = { .usage = usage };
    int code = run(&common, argc, argv);
    options_fini(&common);
    return code;
}
