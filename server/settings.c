#include "config.h"
#include "server/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/command_line.h"
#include "server/address.h"

#define AT(member) offsetof(struct settings, member)

const struct option_row settings_rows[] = {
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    OPTION_ROW(name, letter, type, struct settings, member, preset, min, max, form, help),
#include "server/mcd_option_rows.h"
};
const size_t settings_nrows = N_ELEMENTS(settings_rows);

#define SETTING(name, letter, member, type, preset, min, max, form, shown, help)         \
    OPTION_WHOLE(name, help)
#include "server/mcd_option_rows.h"

static size_t row_of(const char *name)
{
    size_t i = 0;
    while (i < settings_nrows && strcmp(settings_rows[i].name, name) != 0)
        i++;
    return i;
}

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
static bool put(struct settings *s, size_t index, const char *text, char *why,
                size_t nwhy)
{
    const struct option_row *row = &settings_rows[index];
    s->given[index] = true;
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
    size_t index = row_of(name);
    if (index == settings_nrows || settings_rows[index].offset == AT(extended)) {
        bool ok = foreign_take_word(&s->foreign, name, &known, why, nwhy);
        if (!known)
            refuse_word(name, why, nwhy);
        return ok;
    }
    if (value == NULL && settings_rows[index].type != OPTION_BOOL) {
        snprintf(why, nwhy, "-o: option '%s' needs a value: %s=%s", name, name,
                 settings_rows[index].form ? settings_rows[index].form : "VALUE");
        return false;
    }
    return put(s, index, value, why, nwhy);
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

static bool check_ports(struct settings *s, char *why, size_t nwhy)
{
    /* -U alone means both, as it does for memcached. */
    if (s->udp_port != 0 && !settings_given(s, "port"))
        s->port = s->udp_port;
    if (settings_want_tcp(s) || s->udp_port != 0 || s->unix_socket != NULL)
        return true;
    snprintf(why, nwhy,
             "there is nothing to listen on: -p 0 means no TCP. Name a UNIX socket (-s) "
             "or a UDP port (-U), or ask for any free TCP port with -p -1");
    return false;
}

static bool check_whole(struct settings *s, char *why, size_t nwhy)
{
    unsigned mode;
    if (s->extended != NULL && !parse_extended(s, why, nwhy))
        return false;
    if (s->listen != NULL && !address_list_is_valid(s->listen)) {
        snprintf(why, nwhy,
                 "option 'listen' needs addresses such as 10.0.0.1, 10.0.0.1:11211 or "
                 "[::1]:11211, not '%s'",
                 s->listen);
        return false;
    }
    if (!settings_unix_mode(s, &mode)) {
        snprintf(why, nwhy,
                 "option 'unix-mask' needs an octal number such as 0770, not '%s'",
                 s->unix_mask);
        return false;
    }
    return check_ports(s, why, nwhy);
}

static bool take(struct command_line *l, const struct option_row *row, void *values,
                 const char *text, char *why, size_t nwhy)
{
    struct settings *s = l->table[0].values;
    if (values == &s->foreign)
        return foreign_take_option(&s->foreign, row->name, why, nwhy);
    bool ok = put(s, (size_t)(row - settings_rows), text, why, nwhy);
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
    return check_whole(s, why, nwhy);
}

void settings_fini(struct settings *s)
{
    option_free(settings_rows, settings_nrows, s);
}

bool settings_given(const struct settings *s, const char *name)
{
    size_t index = row_of(name);
    return index < settings_nrows && s->given[index];
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
