#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CACHE_MIN ((size_t)1 << 20)
#define ITEM_MIN  ((size_t)1 << 10)
#define ITEM_MAX  ((size_t)1 << 30)

static bool refuse(struct store *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct store *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->error, sizeof(s->error), format, args);
    va_end(args);
    fprintf(stderr, "%s\n", s->error);
    return false;
}

/* The parser's complaints end with a line break; a message does not. */
static bool refuse_parsed(struct store *s, int status, char *complaint)
{
    complaint[strcspn(complaint, "\r\n")] = '\0';
    if (status > 0)
        return refuse(s, "default_engine: an option is not known: %s", complaint);
    return refuse(s, "default_engine: an option's value cannot be used: %s", complaint);
}

static bool parse(struct store *s, const char *text, struct config_item *items)
{
    char *complaint = NULL;
    size_t n;
    FILE *out = open_memstream(&complaint, &n);
    if (out == NULL)
        return refuse(s, "default_engine: out of memory while reading the options");
    int status = s->server.core->parse_config(text, items, out);
    fclose(out);
    bool fine = status == 0 || refuse_parsed(s, status, complaint);
    free(complaint);
    return fine;
}

static bool check_sizes(struct store *s, bool item_size_given)
{
    struct config *c = &s->config;
    if (c->cache_size < CACHE_MIN)
        return refuse(s,
                      "default_engine: cache_size is %zu bytes; at least %zu (1m) are "
                      "needed",
                      c->cache_size, CACHE_MIN);
    if (!item_size_given && c->item_size_max > c->cache_size / 2)
        c->item_size_max = c->cache_size / 2;
    if (c->item_size_max < ITEM_MIN || c->item_size_max > ITEM_MAX)
        return refuse(s,
                      "default_engine: item_size_max is %zu bytes; it must lie between "
                      "1k and 1g",
                      c->item_size_max);
    if (c->item_size_max > c->cache_size / 2)
        return refuse(s,
                      "default_engine: item_size_max is %zu bytes, more than half of "
                      "cache_size (%zu); lower the one or raise the other",
                      c->item_size_max, c->cache_size);
    return true;
}

bool store_configure(struct store *s, const char *text)
{
    struct config *c = &s->config;
    *c = (struct config){ .cache_size = 64 << 20,
                          .item_size_max = 1 << 20,
                          .chunk_size = 48,
                          .factor = 1.25F,
                          .eviction = true,
                          .use_cas = true,
                          .vb0 = true };
    /* Those that the interface's other engines know are taken, whether or not they mean
     * anything to this one: a host passes its own options on to any engine. */
    struct config_item items[] = {
        { .key = "item_size_max",
          .datatype = DT_SIZE,
          .value.dt_size = &c->item_size_max },
        { .key = "cache_size", .datatype = DT_SIZE, .value.dt_size = &c->cache_size },
        { .key = "eviction", .datatype = DT_BOOL, .value.dt_bool = &c->eviction },
        { .key = "use_cas", .datatype = DT_BOOL, .value.dt_bool = &c->use_cas },
        { .key = "verbose", .datatype = DT_SIZE, .value.dt_size = &c->verbose },
        { .key = "preallocate", .datatype = DT_BOOL, .value.dt_bool = &c->preallocate },
        { .key = "factor", .datatype = DT_FLOAT, .value.dt_float = &c->factor },
        { .key = "chunk_size", .datatype = DT_SIZE, .value.dt_size = &c->chunk_size },
        { .key = "ignore_vbucket",
          .datatype = DT_BOOL,
          .value.dt_bool = &c->ignore_vbucket },
        { .key = "vb0", .datatype = DT_BOOL, .value.dt_bool = &c->vb0 },
        { .key = "config_file", .datatype = DT_CONFIGFILE },
        { .key = NULL }
    };
    if (text != NULL && !parse(s, text, items))
        return false;
    return check_sizes(s, items[0].found);
}
