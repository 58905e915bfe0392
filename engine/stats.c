/* `stats repl`, and its part of plain `stats`. */
#include "engine/repl_engine.h"

#include <string.h>

#include "base/check.h"
#include "base/describe.h"
#include "base/metric.h"

#define STATUS(kind, name, member, extent, help)                                         \
    METRIC_ROW(kind, "repl_" #name, struct repl_status, member, extent, help),

static const struct metric_row rows[] = {
#define STAT_COUNTER(name, extent, help)      STATUS(COUNTER, name, count.name, extent, help)
#define STAT_FIGURE(kind, name, extent, help) STATUS(kind, name, name, extent, help)
#include "repl/repl_stat_rows.h"
};

static const struct metric_row inner_rows[] = {
#define STAT_INNER(kind, name, help) STATUS(kind, name, name, FULL, help)
#include "repl/repl_stat_rows.h"
};

#define STAT_COUNTER(name, extent, help)      METRIC_WHOLE(name, help)
#define STAT_FIGURE(kind, name, extent, help) METRIC_WHOLE(name, help)
#define STAT_INNER(kind, name, help)          METRIC_WHOLE(name, help)
#include "repl/repl_stat_rows.h"

struct emit_context {
    ADD_STAT add_stat;
    const void *cookie;
};

static void emit(void *context, const char *name, const char *value)
{
    const struct emit_context *to = context;
    to->add_stat(name, (uint16_t)strlen(name), value, (uint32_t)strlen(value),
                 to->cookie);
}

void repl_engine_figures(struct repl_engine *e, enum repl_figures which,
                         metric_emit emit_figure, void *context)
{
    struct repl_status s;
    char peer[PEER_TEXT];
    repl_core_status(e->core, &s);
    if (strcmp(s.link, "down") == 0)
        s.link = repl_thread_link_state(&e->thread);
    repl_thread_peer(&e->thread, peer);
    s.peer = peer;
    s.certificate_expires = (uint64_t)repl_thread_certificate_end(&e->thread);
    s.encryption = secure_kind(&e->thread.config.secure);
    metric_each(rows, N_ELEMENTS(rows), &s, which == FIGURES_BRIEF, emit_figure, context);
    if (which == FIGURES_INNER)
        metric_each(inner_rows, N_ELEMENTS(inner_rows), &s, false, emit_figure, context);
}

void repl_engine_stats(struct repl_engine *e, bool only_brief, ADD_STAT add_stat,
                       const void *cookie)
{
    struct emit_context to = { add_stat, cookie };
    repl_engine_figures(e, only_brief ? FIGURES_BRIEF : FIGURES_ALL, emit, &to);
}

void repl_engine_describe(admin_describe take, void *context)
{
    metric_describe(rows, N_ELEMENTS(rows), take, context);
}
