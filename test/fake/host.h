/*
 * A memcached host without a network, for tests of engines. A test may have several of
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
 * Time stands still unless the test moves it. Any thread may call the functions; only
 * one thread may create and destroy hosts. With FAKE_LOG=1 in the environment, the
 * engines' log also goes to standard error.
 */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <memcached/engine.h>

/* More hosts at once are a bug in the test. */
enum { FAKE_HOSTS = 4 };

struct fake_host;

struct fake_host *fake_host_create(void);
void fake_host_destroy(struct fake_host *host);

/* The argument for create_instance, and what it returns. */
GET_SERVER_API fake_host_api(const struct fake_host *host);
SERVER_HANDLE_V1 *fake_host_server(struct fake_host *host);

/* The clock starts at 10 seconds of uptime, which is FAKE_STARTED + 10 since 1970. */
enum { FAKE_STARTED = 1600000000 };
void fake_host_advance(struct fake_host *host, unsigned seconds);
rel_time_t fake_host_time(const struct fake_host *host);

/* How often `evicting` and `shutdown` have been called. */
uint64_t fake_host_evictions(const struct fake_host *host);
uint64_t fake_host_shutdowns(const struct fake_host *host);

/* logged: was a line logged that contains this part? clear: forget the lines. */
bool fake_host_logged(struct fake_host *host, const char *part);
void fake_host_log_clear(struct fake_host *host);

/* A connection: create calls the engines' ON_CONNECT, destroy their ON_DISCONNECT. A
 * cookie that an engine has reserved stays valid until the engine releases it. */
const void *fake_cookie_create(struct fake_host *host);
void fake_cookie_destroy(const void *cookie);

/* How many cookies exist, including reserved ones: must be 0 at the end of a test. */
unsigned fake_host_cookies(const struct fake_host *host);

/* Wait until the engine calls notify_io_complete, for ms milliseconds at most. False if
 * it did not. Each of its calls ends one wait. */
bool fake_cookie_wait(const void *cookie, ENGINE_ERROR_CODE *status, int ms);
unsigned fake_cookie_notified(const void *cookie);

/* Load, create and initialize an engine from the build tree ($MCD_BUILD, or the working
 * directory), or from a path with a slash. fake_engine_try: NULL if that failed; *error
 * tells how, unless error is NULL. The module stays loaded, so that leak reports have
 * names. */
ENGINE_HANDLE_V1 *fake_engine_load(struct fake_host *host, const char *module,
                                   const char *config);
ENGINE_HANDLE_V1 *fake_engine_try(struct fake_host *host, const char *module,
                                  const char *config, ENGINE_ERROR_CODE *error);
/* The same for an engine that is linked into the test. */
ENGINE_HANDLE_V1 *fake_engine_create(struct fake_host *host, CREATE_INSTANCE create,
                                     const char *config, ENGINE_ERROR_CODE *error);
void fake_engine_destroy(ENGINE_HANDLE_V1 *engine);

#endif
