#include "config.h"
#include "server/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

const struct option_row settings_rows[] = {
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    OPTION_ROW(name, letter, type, struct settings, member, preset, min, max, form, help),
#include "server/mcd_option_rows.h"
};
const size_t settings_nrows = N_ELEMENTS(settings_rows);

#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    OPTION_WHOLE(name, help)
#include "server/mcd_option_rows.h"

void settings_fini(struct settings *s)
{
    option_free(settings_rows, settings_nrows, s);
}

bool settings_given(const struct settings *s, const char *name)
{
    const struct option_row *row = option_find(settings_rows, settings_nrows, name);
    return row != NULL && s->given[row - settings_rows];
}

bool settings_want_tcp(const struct settings *s)
{
    return s->port != 0 && (s->unix_socket == NULL || settings_given(s, "port") ||
                            settings_given(s, "listen"));
}

bool settings_unix_mode(const struct settings *s, unsigned *mode)
{
    char *end;
    unsigned long bits = strtoul(s->unix_mask, &end, 8);
    *mode = (unsigned)bits;
    return end != s->unix_mask && *end == '\0' && bits <= 0777;
}

char *settings_engine_config(const struct settings *s, bool *ok)
{
    char *text = NULL;
    size_t ntext;
    FILE *out = open_memstream(&text, &ntext);
    *ok = out != NULL;
    if (out == NULL)
        return NULL;
    if (settings_given(s, "memory-limit"))
        fprintf(out, "cache_size=%" PRIu64 ";", s->memory_mb << 20);
    if (settings_given(s, "max-item-size"))
        fprintf(out, "item_size_max=%" PRIu64 ";", s->item_size_max);
    if (s->disable_evictions)
        fprintf(out, "eviction=false;");
    if (s->disable_cas)
        fprintf(out, "use_cas=false;");
    if (settings_given(s, "slab-growth-factor"))
        fprintf(out, "factor=%g;", s->factor);
    if (settings_given(s, "slab-min-size"))
        fprintf(out, "chunk_size=%" PRIu64 ";", s->chunk_size);
    if (s->engine_options != NULL)
        fputs(s->engine_options, out);
    *ok = fclose(out) == 0 && text != NULL;
    if (*ok && ntext > 0)
        return text;
    free(text);
    return NULL;
}

void settings_help(FILE *out)
{
    fprintf(out, "mcd " PACKAGE_VERSION ", a memcached-compatible server with storage "
                 "engines\n\nusage: mcd [options]\n\n");
    option_help(settings_rows, settings_nrows, out);
    foreign_help(out);
}
