#include <stdbool.h>

#include <memcached/config_parser.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <memcached/util.h>

#include "base/check.h"
#include "base/option.h"

/* A file may name another one; a file that names itself must come to an end. */
enum { FILES_DEEP = 8 };

enum { FINE = 0, UNKNOWN_KEYS = 1, BAD = -1 };

struct parse {
    struct config_item *items;
    FILE *error; /* may be NULL */
    int depth;
};

static int parse_text(const struct parse *p, const char *text);

__attribute__((format(printf, 2, 3))) static int complain(const struct parse *p,
                                                          const char *fmt, ...)
{
    if (p->error != NULL) {
        va_list args;
        va_start(args, fmt);
        vfprintf(p->error, fmt, args);
        va_end(args);
        fputc('\n', p->error);
    }
    return BAD;
}

static int worse(int a, int b)
{
    if (a == BAD || b == BAD)
        return BAD;
    return a != FINE ? a : b;
}

static int parse_file(const struct parse *p, const char *name)
{
    struct parse inner = { p->items, p->error, p->depth + 1 };
    if (inner.depth > FILES_DEEP)
        return complain(p, "Configuration file %s: more than %d files name one another",
                        name, FILES_DEEP);
    FILE *file = fopen(name, "re");
    if (file == NULL)
        return complain(p, "Cannot open configuration file %s: %s", name,
                        strerror(errno));
    char *line = NULL;
    size_t size = 0;
    int result = FINE;
    errno = 0;
    while (result != BAD && getline(&line, &size, file) > 0) {
        if (line[0] != '#')
            result = worse(result, parse_text(&inner, line));
    }
    if (result != BAD && ferror(file))
        result =
            complain(p, "Cannot read configuration file %s: %s", name, strerror(errno));
    free(line);
    fclose(file);
    return result;
}

static int put_size(size_t *where, const char *text)
{
    uint64_t bytes;
    if (!option_size(text, &bytes) || bytes > SIZE_MAX)
        return BAD;
    *where = (size_t)bytes;
    return FINE;
}

/* The last one wins: a host's own options stand before what the user adds. */
static int put_string(struct config_item *item, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return BAD;
    if (item->found)
        free(*item->value.dt_string);
    *item->value.dt_string = copy;
    return FINE;
}

static int put(const struct parse *p, struct config_item *item, const char *text)
{
    switch (item->datatype) {
    case DT_SIZE:
        return put_size(item->value.dt_size, text);
    case DT_FLOAT:
        return safe_strtof(text, item->value.dt_float) ? FINE : BAD;
    case DT_BOOL:
        return option_bool(text, item->value.dt_bool) ? FINE : BAD;
    case DT_STRING:
        return put_string(item, text);
    case DT_CONFIGFILE:
        return parse_file(p, text);
    }
    return BAD;
}

static const char *wants(enum config_datatype type)
{
    static const char *const words[] = {
        [DT_SIZE] = "a size such as 64m",      [DT_FLOAT] = "a number",
        [DT_BOOL] = "true or false",           [DT_STRING] = "a text",
        [DT_CONFIGFILE] = "a file of options",
    };
    return (size_t)type < N_ELEMENTS(words) ? words[type] : "something unknown";
}

static int parse_pair(const struct parse *p, const char *key, const char *value)
{
    struct config_item *item = p->items;
    while (item->key != NULL && strcmp(item->key, key) != 0)
        item++;
    if (item->key == NULL) {
        complain(p, "There is no option '%s'", key);
        return UNKNOWN_KEYS;
    }
    if (value == NULL)
        return complain(p, "Option '%s' has no value: write it as %s=VALUE", key, key);
    int result = put(p, item, value);
    if (result == BAD)
        complain(p, "Option '%s' needs %s, not '%s'", key, wants(item->datatype), value);
    else
        item->found = true;
    return result;
}

static int parse_text(const struct parse *p, const char *text)
{
    char *room = malloc(strlen(text) + 2);
    if (room == NULL)
        return complain(p, "Out of memory");
    int result = FINE;
    while (*text != '\0' && result != BAD) {
        char *value;
        text = option_pair(text, room, &value);
        text += *text == ';';
        if (room[0] != '\0' || value != NULL)
            result = worse(result, parse_pair(p, room, value));
    }
    free(room);
    return result;
}

int parse_config(const char *str, struct config_item items[], FILE *error)
{
    struct parse p = { items, error, 0 };
    return str != NULL ? parse_text(&p, str) : FINE;
}
