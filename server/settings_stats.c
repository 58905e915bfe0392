#include "server/settings_stats.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "server/log.h"

static const char *const shown[] = {
#define SETTING(name, letter, member, type, preset, min, max, form, shown, help) shown,
#include "server/mcd_option_rows.h"
};

/* What mcd always does, or never: tools check these before they use them. */
static const struct {
    const char *name, *value;
} fixed[] = {
    { "auth_enabled_sasl", "no" },     { "lru_crawler", "yes" },
    { "track_sizes", "yes" },          { "lru_maintainer_thread", "no" },
    { "slab_reassign", "no" },         { "slab_automove", "0" },
    { "lru_segmented", "no" },         { "temp_lru", "no" },
    { "inline_ascii_response", "no" },
};

static bool is_any_port(const struct settings *s, const struct option_row *row)
{
    return (row->offset == offsetof(struct settings, port) && s->port == PORT_ANY) ||
           (row->offset == offsetof(struct settings, udp_port) &&
            s->udp_port == PORT_ANY);
}

/* Where memcached shows another form than the one in which the option is written. */
static bool other_value_of(const struct settings *s, const struct option_row *row,
                           char *value, size_t size)
{
    if (row->offset == offsetof(struct settings, auth_file) && s->auth_file == NULL)
        snprintf(value, size, "no");
    else if (row->offset == offsetof(struct settings, ssl_keyformat))
        snprintf(value, size, "%u", s->ssl_keyformat % 2 + 1);
    else if (row->offset == offsetof(struct settings, ssl_min_version))
        snprintf(value, size, "tlsv1.%" PRIu64, s->ssl_min_version);
    else if (row->offset == offsetof(struct settings, ssl_wbuf_size))
        snprintf(value, size, "%" PRIu64, s->ssl_wbuf_size << 10);
    else if (row->offset == offsetof(struct settings, watcher_logbuf_size))
        snprintf(value, size, "%" PRIu64, s->watcher_logbuf_size << 10);
    else if (row->offset == offsetof(struct settings, worker_logbuf_size))
        snprintf(value, size, "%" PRIu64, s->worker_logbuf_size << 10);
    else
        return false;
    return true;
}

static void value_of(const struct settings *s, const struct option_row *row, char *value,
                     size_t size)
{
    if (other_value_of(s, row, value, size))
        return;
    if (row->offset == offsetof(struct settings, memory_mb))
        snprintf(value, size, "%" PRIu64,
                 __atomic_load_n(&s->memory_mb, __ATOMIC_RELAXED) << 20);
    else if (row->offset == offsetof(struct settings, disable_cas) ||
             row->offset == offsetof(struct settings, disable_dumping) ||
             row->offset == offsetof(struct settings, disable_watch) ||
             row->offset == offsetof(struct settings, disable_flush_all))
        snprintf(value, size, "%s",
                 *(const bool *)((const char *)s + row->offset) ? "no" : "yes");
    else if (row->offset == offsetof(struct settings, protocol) &&
             s->protocol == SETTINGS_PROTOCOL_AUTO)
        snprintf(value, size, "auto-negotiate");
    else if (row->offset == offsetof(struct settings, disable_evictions))
        snprintf(value, size, "%s", s->disable_evictions ? "off" : "on");
    else if (is_any_port(s, row))
        snprintf(value, size, "-1");
    else if (row->offset == offsetof(struct settings, verbosity))
        snprintf(value, size, "%u", log_verbosity());
    else if (row->type == OPTION_BOOL)
        snprintf(value, size, "%s",
                 *(const bool *)((const char *)s + row->offset) ? "yes" : "no");
    else
        option_format(row, s, value, size);
}

void settings_each(const struct settings *s, metric_emit emit, void *context)
{
    char value[1024], *rest, *line;
    for (size_t i = 0; i < settings_nrows; i++) {
        if (shown[i] == NULL)
            continue;
        value_of(s, &settings_rows[i], value, sizeof(value));
        rest = value; /* -X: a line for each */
        while ((line = strsep(&rest, "\n")) != NULL)
            emit(context, shown[i], line);
    }
    bool detail = __atomic_load_n(&s->detail, __ATOMIC_RELAXED);
    emit(context, "detail_enabled", detail ? "yes" : "no");
    for (size_t i = 0; i < N_ELEMENTS(fixed); i++)
        emit(context, fixed[i].name, fixed[i].value);
}
