/*
 * The fixture for tests of the store: a fake host, one engine, one cookie. It starts an
 * engine with RIG_CONFIG; a test that needs another one calls rig_restart.
 */
#ifndef TEST_UNIT_STORE_RIG_H
#define TEST_UNIT_STORE_RIG_H

#include "config.h"
#include "store/instance.h"
#include "test/fake/client.h"
#include "test/unit/unit.h"

static struct fake_host *host;
static ENGINE_HANDLE_V1 *engine;
static const void *cookie;

static inline void rig_start(const char *config)
{
    ENGINE_ERROR_CODE error;
    host = fake_host_create();
    engine = fake_engine_create(host, store_create_instance, config, &error);
    ck_assert_ptr_nonnull(engine);
    /* The same places in every run. */
    store_of((ENGINE_HANDLE *)engine)->secret = (struct siphash_secret){ { 1, 2 } };
    cookie = fake_cookie_create(host);
}

static inline void rig_stop(void)
{
    fake_cookie_destroy(cookie);
    fake_engine_destroy(engine);
    ck_assert_uint_eq(fake_host_cookies(host), 0);
    fake_host_destroy(host);
}

static inline void rig_restart(const char *config)
{
    rig_stop();
    rig_start(config);
}

/* Stores with all arguments. */
static inline ENGINE_ERROR_CODE rig_put(ENGINE_STORE_OPERATION op, const char *key,
                                        const char *value, uint64_t expected,
                                        uint64_t *cas)
{
    struct fake_store what = {
        .op = op, .key = key, .value = value, .flags = 0xfedcba98, .expected = expected
    };
    return fake_store(engine, cookie, &what, cas);
}

static inline uint64_t rig_stat(const char *name)
{
    return fake_stat_number(engine, cookie, NULL, name);
}

static inline int rig_run(const char *module, SFun setup, const TTest *const *tests,
                          size_t n)
{
    return unit_run_with(module, setup, rig_stop, tests, n);
}

#endif
