#include "server/foreign.h"

#include <stdarg.h>
#include <string.h>

#include "base/check.h"

enum verdict { IGNORED, REFUSED };

struct foreign {
    const char *name;
    char letter;
    bool word; /* of -o */
    enum verdict verdict;
    const char *reason;
};

static const struct foreign rows[] = {
#define FOREIGN_OPTION(name, letter, form, verdict, reason)                              \
    { name, letter, false, verdict, reason },
#define FOREIGN_WORD(name, verdict, reason) { name, 0, true, verdict, reason },
#include "server/foreign_option_rows.h"
};

const struct option_row foreign_option_rows[] = {
#define FOREIGN_OPTION(name, letter, form, verdict, reason)                              \
    { name, letter, OPTION_STRING, 0, NULL, 0, 0, form, reason },
#include "server/foreign_option_rows.h"
};
const size_t foreign_option_count = N_ELEMENTS(foreign_option_rows);

/* As a user of memcached writes it: -L, --memory-file, -o slab_automove. */
static const char *as_written(const struct foreign *f, char *room, size_t nroom)
{
    if (f->letter != 0)
        snprintf(room, nroom, "-%c", f->letter);
    else
        snprintf(room, nroom, "%s%s", f->word ? "-o " : "--", f->name);
    for (char *c = room; f->word && *c != '\0'; c++)
        *c = c > room && *c == '-' ? '_' : *c;
    return room;
}

static bool take(struct foreign_given *g, size_t i, char *why, size_t nwhy)
{
    char name[64];
    g->by_row[i] = true;
    if (rows[i].verdict == IGNORED)
        return true;
    snprintf(why, nwhy, "memcached's option %s is refused: %s",
             as_written(&rows[i], name, sizeof(name)), rows[i].reason);
    return false;
}

bool foreign_take_option(struct foreign_given *g, const char *name, char *why,
                         size_t nwhy)
{
    size_t i = 0;
    while (rows[i].word || strcmp(rows[i].name, name) != 0)
        i++;
    return take(g, i, why, nwhy);
}

bool foreign_take_word(struct foreign_given *g, const char *name, bool *known, char *why,
                       size_t nwhy)
{
    size_t i = 0;
    while (i < N_ELEMENTS(rows) && !(rows[i].word && strcmp(rows[i].name, name) == 0))
        i++;
    *known = i < N_ELEMENTS(rows);
    return *known && take(g, i, why, nwhy);
}

void foreign_try_words(struct near *n)
{
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        if (rows[i].word)
            near_try(n, rows[i].name);
    }
}

/* ---- texts */

static void append(char *line, size_t nline, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *line, size_t nline, const char *format, ...)
{
    va_list args;
    size_t n = strlen(line);
    va_start(args, format);
    vsnprintf(line + n, nline - n, format, args);
    va_end(args);
}

/* The options that were given, from row i on, with the reason of row i. */
static void append_alike(const struct foreign_given *g, size_t i, char *line,
                         size_t nline)
{
    char name[64];
    const char *reason = rows[i].reason, *comma = "";
    for (; i < N_ELEMENTS(rows); i++) {
        if (!g->by_row[i] || strcmp(rows[i].reason, reason) != 0)
            continue;
        append(line, nline, "%s%s", comma, as_written(&rows[i], name, sizeof(name)));
        comma = ", ";
    }
    append(line, nline, " (%s)", reason);
}

static bool is_first_of_its_reason(const struct foreign_given *g, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (g->by_row[j] && strcmp(rows[j].reason, rows[i].reason) == 0)
            return false;
    }
    return g->by_row[i];
}

void foreign_tell(const struct foreign_given *g, char *line, size_t nline)
{
    const char *before = "options of memcached without effect: ";
    line[0] = '\0';
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        if (!is_first_of_its_reason(g, i))
            continue;
        append(line, nline, "%s", before);
        append_alike(g, i, line, nline);
        before = "; ";
    }
}

/* Names, as many as fit in a line of 80. */
static void list(enum verdict verdict, FILE *out)
{
    char name[64];
    size_t column = 80;
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        if (rows[i].verdict != verdict)
            continue;
        size_t n = strlen(as_written(&rows[i], name, sizeof(name)));
        if (column + n + 2 > 80) {
            fputs("\n ", out);
            column = 1;
        }
        fprintf(out, " %s", name);
        column += n + 1;
    }
    fputc('\n', out);
}

void foreign_help(FILE *out)
{
    fputs(
        "\nOptions of memcached that are accepted and have no effect (the log says why):",
        out);
    list(IGNORED, out);
    fputs("\nOptions of memcached that are refused:", out);
    list(REFUSED, out);
}
