#include "base/command_line.h"

#include <getopt.h>
#include <string.h>

#include "base/check.h"
#include "base/near.h"

enum {
    ROWS_MAX = 96,
    LONG_ONLY = 0x100
}; /* LONG_ONLY: getopt's value of the first row */

static const struct option_row *row_at(const struct command_line *l, size_t i,
                                       void **values)
{
    const struct option_table *t = &l->table[i >= l->table[0].nrows];
    i -= t == &l->table[1] ? l->table[0].nrows : 0;
    *values = t->values;
    return &t->rows[i];
}

static size_t count_rows(const struct command_line *l)
{
    return l->table[0].nrows + l->table[1].nrows;
}

static void fill_getopt(const struct command_line *l, char *letters, struct option *longs)
{
    void *values;
    if (l->stops)
        *letters++ = '+';
    *letters++ = ':'; /* distinguish a missing value from an unknown option */
    for (size_t i = 0; i < count_rows(l); i++) {
        const struct option_row *row = row_at(l, i, &values);
        bool has_value = row->form != NULL;
        if (row->letter != 0)
            *letters++ = row->letter;
        if (row->letter != 0 && has_value)
            *letters++ = ':';
        *longs++ =
            (struct option){ row->name, has_value ? required_argument : no_argument, NULL,
                             LONG_ONLY + (int)i };
    }
    *letters = '\0';
    *longs = (struct option){ 0 };
}

static const struct option_row *row_of(const struct command_line *l, int val,
                                       void **values)
{
    size_t i = 0;
    if (val >= LONG_ONLY)
        return row_at(l, (size_t)(val - LONG_ONLY), values);
    while (row_at(l, i, values)->letter != val)
        i++;
    return row_at(l, i, values);
}

/* What an unknown long option may have meant. */
static const char *hint(const struct command_line *l, const char *word, char *room)
{
    char name[64];
    struct near n;
    if (strncmp(word, "--", 2) != 0)
        return "";
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    near_init(&n, name);
    for (size_t i = 0; i < N_ELEMENTS(l->table); i++)
        near_try_rows(&n, l->table[i].rows, l->table[i].nrows);
    return near_hint(&n, "--", room, NEAR_HINT);
}

static int refuse(const struct command_line *l, int kind, char **argv, char *why,
                  size_t nwhy)
{
    char room[NEAR_HINT];
    const char *word = argv[optind - 1];
    if (kind == ':')
        snprintf(why, nwhy, "option '%s' needs a value; %s", word, l->hint);
    else if (optopt > 0 && optopt < LONG_ONLY)
        snprintf(why, nwhy, "unknown option '-%c'; %s", optopt, l->hint);
    else if (optopt >= LONG_ONLY && strchr(word, '=') != NULL)
        snprintf(why, nwhy, "option '%.*s' takes no '%s'; %s", (int)strcspn(word, "="),
                 word, strchr(word, '='), l->hint);
    else
        snprintf(why, nwhy, "unknown option '%s'%s; %s", word, hint(l, word, room),
                 l->hint);
    return -1;
}

bool command_line_put(struct command_line *l, const struct option_row *row, void *values,
                      const char *text, char *why, size_t nwhy)
{
    (void)l;
    return option_put(row, values, text != NULL ? text : "true", why, nwhy) == OPTION_OK;
}

/* Manifests of containers have "-m=64", and "-m 64" in one word. */
static const char *value_of(const struct option_row *row, const char *text)
{
    bool is_number = row->type == OPTION_NUMBER || row->type == OPTION_SIZE ||
                     row->type == OPTION_FACTOR;
    return text != NULL && is_number ? text + strspn(text, "= ") : text;
}

int command_line_read(struct command_line *l, int argc, char **argv, char *why,
                      size_t nwhy)
{
    char letters[2 * ROWS_MAX + 3];
    struct option longs[ROWS_MAX + 1];
    int val;
    CHECK(count_rows(l) <= ROWS_MAX);
    fill_getopt(l, letters, longs);
    optind = 0; /* glibc: restarts the scan, with other letters */
    opterr = 0;
    while (!l->enough && (val = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        void *values;
        if (val == '?' || val == ':')
            return refuse(l, val, argv, why, nwhy);
        const struct option_row *row = row_of(l, val, &values);
        if (!(l->take != NULL ? l->take : command_line_put)(
                l, row, values, value_of(row, optarg), why, nwhy))
            return -1;
    }
    return optind;
}
