#include <stdbool.h>

#include <memcached/config_parser.h>

#include <stdlib.h>
#include <string.h>

#include <memcached/util.h>

#include "base/check.h"
#include "base/option.h"

enum { FINE = 0, UNKNOWN_KEYS = 1, BAD = -1 };

struct parse {
    struct config_item *items;
    FILE *error; /* may be NULL */
    bool unknown;
    struct option_reader reader;
    char why[300];
};

static bool put_size(size_t *where, const char *text)
{
    uint64_t bytes;
    if (!option_size(text, &bytes) || bytes > SIZE_MAX)
        return false;
    *where = (size_t)bytes;
    return true;
}

/* The last one wins: a host puts its own options before those that the user adds. */
static bool put_string(struct config_item *item, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return false;
    if (item->found)
        free(*item->value.dt_string);
    *item->value.dt_string = copy;
    return true;
}

static bool put(struct config_item *item, const char *text)
{
    switch (item->datatype) {
    case DT_SIZE:
        return put_size(item->value.dt_size, text);
    case DT_FLOAT:
        return safe_strtof(text, item->value.dt_float);
    case DT_BOOL:
        return option_bool(text, item->value.dt_bool);
    case DT_STRING:
        return put_string(item, text);
    case DT_CONFIGFILE:
        break;
    }
    return false;
}

static const char *wants(enum config_datatype type)
{
    static const char *const words[] = {
        [DT_SIZE] = "a size such as 64m",
        [DT_FLOAT] = "a number",
        [DT_BOOL] = "true or false",
        [DT_STRING] = "a text",
    };
    return (size_t)type < N_ELEMENTS(words) ? words[type] : "something unknown";
}

static void complain_of_unknown(struct parse *p, const char *key)
{
    p->unknown = true;
    if (p->error != NULL)
        fprintf(p->error, "unknown option '%s'\n", key);
}

static bool take(void *context, const struct option_pair *pair)
{
    struct parse *p = context;
    struct config_item *item = p->items;
    while (item->key != NULL && strcmp(item->key, pair->key) != 0)
        item++;
    if (item->key == NULL) {
        complain_of_unknown(p, pair->key);
        return true;
    }
    bool ok = false;
    if (pair->value == NULL)
        snprintf(p->why, sizeof(p->why), "option '%s' has no value: write it as %s=VALUE",
                 pair->key, pair->key);
    else if (item->datatype == DT_CONFIGFILE)
        ok = option_read_file(&p->reader, pair->value);
    else if (!(ok = put(item, pair->value)))
        snprintf(p->why, sizeof(p->why), "option '%s' needs %s, not '%s'", pair->key,
                 wants(item->datatype), pair->value);
    item->found = item->found || ok;
    return ok;
}

int parse_config(const char *str, struct config_item items[], FILE *error)
{
    struct parse p = { .items = items, .error = error };
    p.reader = (struct option_reader){
        .take = take, .context = &p, .why = p.why, .nwhy = sizeof(p.why)
    };
    if (str == NULL || option_read(&p.reader, str))
        return p.unknown ? UNKNOWN_KEYS : FINE;
    if (error != NULL)
        fprintf(error, "%s\n", p.why);
    return BAD;
}
