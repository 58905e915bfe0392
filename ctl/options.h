/*
 * The command line: `mcreplctl [OPTION]... COMMAND [OPTION]...`. What is common may stand
 * on both sides of the command, a command's own options after it.
 */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/command_line.h"

enum { EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

#define STATUS_ONLY "--json and --watch go with status only"

/* socket NULL, timeout 0: not given. */
struct common_options {
#define OPTION_COMMON(name, letter, type, preset, min, max, form, help)                  \
    OPTION_MEMBER_##type(name)
#include "ctl/ctl_option_rows.h"
    void (*usage)(FILE *out);
};

/* Take the options before the command; the index of the command in argv. */
int options_before(struct common_options *common, int argc, char **argv);
/* Take those of argv[1] on, common and own (NULL: none, for a command that asks the
 * node); no other words are allowed. The members of own get their presets first. Both end
 * the program with a text and EXIT_USAGE if something is wrong. */
void options_after(struct common_options *common, const struct option_table *own,
                   int argc, char **argv);
void options_fini(struct common_options *common);
void options_help(FILE *out);

/* What is wrong, in one line, and the end of the program with EXIT_USAGE. */
_Noreturn void options_refuse(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
