#include "server/settings_stats.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "server/log.h"

/* Options that memcached reports under another name. */
static const struct {
    const char *option, *name;
} known_as[] = {
    { "port", "tcpport" },
    { "udp-port", "udpport" },
    { "unix-socket", "domain_socket" },
    { "unix-mask", "umask" },
    { "listen", "inter" },
    { "memory-limit", "maxbytes" },
    { "disable-evictions", "evictions" },
    { "conn-limit", "maxconns" },
    { "threads", "num_threads" },
    { "max-reqs-per-event", "reqs_per_event" },
    { "listen-backlog", "tcp_backlog" },
    { "max-item-size", "item_size_max" },
    { "slab-growth-factor", "growth_factor" },
    { "slab-min-size", "chunk_size" },
    { "verbose", "verbosity" },
};

/* What memcached can switch and mcd cannot: tools ask before they use it. */
static const struct {
    const char *name, *value;
} fixed[] = {
    { "cas_enabled", "yes" },          { "binding_protocol", "auto-negotiate" },
    { "auth_enabled_sasl", "no" },     { "auth_enabled_ascii", "no" },
    { "ssl_enabled", "no" },           { "detail_enabled", "no" },
    { "flush_enabled", "yes" },        { "dump_enabled", "no" },
    { "shutdown_command", "no" },      { "lru_crawler", "no" },
    { "lru_maintainer_thread", "no" }, { "slab_reassign", "no" },
};

static void name_of(const struct option_row *row, char *name, size_t size)
{
    for (size_t i = 0; i < N_ELEMENTS(known_as); i++) {
        if (strcmp(known_as[i].option, row->name) == 0) {
            snprintf(name, size, "%s", known_as[i].name);
            return;
        }
    }
    snprintf(name, size, "%s", row->name);
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '-')
            *c = '_';
    }
}

static void value_of(const struct settings *s, const struct option_row *row, char *value,
                     size_t size)
{
    if (row->offset == offsetof(struct settings, memory_mb))
        snprintf(value, size, "%" PRIu64, s->memory_mb << 20);
    else if (row->offset == offsetof(struct settings, disable_evictions))
        snprintf(value, size, "%s", s->disable_evictions ? "off" : "on");
    else if (row->offset == offsetof(struct settings, verbosity))
        snprintf(value, size, "%u", log_verbosity());
    else if (row->type == OPTION_BOOL)
        snprintf(value, size, "%s",
                 *(const bool *)((const char *)s + row->offset) ? "yes" : "no");
    else
        option_format(row, s, value, size);
}

/* What is no setting; and what the engine was told is not every client's business: it
 * names files, sockets and the peer. */
static bool is_shown(const struct option_row *row)
{
    return row->offset != offsetof(struct settings, help) &&
           row->offset != offsetof(struct settings, version) &&
           row->offset != offsetof(struct settings, extended) &&
           row->offset != offsetof(struct settings, engine_options);
}

void settings_each(const struct settings *s, metric_emit emit, void *context)
{
    char name[64], value[1024];
    for (size_t i = 0; i < settings_nrows; i++) {
        const struct option_row *row = &settings_rows[i];
        if (!is_shown(row))
            continue;
        name_of(row, name, sizeof(name));
        value_of(s, row, value, sizeof(value));
        emit(context, name, value);
    }
    for (size_t i = 0; i < N_ELEMENTS(fixed); i++)
        emit(context, fixed[i].name, fixed[i].value);
}
