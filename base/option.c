#include "base/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static void *member(const struct option_row *row, void *values)
{
    return (char *)values + row->offset;
}

static bool parse_number(const char *text, uint64_t *number, const char **end)
{
    char *stop;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *number = strtoull(text, &stop, 10);
    *end = stop;
    return errno == 0;
}

bool option_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "kmgt";
    const char *end;
    if (!parse_number(text, bytes, &end))
        return false;
    if (*end == '\0')
        return true;
    const char *unit = strchr(units, tolower((unsigned char)*end));
    if (unit == NULL || end[1] != '\0')
        return false;
    unsigned shift = 10 * (unsigned)(unit - units + 1);
    if (*bytes > UINT64_MAX >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

bool option_bool(const char *text, bool *value)
{
    static const char *const yes[] = { "true", "on", "yes", "1" };
    static const char *const no[] = { "false", "off", "no", "0" };
    for (size_t i = 0; i < N_ELEMENTS(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const char *choices, const char *text, unsigned *index)
{
    size_t n = strlen(text);
    *index = 0;
    for (const char *c = choices; *c != '\0'; (*index)++) {
        size_t len = strcspn(c, "|");
        if (len == n && strncmp(c, text, n) == 0)
            return true;
        c += len + (c[len] == '|');
    }
    return false;
}

static enum option_result put_number(const struct option_row *row, void *values,
                                     const char *text, char *why, size_t nwhy)
{
    uint64_t number;
    const char *end = "";
    bool ok = row->type == OPTION_SIZE ? option_size(text, &number)
                                       : parse_number(text, &number, &end);
    if (!ok || *end != '\0') {
        snprintf(why, nwhy, "option '%s' needs %s, not '%s'", row->name,
                 row->type == OPTION_SIZE ? "a size such as 64m" : "a whole number",
                 text);
        return OPTION_BAD;
    }
    if (number < row->min || (row->max != 0 && number > row->max)) {
        snprintf(why, nwhy, "option '%s' must be from %" PRIu64 " to %" PRIu64 ", not %s",
                 row->name, row->min, row->max != 0 ? row->max : UINT64_MAX, text);
        return OPTION_BAD;
    }
    *(uint64_t *)member(row, values) = number;
    return OPTION_OK;
}

static enum option_result put_factor(const struct option_row *row, void *values,
                                     const char *text, char *why, size_t nwhy)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < (double)row->min ||
        (row->max != 0 && number > (double)row->max)) {
        snprintf(why, nwhy,
                 "option '%s' needs a number of at least %" PRIu64 ", not '%s'",
                 row->name, row->min, text);
        return OPTION_BAD;
    }
    *(double *)member(row, values) = number;
    return OPTION_OK;
}

static enum option_result put_string(const struct option_row *row, void *values,
                                     const char *text, char *why, size_t nwhy)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        snprintf(why, nwhy, "out of memory");
        return OPTION_BAD;
    }
    char **where = member(row, values);
    free(*where);
    *where = copy;
    return OPTION_OK;
}

static enum option_result put_list(const struct option_row *row, void *values,
                                   const char *text, char *why, size_t nwhy)
{
    char **where = member(row, values);
    size_t n = *where != NULL ? strlen(*where) : 0, more = strlen(text) + 1;
    char *longer = realloc(*where, n + 1 + more);
    if (longer == NULL) {
        snprintf(why, nwhy, "out of memory");
        return OPTION_BAD;
    }
    if (*where != NULL)
        longer[n++] = (char)row->min;
    memcpy(longer + n, text, more);
    *where = longer;
    return OPTION_OK;
}

enum option_result option_put(const struct option_row *row, void *values,
                              const char *text, char *why, size_t nwhy)
{
    switch (row->type) {
    case OPTION_NUMBER:
    case OPTION_SIZE:
        return put_number(row, values, text, why, nwhy);
    case OPTION_FACTOR:
        return put_factor(row, values, text, why, nwhy);
    case OPTION_STRING:
        return put_string(row, values, text, why, nwhy);
    case OPTION_LIST:
        return put_list(row, values, text, why, nwhy);
    case OPTION_BOOL:
        if (option_bool(text, member(row, values)))
            return OPTION_OK;
        snprintf(why, nwhy, "option '%s' must be true or false, not '%s'", row->name,
                 text);
        return OPTION_BAD;
    case OPTION_CHOICE: {
        unsigned index;
        if (parse_choice(row->form, text, &index)) {
            *(unsigned *)member(row, values) = index;
            return OPTION_OK;
        }
        snprintf(why, nwhy, "option '%s' must be one of %s, not '%s'", row->name,
                 row->form, text);
        return OPTION_BAD;
    }
    case OPTION_FILE:
        snprintf(why, nwhy, "option '%s' is allowed in an engine's options only",
                 row->name);
        return OPTION_BAD;
    }
    return OPTION_BAD;
}

const struct option_row *option_find(const struct option_row *rows, size_t nrows,
                                     const char *name)
{
    for (size_t i = 0; i < nrows; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

bool option_defaults(const struct option_row *rows, size_t nrows, void *values, char *why,
                     size_t nwhy)
{
    for (size_t i = 0; i < nrows; i++) {
        if (rows[i].preset != NULL &&
            option_put(&rows[i], values, rows[i].preset, why, nwhy) != OPTION_OK)
            return false;
    }
    return true;
}

static void format_choice(const char *choices, unsigned index, char *text, size_t ntext)
{
    for (; index > 0 && *choices != '\0'; index--) {
        choices += strcspn(choices, "|");
        choices += *choices == '|';
    }
    snprintf(text, ntext, "%.*s", (int)strcspn(choices, "|"), choices);
}

void option_format(const struct option_row *row, const void *values, char *text,
                   size_t ntext)
{
    const void *where = (const char *)values + row->offset;
    switch (row->type) {
    case OPTION_BOOL:
    case OPTION_FILE:
        snprintf(text, ntext, "%s", *(const bool *)where ? "true" : "false");
        break;
    case OPTION_NUMBER:
    case OPTION_SIZE:
        snprintf(text, ntext, "%" PRIu64, *(const uint64_t *)where);
        break;
    case OPTION_FACTOR:
        snprintf(text, ntext, "%.2f", *(const double *)where);
        break;
    case OPTION_STRING:
    case OPTION_LIST: {
        const char *s = *(char *const *)where;
        snprintf(text, ntext, "%s", s != NULL ? s : "NULL");
        break;
    }
    case OPTION_CHOICE:
        format_choice(row->form, *(const unsigned *)where, text, ntext);
        break;
    }
}

void option_help(const struct option_row *rows, size_t nrows, FILE *out)
{
    for (size_t i = 0; i < nrows; i++) {
        const struct option_row *row = &rows[i];
        char names[64];
        if (row->letter != 0)
            snprintf(names, sizeof(names), "-%c, --%s%s%s", row->letter, row->name,
                     row->form ? "=" : "", row->form ? row->form : "");
        else
            snprintf(names, sizeof(names), "    --%s%s%s", row->name,
                     row->form ? "=" : "", row->form ? row->form : "");
        fprintf(out, "  %-30s %s", names, row->help);
        if (row->preset != NULL && row->form != NULL)
            fprintf(out, " (default: %s)", row->preset);
        fputc('\n', out);
    }
}

void option_free(const struct option_row *rows, size_t nrows, void *values)
{
    for (size_t i = 0; i < nrows; i++) {
        if (rows[i].type == OPTION_STRING || rows[i].type == OPTION_LIST) {
            char **where = member(&rows[i], values);
            free(*where);
            *where = NULL;
        }
    }
}
