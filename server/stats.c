#include "config.h"
#include "server/stats.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/describe.h"
#include "server/address.h"
#include "server/clock.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/engine_api.h"

enum { NCOUNTERS = sizeof(struct thread_counters) / sizeof(uint64_t) };

/* The data for one `stats` answer. */
struct snapshot {
    struct thread_counters t; /* of all workers */
#define STAT_FIGURE(kind, name, help) METRIC_MEMBER_##kind(name)
#include "server/mcd_stat_rows.h"
    char user_text[32], system_text[32];
};

#define SNAPSHOT(kind, name, member, help)                                               \
    METRIC_ROW(kind, #name, struct snapshot, member, BRIEF, help),

static const struct metric_row rows[] = {
#define STAT_COUNTER(name, help)      SNAPSHOT(COUNTER, name, t.name, help)
#define STAT_FIGURE(kind, name, help) SNAPSHOT(kind, name, name, help)
#include "server/mcd_stat_rows.h"
};

#define STAT_COUNTER(name, help)      METRIC_WHOLE(name, help)
#define STAT_FIGURE(kind, name, help) METRIC_WHOLE(name, help)
#include "server/mcd_stat_rows.h"

static void add_counters(struct thread_counters *sum, const struct thread_counters *part,
                         bool subtract)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)part;
    for (size_t i = 0; i < NCOUNTERS; i++) {
        uint64_t n = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
        to[i] += subtract ? -n : n;
    }
}

static void sum_workers(struct server *server, struct thread_counters *sum)
{
    *sum = (struct thread_counters){ 0 };
    for (unsigned i = 0; i < server->nworkers; i++)
        add_counters(sum, &server->workers[i].counters, false);
}

static void format_time(char *text, size_t size, const struct timeval *t)
{
    snprintf(text, size, "%ld.%06ld", (long)t->tv_sec, (long)t->tv_usec);
}

static void take_process(struct snapshot *s)
{
    struct rusage usage = { 0 };
    getrusage(RUSAGE_SELF, &usage);
    format_time(s->user_text, sizeof(s->user_text), &usage.ru_utime);
    format_time(s->system_text, sizeof(s->system_text), &usage.ru_stime);
    s->rusage_user = s->user_text;
    s->rusage_system = s->system_text;
    s->pid = (uint64_t)getpid();
    s->uptime = clock_uptime();
    s->time = (uint64_t)clock_date();
    s->version = server_api_version();
    s->mcd_version = PACKAGE_VERSION;
    s->libevent = event_get_version();
    s->pointer_size = 8 * sizeof(void *);
}

static void take_watchers(struct snapshot *s, struct server *server)
{
    struct watch_counts n;
    watchers_count(&server->watch, &n);
    AZ(pthread_mutex_lock(&server->reset_lock));
    s->log_worker_dropped = n.dropped - server->reset_watch.dropped;
    s->log_worker_written = n.written - server->reset_watch.written;
    s->log_watcher_skipped = n.skipped - server->reset_watch.skipped;
    s->log_watcher_sent = n.sent - server->reset_watch.sent;
    AZ(pthread_mutex_unlock(&server->reset_lock));
    s->log_watchers = n.watchers;
}

static void take_connections(struct snapshot *s, struct server *server)
{
    struct listeners *l = &server->listeners;
    uint64_t accepted = atomic_load(&l->accepted);
    sum_workers(server, &s->t);
    s->curr_connections = s->connection_structures = accepted - s->t.closed;
    AZ(pthread_mutex_lock(&server->reset_lock));
    add_counters(&s->t, &server->reset_counters, true);
    s->total_connections = accepted - server->reset_accepted;
    s->rejected_connections = atomic_load(&l->rejected) - server->reset_rejected;
    AZ(pthread_mutex_unlock(&server->reset_lock));
    s->conn_mem_bytes = io_pools_total(&server->pools);
    s->accepting_conns = atomic_load(&l->accepting);
    s->listen_disabled_num = atomic_load(&l->disabled_num);
    s->time_in_listen_disabled_us = atomic_load(&l->disabled_us);
}

static unsigned count_rings(const struct server *server)
{
    unsigned n = 0;
    for (unsigned i = 0; i < server->nworkers; i++)
        n += server->workers[i].loop->carrier != NULL;
    return n;
}

/* As in memcached, nothing is said about TLS unless it is on. */
struct listing {
    const struct settings *settings;
    metric_emit emit;
    void *context;
};

static bool is_hidden(const struct settings *s, const char *name)
{
    if (!s->enable_ssl)
        return strncmp(name, "ssl_", 4) == 0 ||
               strcmp(name, "time_since_server_cert_refresh") == 0;
    return !s->ssl_session_cache && strcmp(name, "ssl_new_sessions") == 0;
}

static void emit_unless_hidden(void *context, const char *name, const char *value)
{
    const struct listing *l = context;
    if (!is_hidden(l->settings, name))
        l->emit(l->context, name, value);
}

void stats_each(struct server *server, metric_emit emit, void *context)
{
    struct listing listing = { &server->settings, emit, context };
    struct snapshot s = { 0 };
    take_process(&s);
    take_connections(&s, server);
    take_watchers(&s, server);
    s.max_connections = server->settings.max_connections;
    s.limit_maxbytes = __atomic_load_n(&server->settings.memory_mb, __ATOMIC_RELAXED)
                       << 20;
    s.threads = server->nworkers;
    s.threads_io_uring = count_rings(server);
    if (server->settings.enable_ssl)
        s.time_since_server_cert_refresh =
            clock_now() - certificates_loaded(&server->certificates);
    metric_each(rows, N_ELEMENTS(rows), &s, false, emit_unless_hidden, &listing);
}

void stats_describe(admin_describe take, void *context)
{
    metric_describe(rows, N_ELEMENTS(rows), take, context);
}

#define OF_CLASS(name)                                                                   \
    METRIC_ROW(COUNTER, "1:" #name, struct thread_counters, name, BRIEF, "")

static const struct metric_row class_rows[] = {
    OF_CLASS(get_hits),  OF_CLASS(cmd_set),  OF_CLASS(delete_hits), OF_CLASS(incr_hits),
    OF_CLASS(decr_hits), OF_CLASS(cas_hits), OF_CLASS(cas_badval),  OF_CLASS(touch_hits),
};

void stats_each_of_class(struct server *server, metric_emit emit, void *context)
{
    struct snapshot s = { 0 };
    take_connections(&s, server);
    metric_each(class_rows, N_ELEMENTS(class_rows), &s.t, false, emit, context);
}

/* Workers own their counters, so these are not cleared: this remembers their values, to
 * subtract them later. */
void stats_reset(struct server *server)
{
    struct thread_counters now;
    AZ(pthread_mutex_lock(&server->reset_lock));
    sum_workers(server, &now);
    server->reset_counters = now;
    server->reset_accepted = atomic_load(&server->listeners.accepted);
    server->reset_rejected = atomic_load(&server->listeners.rejected);
    watchers_count(&server->watch, &server->reset_watch);
    AZ(pthread_mutex_unlock(&server->reset_lock));
}

/* ---- stats conns ---- */

struct group {
    metric_emit emit;
    void *context;
    int fd;
};

static void emit_member(const struct group *g, const char *member, const char *value)
{
    char name[64];
    snprintf(name, sizeof(name), "%d:%s", g->fd, member);
    g->emit(g->context, name, value);
}

static void emit_connection(const struct group *g, const struct connection *c)
{
    char text[ADDRESS_MAX];
    rel_time_t now = clock_now();
    rel_time_t last = atomic_load_explicit(&c->last_active, memory_order_relaxed);
    if (address_peer(g->fd, text, sizeof(text)))
        emit_member(g, "addr", text);
    if (address_own(g->fd, text, sizeof(text)))
        emit_member(g, "listen_addr", text);
    snprintf(text, sizeof(text), "conn_%s", connection_state_name(c));
    emit_member(g, "state", text);
    snprintf(text, sizeof(text), "%u", now > last ? now - last : 0);
    emit_member(g, "secs_since_last_cmd", text);
}

static void emit_worker(struct worker *w, struct group *g)
{
    struct connection *c;
    AZ(pthread_mutex_lock(&w->list_lock));
    for (c = TAILQ_FIRST(&w->connections); c != NULL; c = TAILQ_NEXT(c, link)) {
        g->fd = atomic_load_explicit(&c->fd, memory_order_relaxed);
        if (g->fd >= 0)
            emit_connection(g, c);
    }
    AZ(pthread_mutex_unlock(&w->list_lock));
}

void stats_each_connection(struct server *server, metric_emit emit, void *context)
{
    struct group g = { emit, context, -1 };
    char text[ADDRESS_MAX];
    for (size_t i = 0; i < server->listeners.n; i++) {
        g.fd = server->listeners.all[i].fd;
        if (address_own(g.fd, text, sizeof(text)))
            emit_member(&g, "addr", text);
        emit_member(&g, "state", "conn_listening");
    }
    for (unsigned i = 0; i < server->nworkers; i++)
        emit_worker(&server->workers[i], &g);
}
