/*
 * A memcached host without network, for tests of engines. A test may hold several of
 * them, and so two nodes, in one process:
 *
 *   struct fake_host *host = fake_host_create();
 *   ENGINE_HANDLE_V1 *e = fake_engine_load(host, "default_engine.so", "cache_size=8m");
 *   const void *cookie = fake_cookie_create(host);
 *   ... test/fake/client.h ...
 *   fake_cookie_destroy(cookie);
 *   fake_engine_destroy(e);
 *   fake_host_destroy(host);
 *
 * Time stands still unless the test moves it. All functions may be called from any
 * thread; create and destroy from one. With FAKE_LOG=1 in the environment, what
 * engines log also goes to standard error.
 */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <memcached/engine.h>

/* More than this many at once is a bug of the test. */
enum { FAKE_HOSTS = 4 };

struct fake_host;

struct fake_host *fake_host_create(void);
void fake_host_destroy(struct fake_host *host);

/* What create_instance gets; and what that returns. */
GET_SERVER_API fake_host_api(const struct fake_host *host);
SERVER_HANDLE_V1 *fake_host_server(struct fake_host *host);

/* The clock starts at 10 seconds of uptime, at FAKE_STARTED + 10 of the calendar. */
enum { FAKE_STARTED = 1600000000 };
void fake_host_advance(struct fake_host *host, unsigned seconds);
rel_time_t fake_host_time(const struct fake_host *host);

/* Calls of evicting, and of shutdown, so far. */
uint64_t fake_host_evictions(const struct fake_host *host);
uint64_t fake_host_shutdowns(const struct fake_host *host);

/* Was a line logged that has this part? Forget the lines. */
bool fake_host_logged(struct fake_host *host, const char *part);
void fake_host_log_clear(struct fake_host *host);

/* A connection: create performs ON_CONNECT, destroy ON_DISCONNECT. A cookie that an
 * engine has reserved stays valid until it releases it. */
const void *fake_cookie_create(struct fake_host *host);
void fake_cookie_destroy(const void *cookie);

/* Cookies that are alive, reserved ones among them: 0 at a test's end. */
unsigned fake_host_cookies(const struct fake_host *host);

/* Wait until the engine calls notify_io_complete, ms milliseconds at most. False if
 * it did not. Every call counts once. */
bool fake_cookie_wait(const void *cookie, ENGINE_ERROR_CODE *status, int ms);
unsigned fake_cookie_notified(const void *cookie);

/* An engine from the build tree ($MCD_BUILD, or the working directory), or from a path
 * with a slash. Created and initialized; NULL if that failed, and *error, unless it is
 * NULL, tells how. The module stays loaded, so that leak reports have names. */
ENGINE_HANDLE_V1 *fake_engine_load(struct fake_host *host, const char *module,
                                   const char *config);
ENGINE_HANDLE_V1 *fake_engine_try(struct fake_host *host, const char *module,
                                  const char *config, ENGINE_ERROR_CODE *error);
/* The same for an engine that is linked into the test. */
ENGINE_HANDLE_V1 *fake_engine_create(struct fake_host *host, CREATE_INSTANCE create,
                                     const char *config, ENGINE_ERROR_CODE *error);
void fake_engine_destroy(ENGINE_HANDLE_V1 *engine);

#endif
