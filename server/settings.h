/*
 * The command line's settings. Each option is one row: the parser, --help and `stats
 * settings` read the rows. The main thread owns them; they are constant once workers run,
 * except two (see there).
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/option.h"
#include "server/foreign.h"

/* The number of settings. */
enum {
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    SETTING_##member,
#include "server/mcd_option_rows.h"
    SETTINGS
};

/* The words of -B. */
enum { SETTINGS_PROTOCOL_AUTO, SETTINGS_PROTOCOL_ASCII, SETTINGS_PROTOCOL_BINARY };

enum { PORT_ANY = 65536 }; /* -1 of -p and -U: any free port */

struct settings {
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    OPTION_MEMBER_##type(member)
#include "server/mcd_option_rows.h"
    bool detail;          /* stats detail; read and written atomically, as is memory_mb */
    bool given[SETTINGS]; /* by row: the command line has the option */
    struct foreign_given foreign;
};

extern const struct option_row settings_rows[];
extern const size_t settings_nrows;

/* On failure returns false, and why has the reason. Call settings_fini in either case. */
bool settings_parse(struct settings *s, int argc, char **argv, char *why, size_t nwhy);
void settings_fini(struct settings *s);

bool settings_given(const struct settings *s, const char *name);

/* Whether mcd listens on TCP: not with -p 0, nor with -s alone. */
bool settings_want_tcp(const struct settings *s);

/* The engine's configuration: -m, -I, -M, -C, -f and -n, as far as they were given, then
 * the text of -e. malloc'ed; NULL if it is empty (or if memory is exhausted: then *ok is
 * false). */
char *settings_engine_config(const struct settings *s, bool *ok);

/* The permission bits of -a; false if it is not an octal number. */
bool settings_unix_mode(const struct settings *s, unsigned *mode);

void settings_help(FILE *out);

#endif
