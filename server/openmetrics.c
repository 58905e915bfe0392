#include "server/openmetrics.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/printable.h"

/* Texts that seldom change: each new value makes a new series. */
static const char *const labels[] = {
    "version", "mcd_version", "libevent", "repl_role", "repl_link",
};

static bool is_label(const char *name)
{
    for (size_t i = 0; i < N_ELEMENTS(labels); i++) {
        if (strcmp(labels[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return *text != '\0' && *end == '\0' && strspn(text, "0123456789.-") == strlen(text);
}

/* Both formats quote in the same way what is left. */
static bool put_quoted(struct evbuffer *out, const char *text)
{
    bool ok = true;
    for (; *text != '\0'; text++) {
        char c = printable((unsigned char)*text);
        ok = evbuffer_add_printf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c) > 0 && ok;
    }
    return ok;
}

static bool put_help(struct evbuffer *out, const struct sample *one)
{
    return evbuffer_add_printf(out, "# HELP mcd_%s ", one->name) > 0 &&
           put_quoted(out, one->help) && evbuffer_add(out, "\n", 1) == 0;
}

static bool put_number(struct evbuffer *out, const struct sample *one)
{
    static const char *const types[] = {
        [ADMIN_COUNTER] = "counter", [ADMIN_GAUGE] = "gauge", [ADMIN_TEXT] = "unknown"
    };
    bool counts = one->is_known && one->kind == ADMIN_COUNTER;
    return evbuffer_add_printf(out, "# TYPE mcd_%s %s\n", one->name,
                               one->is_known ? types[one->kind] : "unknown") > 0 &&
           (!one->is_known || put_help(out, one)) &&
           evbuffer_add_printf(out, "mcd_%s%s %s\n", one->name, counts ? "_total" : "",
                               one->value) > 0;
}

static bool put_info(struct evbuffer *out, const struct scrape *f)
{
    const char *before = "";
    bool ok = evbuffer_add_printf(out, "# TYPE mcd info\nmcd_info{") > 0;
    for (size_t i = 0; i < f->n; i++) {
        if (!is_label(f->of[i].name))
            continue;
        ok = ok && evbuffer_add_printf(out, "%s%s=\"", before, f->of[i].name) > 0 &&
             put_quoted(out, f->of[i].value) && evbuffer_add(out, "\"", 1) == 0;
        before = ",";
    }
    return ok && evbuffer_add_printf(out, "} 1\n") > 0;
}

bool openmetrics_compose(const struct scrape *f, struct evbuffer *out)
{
    bool ok = put_info(out, f);
    for (size_t i = 0; ok && i < f->n; i++) {
        if (!is_label(f->of[i].name) && is_number(f->of[i].value))
            ok = put_number(out, &f->of[i]);
    }
    return ok && evbuffer_add_printf(out, "# EOF\n") > 0;
}

bool openmetrics_compose_json(const struct scrape *f, struct evbuffer *out)
{
    bool ok = evbuffer_add(out, "{", 1) == 0;
    for (size_t i = 0; ok && i < f->n; i++)
        ok = evbuffer_add_printf(out, "%s\"%s\":\"", i > 0 ? "," : "", f->of[i].name) >
                 0 &&
             put_quoted(out, f->of[i].value) && evbuffer_add(out, "\"", 1) == 0;
    return ok && evbuffer_add(out, "}\n", 2) == 0;
}
