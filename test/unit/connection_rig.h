/*
 * The fixture for tests of connections: a server without listeners, one worker that the
 * test runs, a tiny engine, and a client at the other end of a socket pair.
 */
#ifndef TEST_UNIT_CONNECTION_RIG_H
#define TEST_UNIT_CONNECTION_RIG_H

#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/server.h"
#include "server/engine_api.h"
#include "server/stats.h"
#include "server/worker_loop.h"
#include "test/fake/tiny_engine.h"
#include "test/unit/unit.h"

#ifndef BY_IO_URING /* Makefile.am builds such tests twice */
#define BY_IO_URING false
#endif

enum { DEADLINE_MS = 20000, BIG = 300000 };

static struct server server;
static struct worker worker;
static int client;

static inline int connect_client(void)
{
    int ends[2];
    struct timeval limit = { DEADLINE_MS / 1000, 0 };
    AZ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    AZ(evutil_make_socket_nonblocking(ends[1]));
    AZ(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    ck_assert(worker_give(&worker, ends[1], (struct entrance){ 0 }));
    atomic_fetch_add(&server.listeners.accepted, 1);
    return ends[0];
}

/* The worker reads the settings as soon as it runs. */
static inline void begin_with(size_t piece, bool arithmetic,
                              const struct settings *settings)
{
    char why[256];
    memset(&server, 0, sizeof(server));
    memset((void *)&worker, 0, sizeof(worker));
    AZ(pthread_mutex_init(&server.reset_lock, NULL));
    server.stop_fd = -1;
    server.settings = *settings;
    server.settings.io_uring = BY_IO_URING;
    server.engine.api = tiny_engine_start(piece, arithmetic);
    server.engine.handle = (ENGINE_HANDLE *)server.engine.api;
    server.workers = &worker;
    server.nworkers = 1;
    server.pools.limit = settings->conn_memory_mb << 20;
    watchers_init(&server.watch, settings->worker_logbuf_size << 10,
                  settings->watcher_logbuf_size << 10);
    watchers_attach(&server.watch, &worker, 1);
    clock_start();
    server_api_init(&server);
    ck_assert_msg(worker_init(&worker, &server, why, sizeof(why)), "%s", why);
    ck_assert_msg(worker_start(&worker, why, sizeof(why)), "%s", why);
    client = connect_client();
}

static inline void begin(size_t piece, bool arithmetic)
{
    const struct settings settings = { .requests_per_event = 20, .threads = 1 };
    begin_with(piece, arithmetic, &settings);
}

static inline void finish(void)
{
    close(client);
    worker_stop(&worker);
    worker_join(&worker);
    watchers_stop(&server.watch);
    worker_fini(&worker);
    watchers_fini(&server.watch);
    ck_assert_uint_eq(tiny_engine_stop(), 0);
}

/* The end of a ring (server/uring.h) interrupts the thread that has opened it: a system
 * call then has done a part, or nothing. */
static inline void say(const char *text)
{
    size_t n = strlen(text);
    while (n > 0) {
        ssize_t sent = send(client, text, n, MSG_NOSIGNAL);
        ck_assert(sent > 0 || errno == EINTR);
        text += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
}

static inline void hear(const char *wanted)
{
    static char got[2 * BIG];
    size_t n = strlen(wanted);
    ck_assert_uint_lt(n, sizeof(got));
    size_t all = 0;
    ssize_t more = 1;
    while (all < n && (more > 0 || (more < 0 && errno == EINTR))) {
        more = recv(client, got + all, n - all, 0);
        all += more > 0 ? (size_t)more : 0;
    }
    got[all] = '\0';
    ck_assert_str_eq(got, wanted);
}

static inline void hear_end(void)
{
    char byte;
    ssize_t n;
    do
        n = recv(client, &byte, 1, 0);
    while (n < 0 && errno == EINTR);
    ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "it is not closed");
}

static inline void ask(const char *text, const char *wanted)
{
    say(text);
    hear(wanted);
}

/* Waits until the engine has refused a call with EWOULDBLOCK. */
static const void *wait_for_cookie(void)
{
    for (unsigned i = 0; i < DEADLINE_MS && tiny_engine_cookie() == NULL; i++)
        poll(NULL, 0, 1);
    ck_assert_ptr_nonnull(tiny_engine_cookie());
    return tiny_engine_cookie();
}

static inline void notify(ENGINE_ERROR_CODE status)
{
    server_api_get()->cookie->notify_io_complete(wait_for_cookie(), status);
}

#endif
