/* mcreplctl: the operator's tool for one node of a pair. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/near.h"
#include "config.h"
#include "ctl/ask.h"
#include "ctl/help.h"
#include "ctl/options.h"
#include "ctl/subcommands.h"

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

static int run_plain(struct ask *ask, const char *name)
{
    const char *text;
    enum answer answer = ask_command(ask, name, NULL, print_step, NULL, &text);
    return outcome(answer, text);
}

static int help_command(struct common_options *common, int argc, char **argv);

static const struct ctl_command commands[] = {
    { "status", "[--pair|--plain|--json] [--watch [SECONDS]]", NULL, status_command, 2000,
      options_status_help, "print how the node and its peer are",
      "On a terminal both nodes stand side by side: the peer tells this node how it is "
      "over their\nlink. Scripts should read --plain or --json." },
    { "health", "", NULL, health_command, 2000, NULL,
      "may the node hold the clients' address? Prints why; exit code 0: yes",
      "Also tells if automatic moves are paused." },
    { "history", "[--json]", NULL, history_command, 2000, options_json_help,
      "list the last role changes, disconnects and copies, with their causes",
      "The oldest comes first. The node keeps 64 events in memory; a restart forgets "
      "them." },
    { "promote", "", run_plain, NULL, 2000, NULL, "make the node active",
      "The peer steps down as soon as it hears of this. 'handover' on the active node "
      "loses nothing." },
    { "demote", "", run_plain, NULL, 2000, NULL, "make the node standby",
      "If the peer can take the role within a moment, nothing is lost." },
    { "handover", "", run_plain, NULL, 60000, NULL,
      "make the peer active without losing a write",
      "Run it on the active node. If the peer does not catch up in 30 s, nothing "
      "changes." },
    { "pause", "[DURATION]", NULL, pause_command, 2000, NULL,
      "the guard does not move the clients' address until 'resume'",
      "DURATION (90s, 15m, 2h, 1d) ends the pause by itself. Pause both nodes: each one "
      "has a guard.\npromote, demote and handover still work. A node that dies ends its "
      "pause." },
    { "resume", "", run_plain, NULL, 2000, NULL, "end a pause",
      "From then on the address follows the health of the nodes again." },
    { "peer", "HOST[:PORT]", NULL, peer_command, 2000, NULL,
      "take another address for the peer, and link anew",
      "As peer= in the options. It is written to no file: a restart forgets it." },
    { "resync", "", run_plain, NULL, 2000, NULL, "copy everything to the peer again",
      "Clients notice nothing; nothing is emptied." },
    { "verify", "", run_plain, NULL, 70000, NULL,
      "compare both nodes, repair what differs, compare again",
      "Run it on the active node. Exit code 0: the last comparison found no "
      "difference." },
    { "renew", "", run_plain, NULL, 2000, NULL,
      "read the secret or the certificates again, and link anew with them",
      "If they cannot be read, the former ones and the link stay." },
    { "secret", "FILE", NULL, secret_command, 0, NULL,
      "make a secret for a pair; never overwrites", "It asks no node." },
    { "guard", "[OPTION]...", NULL, guard_command, 0, guard_help,
      "a daemon: gives keepalived the node's health, and the node its role", "" },
    { "keepalived-conf", "OPTION...", NULL, keepalived_conf_command, 0,
      keepalived_conf_help, "print keepalived's configuration for one node",
      "It asks no node. Run it on both nodes, with --self and --peer exchanged." },
    { "dump", "FILE [HOST:PORT]", NULL, dump_command, 0, NULL,
      "write all items of a server to a file",
      "From an mcd, or a memcached from 1.6 on; 127.0.0.1:11211 if none is given." },
    { "load", "FILE|HOST:PORT [HOST:PORT]", NULL, load_command, 0, load_help,
      "store all items of a file or server in a server",
      "In an mcd, or a memcached from 1.6 on; 127.0.0.1:11211 if none is given." },
    { "help", "[COMMAND]", NULL, help_command, 0, NULL, "tell more of a command", "" },
};

/* ---- help */

static const struct ctl_command *asked; /* --help is about this one; NULL: about all */

static void usage(FILE *out)
{
    if (asked != NULL)
        help_one(out, asked);
    else
        help_all(out, commands, N_ELEMENTS(commands));
}

static bool is_command(const char *name)
{
    for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return true;
    }
    return false;
}

static const struct ctl_command *find_command(const char *name)
{
    char room[NEAR_HINT];
    struct near n;
    near_init(&n, name);
    for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        near_try(&n, commands[i].name);
    }
    bool is_option = options_know(name);
    if (is_option)
        near_try(&n, name);
    options_refuse("unknown command '%s'%s; 'mcreplctl help' lists them", name,
                   near_hint(&n, is_option ? "--" : "", room, sizeof(room)));
}

static int help_command(struct common_options *common, int argc, char **argv)
{
    int at = options_words(common, NULL, 1, argc, argv);
    asked = at < argc ? find_command(argv[at]) : NULL;
    usage(stdout);
    return EXIT_SUCCESS;
}

/* ---- run */

static int ask_node(const struct ctl_command *command, struct common_options *common)
{
    struct ask ask;
    unsigned ms = common->timeout != 0 ? (unsigned)common->timeout : command->timeout_ms;
    if (!ask_open(&ask, common->socket, ms)) {
        fprintf(stderr, "mcreplctl: %s\n", ask.why);
        return EXIT_UNREACHABLE;
    }
    int code = command->run(&ask, command->name);
    ask_close(&ask);
    return code;
}

static int run(struct common_options *common, int argc, char **argv)
{
    int at = options_before(common, argc, argv);
    if (at == argc && common->socket != NULL && is_command(common->socket))
        options_refuse("a command is missing: '-s %s' takes '%s' for the socket",
                       common->socket, common->socket);
    if (at == argc)
        options_refuse("a command is missing; 'mcreplctl help' lists them");
    const struct ctl_command *command = asked = find_command(argv[at]);
    common->command = command->name;
    argv[at] = argv[0];
    if (command->own != NULL)
        return command->own(common, argc - at, argv + at);
    options_after(common, NULL, argc - at, argv + at);
    return ask_node(command, common);
}

int main(int argc, char **argv)
{
    struct common_options common = { .usage = usage };
    int code = run(&common, argc, argv);
    options_fini(&common);
    return code;
}
