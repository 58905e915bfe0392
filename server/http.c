#include "server/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/host_port.h"
#include "server/address.h"
#include "server/scrape.h"
#include "server/log.h"
#include "server/openmetrics.h"
#include "server/server.h"
#include "server/visitors.h"

enum { HEADERS_MAX = 8192, SILENCE_SECONDS = 5 };

static const char page[] =
#include "server/page.inc" /* made from page.html */
    ;

struct http {
    struct server *server;
    struct event_base *base;
    struct evhttp *evhttp;
    struct visitors visitors;
    struct event *tick, *stop;
    int stop_fd;
    bool runs;
    pthread_t thread;
};

/* ---- answers */

static void set(struct evhttp_request *req, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(req), name, value);
}

static void answer(struct evhttp_request *req, bool good, const char *type,
                   struct evbuffer *body)
{
    set(req, "Content-Type", type);
    set(req, "Cache-Control", "no-store");
    set(req, "Connection", "close");
    evhttp_send_reply(req, good ? HTTP_OK : HTTP_SERVUNAVAIL,
                      good ? "OK" : "Service Unavailable", body);
}

static void answer_page(struct evhttp_request *req, const struct scrape *f)
{
    (void)f;
    struct evbuffer *body = evhttp_request_get_output_buffer(req);
    set(req, "Content-Security-Policy", "default-src 'self' 'unsafe-inline'");
    if (evbuffer_add_reference(body, page, sizeof(page) - 1, NULL, NULL) == 0)
        answer(req, true, "text/html; charset=utf-8", NULL);
    else
        evhttp_send_error(req, HTTP_INTERNAL, "out of memory");
}

static void answer_metrics(struct evhttp_request *req, const struct scrape *f)
{
    if (openmetrics_compose(f, evhttp_request_get_output_buffer(req)))
        answer(req, true, OPENMETRICS_TYPE, NULL);
    else
        evhttp_send_error(req, HTTP_INTERNAL, "out of memory");
}

static void answer_status(struct evhttp_request *req, const struct scrape *f)
{
    if (openmetrics_compose_json(f, evhttp_request_get_output_buffer(req)))
        answer(req, true, "application/json", NULL);
    else
        evhttp_send_error(req, HTTP_INTERNAL, "out of memory");
}

static void answer_verdict(struct evhttp_request *req, bool good, const char *text)
{
    evbuffer_add_printf(evhttp_request_get_output_buffer(req), "%s\n", text);
    answer(req, good, "text/plain; charset=utf-8", NULL);
}

/* A node that replicates nothing is as good as it gets. */
static bool is_alone(const struct scrape *f)
{
    const char *link = scrape_find(f, "repl_link");
    return link == NULL || strcmp(link, "off") == 0;
}

static const char *role_of(const struct scrape *f)
{
    const char *role = scrape_find(f, "repl_role");
    return is_alone(f) || role == NULL ? "single" : role;
}

static void answer_health(struct evhttp_request *req, const struct scrape *f)
{
    const char *why = scrape_find(f, "repl_health");
    answer_verdict(req, is_alone(f) || scrape_is_set(f, "repl_fit"),
                   is_alone(f) || why == NULL ? "single" : why);
}

static void answer_role(struct evhttp_request *req, const struct scrape *f)
{
    answer_verdict(req, is_alone(f) || scrape_is_set(f, "repl_active"), role_of(f));
}

static void answer_ready(struct evhttp_request *req, const struct scrape *f)
{
    bool fit = scrape_is_set(f, "repl_fit");
    bool active = scrape_is_set(f, "repl_active");
    bool led = scrape_is_set(f, "repl_peer_active");
    answer_verdict(req, is_alone(f) || (fit && (active || !led)), role_of(f));
}

/* For roll-outs, which take the next node away: does each node have what the other one
 * has, except for what is on the wire? An empty node without a peer may be fit, but not
 * this. */
static void answer_sync(struct evhttp_request *req, const struct scrape *f)
{
    const char *link = is_alone(f) ? "single" : scrape_find(f, "repl_link");
    answer_verdict(req, is_alone(f) || strcmp(link, "streaming") == 0, link);
}

static const struct {
    const char *path;
    void (*run)(struct evhttp_request *req, const struct scrape *f);
} routes[] = {
    { "/", answer_page },         { "/metrics", answer_metrics },
    { "/status", answer_status }, { "/health", answer_health },
    { "/role", answer_role },     { "/ready", answer_ready },
    { "/sync", answer_sync },
};

static void run_route(struct http *http, struct evhttp_request *req, size_t i)
{
    struct scrape f;
    if (scrape_take(&f, http->server))
        routes[i].run(req, &f);
    else
        evhttp_send_error(req, HTTP_INTERNAL, "out of memory");
    scrape_free(&f);
}

static void on_request(struct evhttp_request *req, void *arg)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    for (size_t i = 0; path != NULL && i < N_ELEMENTS(routes); i++) {
        if (strcmp(routes[i].path, path) == 0) {
            run_route(arg, req, i);
            return;
        }
    }
    set(req, "Connection", "close");
    evhttp_send_error(req, HTTP_NOTFOUND, NULL);
}

/* ---- the thread */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;
    (void)fd, (void)what;
    visitors_look(&http->visitors);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct http *http = arg;
    (void)fd, (void)what;
    event_base_loopbreak(http->base);
}

static void *run(void *arg)
{
    struct http *http = arg;
    event_base_dispatch(http->base);
    return NULL;
}

static void release(struct http *http)
{
    if (http->evhttp != NULL)
        evhttp_free(http->evhttp);
    visitors_fini(&http->visitors);
    if (http->tick != NULL)
        event_free(http->tick);
    if (http->stop != NULL)
        event_free(http->stop);
    if (http->base != NULL)
        event_base_free(http->base);
    if (http->stop_fd >= 0)
        close(http->stop_fd);
    free(http);
}

static bool make_events(struct http *http)
{
    static const struct timeval second = { .tv_sec = 1 };
    http->base = event_base_new();
    http->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (http->base == NULL || http->stop_fd < 0)
        return false;
    http->evhttp = evhttp_new(http->base);
    http->tick = event_new(http->base, -1, EV_PERSIST, on_tick, http);
    http->stop = event_new(http->base, http->stop_fd, EV_READ, on_stop, http);
    return http->evhttp != NULL && http->tick != NULL && http->stop != NULL &&
           event_add(http->tick, &second) == 0 && event_add(http->stop, NULL) == 0;
}

static void set_limits(struct http *http)
{
    evhttp_set_allowed_methods(http->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(http->evhttp, HEADERS_MAX);
    evhttp_set_max_body_size(http->evhttp, 0);
    evhttp_set_timeout(http->evhttp, SILENCE_SECONDS);
    evhttp_set_gencb(http->evhttp, on_request, http);
    visitors_watch(&http->visitors, http->evhttp);
}

/* "ADDR:PORT" or "PORT". */
static bool parse(const char *address, struct host_port *at)
{
    if (host_port_parse_port(address, &at->port)) {
        snprintf(at->host, sizeof(at->host), "127.0.0.1");
        return true;
    }
    return host_port_parse(address, at) && at->host[0] != '\0' && at->has_port;
}

/* A listening socket, or -1 with errno. */
static int listen_at(const struct addrinfo *ai)
{
    static const int on = 1;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The first address of a name that can be had. libevent's own function takes no IPv4
 * address, not even 127.0.0.1, on a machine that has an IPv6 address and no other one.
 * -1: *error says why, and errno does if there is advice on it. */
static int listen_on(const struct host_port *at, const char **error)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    char port[8];
    int fd = -1;
    snprintf(port, sizeof(port), "%u", at->port);
    int failed = getaddrinfo(at->host, port, &hints, &list);
    if (failed != 0) {
        *error = failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed);
        errno = 0;
        return -1;
    }
    for (const struct addrinfo *ai = list; fd < 0 && ai != NULL; ai = ai->ai_next)
        fd = listen_at(ai);
    int reason = errno;
    *error = strerror(reason);
    freeaddrinfo(list);
    errno = reason;
    return fd;
}

struct http *http_bind(struct server *server, const char *address, char *why, size_t nwhy)
{
    struct host_port at = { 0 };
    char own[ADDRESS_MAX];
    if (!parse(address, &at)) {
        snprintf(why, nwhy, "--http is PORT or ADDRESS:PORT, not '%s'", address);
        return NULL;
    }
    struct http *http = calloc(1, sizeof(*http));
    if (http == NULL || (http->server = server, !make_events(http))) {
        snprintf(why, nwhy, "cannot create an event loop for --http");
        if (http != NULL)
            release(http);
        return NULL;
    }
    set_limits(http);
    const char *error = "out of memory";
    int fd = listen_on(&at, &error);
    if (fd < 0 || evhttp_accept_socket_with_handle(http->evhttp, fd) == NULL) {
        snprintf(why, nwhy, "cannot listen on %s for --http: %s%s", address, error,
                 fd < 0 ? listener_advice(errno) : "");
        if (fd >= 0)
            close(fd);
        release(http);
        return NULL;
    }
    if (address_own(fd, own, sizeof(own)))
        log_info("HTTP on %s", own);
    return http;
}

bool http_start(struct http *http, char *why, size_t nwhy)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    http->runs = pthread_create(&http->thread, NULL, run, http) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!http->runs)
        snprintf(why, nwhy, "cannot start the thread of --http");
    return http->runs;
}

void http_stop(struct http *http)
{
    if (http == NULL)
        return;
    if (http->runs) {
        while (eventfd_write(http->stop_fd, 1) != 0)
            continue;
        pthread_join(http->thread, NULL);
    }
    release(http);
}
