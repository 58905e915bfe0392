#include "ctl/figures.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static void take(void *context, const char *name, const char *value)
{
    struct figures *f = context;
    if (f->n == FIGURES_MAX)
        return;
    snprintf(f->of[f->n].name, sizeof(f->of[0].name), "%s", name);
    snprintf(f->of[f->n].value, sizeof(f->of[0].value), "%s", value);
    f->n++;
}

enum answer figures_read(struct ask *ask, struct figures *f, const char **text)
{
    f->n = 0;
    return ask_command(ask, "status", take, NULL, f, text);
}

const char *figures_text(const struct figures *f, const char *name)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (strcmp(f->of[i].name, name) == 0)
            return f->of[i].value;
    }
    return "";
}

uint64_t figures_number(const struct figures *f, const char *name)
{
    return strtoull(figures_text(f, name), NULL, 10);
}

double figures_rate(const struct figures *now, const struct figures *before,
                    double seconds, const char *name)
{
    uint64_t a = figures_number(before, name), b = figures_number(now, name);
    return b > a && seconds > 0 ? (double)(b - a) / seconds : 0;
}

static const struct {
    const char *label, *name, *unit;
    bool is_counter;
} lines[] = {
    { "role", "repl_role", "", false },
    { "health", "repl_health", "", false },
    { "link", "repl_link", "", false },
    { "peer", "repl_peer", "", false },
    { "encryption", "repl_encryption", "", false },
    { "term", "repl_term", "", false },
    { "in sync", "repl_in_sync", "", false },
    { "items", "repl_items", "", false },
    { "at risk", "repl_at_risk", " changes, lost if this node dies now", false },
    { "pending", "repl_pending", " changes not acknowledged", false },
    { "dirty", "repl_dirty_buckets", " buckets", false },
    { "missing", "repl_missing_buckets", " buckets", false },
    { "lag", "repl_lag_us", " us", false },
    { "shipped", "repl_shipped", " changes", true },
    { "applied", "repl_applied", " changes", true },
    { "copied", "repl_resync_items", " items", true },
    { "overflows", "repl_journal_overflows", "", true },
    { "invalidated", "repl_invalidated", " items", true },
    { "recovered", "repl_recovered", " items", true },
    { "sent", "repl_bytes_out", " bytes", true },
    { "received", "repl_bytes_in", " bytes", true },
    { "paused", "repl_paused", "", false },
    { "reconnects", "repl_reconnects", "", false },
    { "last error", "repl_last_error", "", false },
};

void figures_print(FILE *out, const struct figures *f, const struct figures *before,
                   double seconds)
{
    for (unsigned i = 0; i < N_ELEMENTS(lines); i++) {
        const char *value = figures_text(f, lines[i].name);
        if (value[0] == '\0')
            continue;
        fprintf(out, "%-12s %s%s", lines[i].label, value, lines[i].unit);
        if (before != NULL && lines[i].is_counter)
            fprintf(out, "  (%.0f/s)", figures_rate(f, before, seconds, lines[i].name));
        fputc('\n', out);
    }
}

static json_t *value_of(const char *text)
{
    char *end;
    json_int_t n = strtoll(text, &end, 10);
    if (text[0] != '\0' && *end == '\0' && strlen(text) < 19)
        return json_integer(n);
    return json_string(text);
}

void figures_print_json(FILE *out, const struct figures *f)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < f->n; i++)
        json_object_set_new(object, f->of[i].name, value_of(f->of[i].value));
    json_dumpf(object, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(object);
}
