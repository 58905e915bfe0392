/* From the command line to the settings. */
#include "server/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/command_line.h"
#include "server/settings_check.h"

#define AT(member) offsetof(struct settings, member)

/* memcached's -X has no value, so the next option would be taken for one. */
static bool is_other_x(const struct option_row *row, const char *text, char *why,
                       size_t nwhy)
{
    if (row->offset != AT(extension) || text == NULL || text[0] != '-')
        return false;
    snprintf(why, nwhy,
             "-X loads an extension and needs its FILE, as in memcached's server with "
             "storage engines; write --disable-dumping for memcached 1.6's -X");
    return true;
}

/* Sets the option of one row; text is NULL for a switch. */
static bool put(struct settings *s, const struct option_row *row, const char *text,
                char *why, size_t nwhy)
{
    s->given[row - settings_rows] = true;
    if (is_other_x(row, text, why, nwhy))
        return false;
    if (row->offset == AT(verbosity)) {
        s->verbosity++;
        return true;
    }
    if (text != NULL && strcmp(text, "-1") == 0 &&
        (row->offset == AT(port) || row->offset == AT(udp_port))) {
        *(uint64_t *)((char *)s + row->offset) = PORT_ANY;
        return true;
    }
    return option_put(row, s, text != NULL ? text : "true", why, nwhy) == OPTION_OK;
}

static char *replace(char *text, char from, char to)
{
    for (char *c = text; *c != '\0'; c++)
        *c = *c == from ? to : *c;
    return text;
}

static void refuse_word(char *name, char *why, size_t nwhy)
{
    char room[NEAR_HINT] = "";
    struct near n;
    near_init(&n, name);
    near_try_rows(&n, settings_rows, settings_nrows);
    foreign_try_words(&n);
    near_hint(&n, "", room, sizeof(room));
    snprintf(why, nwhy, "-o: unknown option '%s'%s; see mcd -h", replace(name, '-', '_'),
             replace(room, '-', '_'));
}

/* One word of -o: a long option with '_' for '-'; a leading no_ switches it off. */
static bool put_extended(struct settings *s, char *word, char *why, size_t nwhy)
{
    bool known;
    char *value = strchr(word, '='), *name = word;
    if (value != NULL)
        *value++ = '\0';
    replace(word, '_', '-');
    if (strncmp(word, "no-", 3) == 0 && value == NULL) {
        name = word + 3;
        value = "false";
    }
    const struct option_row *row = option_find(settings_rows, settings_nrows, name);
    if (row == NULL || row->offset == AT(extended)) {
        bool ok = foreign_take_word(&s->foreign, name, &known, why, nwhy);
        if (!known)
            refuse_word(name, why, nwhy);
        return ok;
    }
    if (value == NULL && row->type != OPTION_BOOL) {
        snprintf(why, nwhy, "-o: option '%s' needs a value: %s=%s", name, name,
                 row->form ? row->form : "VALUE");
        return false;
    }
    return put(s, row, value, why, nwhy);
}

static bool parse_extended(struct settings *s, char *why, size_t nwhy)
{
    char *save, *list = strdup(s->extended);
    bool ok = list != NULL;
    if (!ok)
        snprintf(why, nwhy, "out of memory");
    char *word = ok ? strtok_r(list, ",", &save) : NULL;
    for (; ok && word != NULL; word = strtok_r(NULL, ",", &save))
        ok = put_extended(s, word, why, nwhy);
    free(list);
    return ok;
}

static bool take(struct command_line *l, const struct option_row *row, void *values,
                 const char *text, char *why, size_t nwhy)
{
    struct settings *s = l->table[0].values;
    if (values == &s->foreign)
        return foreign_take_option(&s->foreign, row->name, why, nwhy);
    bool ok = put(s, row, text, why, nwhy);
    l->enough = s->help || s->version || s->license;
    return ok;
}

bool settings_parse(struct settings *s, int argc, char **argv, char *why, size_t nwhy)
{
    struct command_line line = { .table = { { settings_rows, settings_nrows, s },
                                            { foreign_option_rows, foreign_option_count,
                                              &s->foreign } },
                                 .hint = "see mcd -h",
                                 .take = take };
    *s = (struct settings){ 0 };
    if (!option_defaults(settings_rows, settings_nrows, s, why, nwhy))
        return false;
    int end = command_line_read(&line, argc, argv, why, nwhy);
    if (end < 0 || line.enough)
        return end >= 0;
    if (end < argc) {
        snprintf(why, nwhy, "'%s' is not an option; see mcd -h", argv[end]);
        return false;
    }
    s->detail = settings_given(s, "prefix-delimiter");
    return (s->extended == NULL || parse_extended(s, why, nwhy)) &&
           settings_check(s, why, nwhy);
}
