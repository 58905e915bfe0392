#include "config.h"
#include "ctl/options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <syslog.h>

#include "base/check.h"
#include "base/service.h"

static const struct option_row rows[] = {
#define OPTION_COMMON(name, letter, type, preset, min, max, form, help)                  \
    OPTION_ROW(#name, letter, type, struct common_options, name, preset, min, max, form, \
               help),
#define OPTION_STATUS(name, type, preset, min, max, form, help)                          \
    OPTION_ROW(#name, 0, type, struct common_options, name, preset, min, max, form, help),
#define OPTION_JSON OPTION_STATUS
#include "ctl/ctl_option_rows.h"
};

enum {
#define OPTION_COMMON(name, letter, type, preset, min, max, form, help) N_##name,
#include "ctl/ctl_option_rows.h"
    COMMON_ROWS, /* those of history and status follow them */
    JSON_ROWS = 1
};

#define OPTION_COMMON(name, letter, type, preset, min, max, form, help)                  \
    OPTION_WHOLE(#name, help)
#define OPTION_JSON(name, type, preset, min, max, form, help)   OPTION_WHOLE(#name, help)
#define OPTION_STATUS(name, type, preset, min, max, form, help) OPTION_WHOLE(#name, help)
#include "ctl/ctl_option_rows.h"

void options_refuse(const char *format, ...)
{
    va_list ap;
    fprintf(stderr, "%smcreplctl: ", service_mark(LOG_ERR));
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(EXIT_USAGE);
}

/* --help and --version take effect at once, whatever follows them. */
static bool take(struct command_line *l, const struct option_row *row, void *values,
                 const char *text, char *why, size_t nwhy)
{
    const struct common_options *common = l->table[0].values;
    if (!command_line_put(l, row, values, text, why, nwhy))
        return false;
    if (common->help) {
        common->usage(stdout);
        exit(EXIT_SUCCESS);
    }
    if (common->version) {
        puts("mcreplctl " PACKAGE_VERSION);
        exit(EXIT_SUCCESS);
    }
    return true;
}

static void refuse_misplaced(const struct common_options *c)
{
    if (c->takes != OPTIONS_STATUS && (c->watch || c->plain || c->pair))
        options_refuse("--pair, --plain and --watch go with status only");
    if (c->takes == OPTIONS_COMMON && c->json)
        options_refuse("--json goes with status and history only");
}

static int parse(struct common_options *common, const struct option_table *own,
                 bool stops, int argc, char **argv)
{
    char why[300], hint[80];
    struct command_line line = { .table = { { rows, N_ELEMENTS(rows), common } },
                                 .stops = stops,
                                 .hint = hint,
                                 .take = take };
    snprintf(hint, sizeof(hint), "'mcreplctl help%s%s' shows what it takes",
             common->command != NULL ? " " : "",
             common->command != NULL ? common->command : "");
    if (own != NULL)
        line.table[1] = *own;
    if (own != NULL &&
        !option_defaults(own->rows, own->nrows, own->values, why, sizeof(why)))
        options_refuse("%s", why);
    int end = command_line_read(&line, argc, argv, why, sizeof(why));
    if (end < 0)
        options_refuse("%s", why);
    if (!stops)
        refuse_misplaced(common);
    return end;
}

int options_before(struct common_options *common, int argc, char **argv)
{
    return parse(common, NULL, true, argc, argv);
}

void options_after(struct common_options *common, const struct option_table *own,
                   int argc, char **argv)
{
    options_words(common, own, 0, argc, argv);
}

int options_words(struct common_options *common, const struct option_table *own, int most,
                  int argc, char **argv)
{
    int end = parse(common, own, false, argc, argv);
    if (argc - end > most)
        options_refuse("%s takes nothing more: remove '%s'", common->command,
                       argv[end + most]);
    return end;
}

bool options_know(const char *name)
{
    return option_find(rows, COMMON_ROWS, name) != NULL;
}

void options_fini(struct common_options *common)
{
    option_free(rows, N_ELEMENTS(rows), common);
}

void options_help(FILE *out)
{
    option_help(rows, COMMON_ROWS, out);
}

void options_status_help(FILE *out)
{
    option_help(rows + COMMON_ROWS, N_ELEMENTS(rows) - COMMON_ROWS, out);
}

void options_json_help(FILE *out)
{
    option_help(rows + COMMON_ROWS, JSON_ROWS, out);
}
