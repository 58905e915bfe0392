/*
 * The command line: `mcreplctl [OPTION]... COMMAND [OPTION]...`. What is common may stand
 * on both sides of the command, a command's own options after it.
 */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

enum { EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

#define STATUS_ONLY "--json and --watch go with status only"

struct common_options {
    const char *socket;  /* NULL: not given */
    unsigned timeout_ms; /* 0: not given */
    bool json, watch;
    void (*usage)(FILE *out);
};

/* Options of one command; take is called with the val of the row. */
struct own_options {
    const struct option *rows; /* up to one without a name */
    void (*take)(void *context, int val, const char *text);
    void *context;
};

/* Take the options before the command; the index of the command in argv. */
int options_before(struct common_options *common, int argc, char **argv);
/* Take those of argv[1] on, common and own (NULL: none); no other words are allowed. Both
 * end the program with a text and EXIT_USAGE if something is wrong. */
void options_after(struct common_options *common, const struct own_options *own, int argc,
                   char **argv);

/* The value of --option in milliseconds, or the end of the program. */
unsigned options_ms(const char *option, const char *text);
/* What is wrong, in one line, and the end of the program with EXIT_USAGE. */
_Noreturn void options_refuse(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
