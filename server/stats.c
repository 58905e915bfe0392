#include "server/stats.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "server/address.h"
#include "server/clock.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/server_api.h"

enum { NCOUNTERS = sizeof(struct thread_counters) / sizeof(uint64_t) };

/* What one `stats` is made from. */
struct snapshot {
    struct thread_counters t; /* of all workers */
    uint64_t pid, uptime, time, pointer_size, threads;
    const char *version, *libevent, *user_time, *system_time;
    uint64_t max_connections, curr_connections, total_connections, rejected_connections;
    uint64_t limit_maxbytes, conn_mem_bytes, accepting, listen_disabled_num,
        listen_disabled_us;
    char user_text[32], system_text[32];
};

#define COUNTER(name, member, text)                                                      \
    {                                                                                    \
        name, METRIC_COUNTER, offsetof(struct snapshot, member), true, text              \
    }
#define GAUGE(name, member, text)                                                        \
    {                                                                                    \
        name, METRIC_GAUGE, offsetof(struct snapshot, member), true, text                \
    }
#define TEXT(name, member, text)                                                         \
    {                                                                                    \
        name, METRIC_TEXT, offsetof(struct snapshot, member), true, text                 \
    }
#define THREAD(member, text) COUNTER(#member, t.member, text)

static const struct metric_row rows[] = {
    GAUGE("pid", pid, "process id"),
    GAUGE("uptime", uptime, "seconds since the start"),
    GAUGE("time", time, "the date, in seconds since the epoch"),
    TEXT("version", version, "of mcd"),
    TEXT("libevent", libevent, "version of libevent"),
    GAUGE("pointer_size", pointer_size, "bits"),
    TEXT("rusage_user", user_time, "processor time of the process, seconds"),
    TEXT("rusage_system", system_time, "the same in the kernel"),
    GAUGE("max_connections", max_connections, "limit of -c"),
    GAUGE("curr_connections", curr_connections, "open connections"),
    COUNTER("total_connections", total_connections, "accepted since the start"),
    COUNTER("rejected_connections", rejected_connections, "refused because of -c"),
    GAUGE("connection_structures", curr_connections, "connections that hold memory"),
    THREAD(cmd_get, "keys asked for"),
    THREAD(cmd_set, "values stored, or tried to"),
    THREAD(cmd_flush, "flush_all"),
    THREAD(cmd_touch, "touch and gat"),
    THREAD(cmd_meta, "meta commands; each also counts as what it does"),
    THREAD(get_hits, "keys found"),
    THREAD(get_misses, "keys not found"),
    THREAD(delete_misses, "deletes of what was not there"),
    THREAD(delete_hits, "keys deleted"),
    THREAD(incr_misses, "incr of what was not there"),
    THREAD(incr_hits, "incr done"),
    THREAD(decr_misses, "decr of what was not there"),
    THREAD(decr_hits, "decr done"),
    THREAD(cas_misses, "cas of what was not there"),
    THREAD(cas_hits, "cas done"),
    THREAD(cas_badval, "cas refused: the value had changed"),
    THREAD(touch_hits, "touch and gat that found the key"),
    THREAD(touch_misses, "touch and gat that did not"),
    THREAD(store_too_large, "values refused for their size"),
    THREAD(store_no_memory, "values refused because memory was full"),
    THREAD(idle_kicks, "connections closed by --idle-timeout"),
    THREAD(conn_mem_kicks, "connections closed by --conn-mem-limit"),
    THREAD(conn_unwatched, "connections closed because the system could not watch them"),
    GAUGE("conn_mem_bytes", conn_mem_bytes, "in buffers of connections"),
    THREAD(bytes_read, "from clients"),
    THREAD(bytes_written, "to clients"),
    GAUGE("limit_maxbytes", limit_maxbytes, "limit of -m, bytes"),
    GAUGE("accepting_conns", accepting, "1 if new connections are taken"),
    COUNTER("listen_disabled_num", listen_disabled_num,
            "times that accepting had to pause"),
    COUNTER("time_in_listen_disabled_us", listen_disabled_us,
            "how long those pauses were, microseconds"),
    GAUGE("threads", threads, "worker threads"),
    THREAD(conn_yields, "times a connection had to let others go first"),
};

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
    s->user_time = s->user_text;
    s->system_time = s->system_text;
    s->pid = (uint64_t)getpid();
    s->uptime = clock_uptime();
    s->time = (uint64_t)clock_date();
    s->version = server_api_version();
    s->libevent = event_get_version();
    s->pointer_size = 8 * sizeof(void *);
}

void stats_each(struct server *server, metric_emit emit, void *context)
{
    struct snapshot s = { 0 };
    struct listeners *l = &server->listeners;
    take_process(&s);
    sum_workers(server, &s.t);
    uint64_t accepted = atomic_load(&l->accepted);
    s.max_connections = server->settings.max_connections;
    s.curr_connections = accepted - s.t.closed;
    AZ(pthread_mutex_lock(&server->reset_lock));
    add_counters(&s.t, &server->reset_counters, true);
    s.total_connections = accepted - server->reset_accepted;
    s.rejected_connections = atomic_load(&l->rejected) - server->reset_rejected;
    AZ(pthread_mutex_unlock(&server->reset_lock));
    s.limit_maxbytes = server->settings.memory_mb << 20;
    s.conn_mem_bytes = io_pools_total(&server->pools);
    s.accepting = atomic_load(&l->accepting);
    s.listen_disabled_num = atomic_load(&l->disabled_num);
    s.listen_disabled_us = atomic_load(&l->disabled_us);
    s.threads = server->nworkers;
    metric_each(rows, N_ELEMENTS(rows), &s, false, emit, context);
}

/* Workers own their counters, so these are not cleared: what they were is remembered
 * and taken off. */
void stats_reset(struct server *server)
{
    struct thread_counters now;
    AZ(pthread_mutex_lock(&server->reset_lock));
    sum_workers(server, &now);
    server->reset_counters = now;
    server->reset_accepted = atomic_load(&server->listeners.accepted);
    server->reset_rejected = atomic_load(&server->listeners.rejected);
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
