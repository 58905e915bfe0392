/*
 * The command line: `mcreplctl [OPTION]... COMMAND [OPTION]...`. Common options may
 * stand before and after the command; a command's own options stand after it.
 */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/command_line.h"

enum { EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

/* Which of the options of status and history a command takes. */
enum options_taken { OPTIONS_COMMON, OPTIONS_JSON, OPTIONS_STATUS };

/* socket NULL, timeout 0: not given. */
struct common_options {
#define OPTION_COMMON(name, letter, type, preset, min, max, form, help)                  \
    OPTION_MEMBER_##type(name)
#define OPTION_JSON(name, type, preset, min, max, form, help)   OPTION_MEMBER_##type(name)
#define OPTION_STATUS(name, type, preset, min, max, form, help) OPTION_MEMBER_##type(name)
#include "ctl/ctl_option_rows.h"
    void (*usage)(FILE *out);
    const char *command; /* its name; NULL: none yet */
    enum options_taken takes;
};

/* Read the options before the command. Returns the index of the command in argv. */
int options_before(struct common_options *common, int argc, char **argv);
/* Read the options from argv[1] on, the common ones and `own` (NULL: a command that
 * asks the node, and has none). No other words are allowed. The members of `own` are
 * set to their presets first. If something is wrong, both functions say so and end the
 * program with EXIT_USAGE. */
void options_after(struct common_options *common, const struct option_table *own,
                   int argc, char **argv);
/* The same, for a command with up to `most` words. Returns the index of the first one. */
int options_words(struct common_options *common, const struct option_table *own, int most,
                  int argc, char **argv);
/* Whether one of the common options has this name. */
bool options_know(const char *name);
void options_fini(struct common_options *common);
void options_help(FILE *out);
void options_status_help(FILE *out);
void options_json_help(FILE *out);

/* Print one line that says what is wrong, and end the program with EXIT_USAGE. */
_Noreturn void options_refuse(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
