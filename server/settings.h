/*
 * What the command line says. One option is one row: parser, --help and `stats
 * settings` read the rows. Owned by the main thread; constant once workers run.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/option.h"

/* How many there are. */
enum {
    SETTINGS = 0
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help) +1
#include "server/mcd_option_rows.h"
};

struct settings {
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    OPTION_MEMBER_##type(member)
#include "server/mcd_option_rows.h"
    char **extensions; /* FILE[,CONFIG], in the order of -X */
    size_t nextensions;
    bool given[SETTINGS]; /* by row: it was on the command line */
};

extern const struct option_row settings_rows[];
extern const size_t settings_nrows;

/* False: why says what is wrong. Either way end with settings_fini. */
bool settings_parse(struct settings *s, int argc, char **argv, char *why, size_t nwhy);
void settings_fini(struct settings *s);

bool settings_given(const struct settings *s, const char *name);

/* The engine's configuration: what -m, -I, -M, -f and -n say, where they were given,
 * then the -e text. malloc'ed; NULL if there is nothing to say (or memory is out,
 * with *ok false). */
char *settings_engine_config(const struct settings *s, bool *ok);

/* The permission bits of -a; false if it is no octal number. */
bool settings_unix_mode(const struct settings *s, unsigned *mode);

void settings_help(FILE *out);

#endif
