/* Parses the text of -e into struct config. */
#include "store/instance.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/near.h"

#define ITEM_PRESET (UINT64_C(1) << 20)

static const struct option_row rows[] = {
#define OPTION(name, type, preset, min, max, form, help)                                 \
    OPTION_ROW(#name, 0, type, struct config, name, preset, min, max, form, help),
#define OPTION_UNUSED(name, type, preset, form)                                          \
    OPTION(name, type, preset, 0, 0, form, "changes nothing here")
#include "store/store_option_rows.h"
};

#define OPTION(name, type, preset, min, max, form, help) OPTION_WHOLE(#name, help)
#include "store/store_option_rows.h"

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

static bool parse(struct store *s, const char *text)
{
    char why[200], key[64], room[NEAR_HINT], *rest = NULL;
    struct near near;
    if (!option_defaults(rows, N_ELEMENTS(rows), &s->config, why, sizeof(why)) ||
        !option_parse(rows, N_ELEMENTS(rows), &s->config, text, &rest, why, sizeof(why)))
        return refuse(s, "default_engine: %s", why);
    if (rest == NULL)
        return true;
    near_find_pair(&near, rest, rows, N_ELEMENTS(rows), key, sizeof(key));
    refuse(s, "default_engine: unknown option: %s%s", rest,
           near_hint(&near, "", room, sizeof(room)));
    free(rest);
    return false;
}

bool store_configure(struct store *s, const char *text)
{
    struct config *c = &s->config;
    *c = (struct config){ 0 };
    if (!parse(s, text))
        return false;
    uint64_t most = c->cache_size / 2;
    if (c->item_size_max == 0)
        c->item_size_max = most < ITEM_PRESET ? most : ITEM_PRESET;
    if (c->item_size_max <= most)
        return true;
    return refuse(s,
                  "default_engine: item_size_max is %" PRIu64 " bytes, more than half of "
                  "cache_size (%" PRIu64 "); lower item_size_max or raise cache_size",
                  c->item_size_max, c->cache_size);
}
