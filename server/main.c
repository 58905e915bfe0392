/*
 * mcd: start, run, shut down.
 *
 *   options -> limits -> passwords, certificates -> background -> ports bound ->
 *   memory locked -> user changed -> UNIX socket bound -> engine loaded and initialized
 * -> workers -> listening ... SIGTERM ... listeners closed -> workers finish -> engine
 * destroyed
 *
 * Errors before "listening" are written to standard error. The exit code is 78
 * (EX_CONFIG) if the command line causes the error, so that each start would fail: a
 * service manager need not retry. Otherwise it is 1. The service manager is notified of
 * "listening", and of the shutdown as soon as it begins.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "base/check.h"
#include "base/feature.h"
#include "base/service.h"
#include "config.h"
#include "server/access.h"
#include "server/clock.h"
#include "server/extensions.h"
#include "server/http.h"
#include "server/log.h"
#include "server/process.h"
#include "server/server.h"
#include "server/engine_api.h"
#include "server/worker_loop.h"

enum { WHY_MAX = 2048 };

static const char license[] =
#include "server/license.inc" /* made from LICENSE */
    ;

static bool create_workers(struct server *server, char *why, size_t nwhy)
{
    unsigned n = (unsigned)server->settings.threads;
    struct worker *all = aligned_alloc(_Alignof(struct worker), n * sizeof(*all));
    if (all == NULL) {
        snprintf(why, nwhy, "out of memory for %u worker threads", n);
        return false;
    }
    memset((void *)all, 0, n * sizeof(*all));
    server->workers = all;
    server->pools.limit = server->settings.conn_memory_mb << 20;
    for (server->nworkers = 0; server->nworkers < n; server->nworkers++) {
        all[server->nworkers].id = server->nworkers;
        if (!worker_init(&all[server->nworkers], server, why, nwhy))
            return false;
    }
    watchers_attach(&server->watch, all, n);
    return true;
}

static bool start_workers(struct server *server, char *why, size_t nwhy)
{
    for (unsigned i = 0; i < server->nworkers; i++) {
        if (!worker_start(&server->workers[i], why, nwhy))
            return false;
        server->nrunning++;
    }
    return true;
}

static int start_engine(struct server *server, char *why, size_t nwhy)
{
    bool ok;
    char name[256];
    struct settings *s = &server->settings;
    if (!engine_module_load(&server->engine, "engine", s->engine, ENGINE_DIR,
                            server_api_get, why, nwhy))
        return EX_CONFIG;
    char *config = settings_engine_config(s, &ok);
    if (!ok) {
        snprintf(why, nwhy, "out of memory for the engine's options");
        return EXIT_FAILURE;
    }
    ENGINE_ERROR_CODE rc = engine_module_initialize(&server->engine, config, why, nwhy);
    free(config);
    if (rc != ENGINE_SUCCESS)
        return rc == ENGINE_EINVAL ? EX_CONFIG : EXIT_FAILURE;
    engine_module_describe(&server->engine, name, sizeof(name));
    log_info("engine: %s", name);
    server->admin =
        (const void *)feature_find(server->engine.api->get_info(server->engine.handle),
                                   ENGINE_FEATURE_ADMIN, ENGINE_ADMIN_NAME);
    watchers_hear(&server->watch, server->engine.handle, server->admin);
    return EXIT_SUCCESS;
}

static bool start_extensions(struct server *server, char *why, size_t nwhy)
{
    const char *at = server->settings.extension;
    bool ok = true;
    while (ok && at != NULL) {
        const char *end = strchrnul(at, '\n');
        char *text = strndup(at, (size_t)(end - at));
        if (text == NULL)
            snprintf(why, nwhy, "out of memory for the extensions");
        ok = text != NULL && extension_load(text, ENGINE_DIR, server_api_get, why, nwhy);
        free(text);
        at = *end != '\0' ? end + 1 : NULL;
    }
    return ok;
}

/* In step with the clock: a tick that comes late does not make the next ones late. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    const struct timeval next = clock_until_next();
    (void)fd, (void)what;
    clock_tick();
    (void)event_add(arg, &next); /* if this fails, it comes in a second */
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    event_base_loopbreak(arg);
}

static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    access_reload(arg);
}

struct main_events {
    struct event *tick, *stop, *term, *interrupt, *graceful, *hangup;
};

static bool add_main_events(struct server *server, struct main_events *e)
{
    const struct timeval first = clock_until_next();
    struct event_base *base = server->base;
    e->tick = event_new(base, -1, EV_PERSIST, on_tick, event_self_cbarg());
    e->stop = event_new(base, server->stop_fd, EV_READ, on_stop, base);
    e->term = evsignal_new(base, SIGTERM, on_stop, base);
    e->interrupt = evsignal_new(base, SIGINT, on_stop, base);
    e->graceful = evsignal_new(base, SIGUSR1, on_stop, base);
    e->hangup = evsignal_new(base, SIGHUP, on_hangup, server);
    return e->tick != NULL && e->stop != NULL && e->term != NULL &&
           e->interrupt != NULL && e->graceful != NULL && e->hangup != NULL &&
           event_add(e->tick, &first) == 0 && event_add(e->stop, NULL) == 0 &&
           event_add(e->term, NULL) == 0 && event_add(e->interrupt, NULL) == 0 &&
           event_add(e->graceful, NULL) == 0 && event_add(e->hangup, NULL) == 0;
}

static void drop_main_events(struct main_events *e)
{
    struct event *all[] = { e->tick,      e->stop,     e->term,
                            e->interrupt, e->graceful, e->hangup };
    for (size_t i = 0; i < N_ELEMENTS(all); i++) {
        if (all[i] != NULL)
            event_free(all[i]);
    }
}

static bool make_loop(struct server *server, struct main_events *events, char *why,
                      size_t nwhy)
{
    clock_start();
    server->base = event_base_new();
    server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->base != NULL && server->stop_fd >= 0 && add_main_events(server, events))
        return true;
    snprintf(why, nwhy, "cannot create an event loop");
    return false;
}

static bool bind_http(struct server *server, char *why, size_t nwhy)
{
    if (server->settings.http == NULL)
        return true;
    server->http = http_bind(server, server->settings.http, why, nwhy);
    return server->http != NULL;
}

/* In the order shown above. Returns the exit code; if it is not 0, why has the reason. */
static int start(struct server *server, struct main_events *events, char *why,
                 size_t nwhy)
{
    struct settings *s = &server->settings;
    if (!process_raise_limits(s, why, nwhy) || !process_check_user(s, why, nwhy))
        return EX_CONFIG;
    process_check_memory(s);
    if (!access_load(server, why, nwhy))
        return EX_CONFIG;
    if (!process_daemonize(s, &server->ready_fd, why, nwhy) ||
        !make_loop(server, events, why, nwhy) ||
        !listeners_bind(&server->listeners, s, why, nwhy) ||
        !bind_http(server, why, nwhy) || !process_write_pidfile(s, why, nwhy) ||
        !process_lock_memory(s, why, nwhy) || !process_change_user(s, why, nwhy) ||
        !listeners_bind_unix(&server->listeners, why, nwhy) ||
        !create_workers(server, why, nwhy))
        return EXIT_FAILURE;
    if (!start_extensions(server, why, nwhy))
        return EX_CONFIG;
    int code = start_engine(server, why, nwhy);
    if (code == EXIT_SUCCESS &&
        !(start_workers(server, why, nwhy) &&
          listeners_start(&server->listeners, server->base, server->workers,
                          server->nworkers, why, nwhy) &&
          (server->http == NULL || http_start(server->http, why, nwhy))))
        code = EXIT_FAILURE;
    return code;
}

static void stop(struct server *server, struct main_events *events)
{
    listeners_stop(&server->listeners);
    for (unsigned i = 0; i < server->nrunning; i++)
        worker_stop(&server->workers[i]);
    for (unsigned i = 0; i < server->nrunning; i++)
        worker_join(&server->workers[i]);
    http_stop(server->http);
    watchers_stop(&server->watch);
    engine_module_destroy(&server->engine, false);
    for (unsigned i = 0; i < server->nworkers; i++)
        worker_fini(&server->workers[i]);
    watchers_fini(&server->watch);
    free(server->workers);
    access_fini(server);
    drop_main_events(events);
    if (server->base != NULL)
        event_base_free(server->base);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
    process_remove_pidfile(&server->settings);
    prefixes_clear(&server->prefixes);
    settings_fini(&server->settings);
    libevent_global_shutdown();
}

static void complain(const char *why)
{
    const char *mark = service_mark(LOG_ERR);
    fprintf(stderr, "%s%s\n", mark[0] != '\0' ? mark : "mcd: ", why);
}

/* Callers of libevent get its failures as return codes and report them themselves. */
static void on_library_log(int severity, const char *text)
{
    (void)severity;
    log_debug("libevent: %s", text);
}

static void tell_of_foreign_options(const struct settings *s)
{
    char line[WHY_MAX];
    foreign_tell(&s->foreign, line, sizeof(line));
    if (line[0] != '\0')
        log_warning("%s", line);
}

static int run(struct server *server)
{
    char why[WHY_MAX] = "";
    struct main_events events = { 0 };
    server_api_init(server);
    prefixes_init(&server->prefixes, server->settings.prefix_delimiter[0]);
    access_init(server);
    watchers_init(&server->watch, server->settings.worker_logbuf_size << 10,
                  server->settings.watcher_logbuf_size << 10);
    log_set_level(log_level_of((unsigned)server->settings.verbosity));
    tell_of_foreign_options(&server->settings);
    signal(SIGPIPE, SIG_IGN);
    event_set_log_callback(on_library_log);
    int code = start(server, &events, why, sizeof(why));
    if (code == EXIT_SUCCESS) {
        process_ready(&server->settings, server->ready_fd);
        service_ready();
        event_base_dispatch(server->base);
        service_stopping();
        log_info("shutting down: open requests are finished first");
    } else {
        complain(why);
    }
    stop(server, &events);
    return code;
}

int main(int argc, char **argv)
{
    char why[WHY_MAX] = "";
    static struct server server = { .stop_fd = -1, .ready_fd = -1 };
    AZ(pthread_mutex_init(&server.reset_lock, NULL));
    if (!settings_parse(&server.settings, argc, argv, why, sizeof(why))) {
        settings_fini(&server.settings);
        complain(why);
        return EX_CONFIG;
    }
    if (server.settings.help)
        settings_help(stdout);
    else if (server.settings.license)
        fputs(license, stdout);
    else if (server.settings.version)
        puts("mcd " PACKAGE_VERSION
             ", speaks the protocols of memcached " MEMCACHED_VERSION);
    else
        return run(&server);
    settings_fini(&server.settings);
    return EXIT_SUCCESS;
}
