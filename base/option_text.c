/* Parses "key=value;key=value", and files of such lines. */
#include "base/option.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A file may name another one. This limit stops files that name themselves. */
enum { FILES_DEEP = 8 };

/* Takes a word up to one of the stops, unquotes it and drops the blanks around it. */
static const char *take_word(const char *from, const char *stops, char *word)
{
    char *end = word;
    while (isspace((unsigned char)*from))
        from++;
    for (; *from != '\0' && strchr(stops, *from) == NULL; from++) {
        bool quoted = *from == '\\' && from[1] != '\0';
        from += quoted;
        *word++ = *from;
        if (quoted || !isspace((unsigned char)*from))
            end = word;
    }
    *end = '\0';
    return from;
}

/* Takes the first pair of the text; room receives its words. Returns where it stopped: at
 * the ';' or at the end. */
static const char *take_pair(const char *text, char *room, struct option_pair *pair)
{
    const char *at = text = text + strspn(text, " \t\r\n");
    *pair = (struct option_pair){ .key = room, .text = text };
    at = take_word(at, "=;", room);
    if (*at == '=') {
        room += strlen(room) + 1;
        pair->value = room;
        at = take_word(at + 1, ";", room);
    }
    pair->ntext = (size_t)(at - text);
    return at;
}

bool option_read(struct option_reader *r, const char *config)
{
    char *room = malloc(strlen(config) + 2);
    bool ok = room != NULL;
    if (!ok)
        snprintf(r->why, r->nwhy, "out of memory");
    while (ok && *config != '\0') {
        struct option_pair pair;
        config = take_pair(config, room, &pair);
        config += *config == ';';
        if (pair.key[0] != '\0' || pair.value != NULL)
            ok = r->take(r->context, &pair);
    }
    free(room);
    return ok;
}

static bool read_lines(struct option_reader *r, FILE *file, const char *name)
{
    char *line = NULL;
    size_t size = 0;
    bool ok = true;
    errno = 0;
    while (ok && getline(&line, &size, file) > 0)
        ok = line[0] == '#' || option_read(r, line);
    if (ok && ferror(file)) {
        snprintf(r->why, r->nwhy, "cannot read the options file %s: %s", name,
                 strerror(errno));
        ok = false;
    }
    free(line);
    return ok;
}

bool option_read_file(struct option_reader *r, const char *name)
{
    if (r->depth == FILES_DEEP) {
        snprintf(r->why, r->nwhy,
                 "options file %s: files include each other more than %d levels deep",
                 name, FILES_DEEP);
        return false;
    }
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        snprintf(r->why, r->nwhy, "cannot open the options file %s: %s", name,
                 strerror(errno));
        return false;
    }
    r->depth++;
    bool ok = read_lines(r, file, name);
    r->depth--;
    fclose(file);
    return ok;
}

/* ---- into rows */

struct row_parse {
    const struct option_row *rows;
    size_t nrows;
    void *values;
    char *rest;
    struct option_reader reader;
};

static bool append_rest(struct row_parse *p, const struct option_pair *pair)
{
    size_t n = p->rest != NULL ? strlen(p->rest) : 0;
    char *longer = realloc(p->rest, n + pair->ntext + 2);
    if (longer == NULL) {
        snprintf(p->reader.why, p->reader.nwhy, "out of memory");
        return false;
    }
    if (n > 0)
        longer[n++] = ';';
    memcpy(longer + n, pair->text, pair->ntext);
    longer[n + pair->ntext] = '\0';
    p->rest = longer;
    return true;
}

static bool take(void *context, const struct option_pair *pair)
{
    struct row_parse *p = context;
    const struct option_row *row = option_find(p->rows, p->nrows, pair->key);
    if (pair->value == NULL) {
        snprintf(p->reader.why, p->reader.nwhy, "'%s' has no value: write it as %s=VALUE",
                 pair->key, pair->key);
        return false;
    }
    if (row == NULL)
        return append_rest(p, pair);
    if (row->type != OPTION_FILE)
        return option_put(row, p->values, pair->value, p->reader.why, p->reader.nwhy) ==
               OPTION_OK;
    *(bool *)((char *)p->values + row->offset) = true;
    return option_read_file(&p->reader, pair->value);
}

bool option_parse(const struct option_row *rows, size_t nrows, void *values,
                  const char *config, char **rest, char *why, size_t nwhy)
{
    struct row_parse p = { .rows = rows, .nrows = nrows, .values = values };
    p.reader =
        (struct option_reader){ .take = take, .context = &p, .why = why, .nwhy = nwhy };
    *rest = NULL;
    if (config == NULL)
        return true;
    if (option_read(&p.reader, config)) {
        *rest = p.rest;
        return true;
    }
    free(p.rest);
    return false;
}
