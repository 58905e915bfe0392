#include "test/fake/cookie.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"

#define COOKIE_MAGIC 0xc00c1e00u

struct fake_cookie *fake_cookie_of(const void *cookie)
{
    struct fake_cookie *c = (struct fake_cookie *)(uintptr_t)cookie;
    CHECK_OBJ(c, COOKIE_MAGIC);
    return c;
}

const void *fake_cookie_create(struct fake_host *host)
{
    struct fake_cookie *c = calloc(1, sizeof(*c));
    pthread_condattr_t monotonic;
    AN(c);
    c->magic = COOKIE_MAGIC;
    c->host = host;
    c->references = 1;
    AZ(pthread_mutex_init(&c->lock, NULL));
    AZ(pthread_condattr_init(&monotonic));
    AZ(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC));
    AZ(pthread_cond_init(&c->changed, &monotonic));
    AZ(pthread_condattr_destroy(&monotonic));
    buffer_init(&c->response_body);
    fake_host_count_cookie(host, 1);
    fake_host_server(host)->callback->perform_callbacks(ON_CONNECT, NULL, c);
    return c;
}

static void cookie_unref(struct fake_cookie *c)
{
    AZ(pthread_mutex_lock(&c->lock));
    CHECK(c->references > 0);
    bool last = --c->references == 0;
    AZ(pthread_mutex_unlock(&c->lock));
    if (!last)
        return;
    fake_host_count_cookie(c->host, -1);
    AZ(pthread_cond_destroy(&c->changed));
    AZ(pthread_mutex_destroy(&c->lock));
    buffer_fini(&c->response_body);
    c->magic = 0;
    free(c);
}

void fake_cookie_destroy(const void *cookie)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    fake_host_server(c->host)->callback->perform_callbacks(ON_DISCONNECT, NULL, c);
    cookie_unref(c);
}

bool fake_cookie_wait(const void *cookie, ENGINE_ERROR_CODE *status, int ms)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    struct timespec until;
    AZ(clock_gettime(CLOCK_MONOTONIC, &until));
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    AZ(pthread_mutex_lock(&c->lock));
    int error = 0;
    while (c->waited == c->notified && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&c->changed, &c->lock, &until);
    bool ready = c->waited != c->notified;
    if (ready) {
        c->waited++;
        *status = c->status;
    }
    AZ(pthread_mutex_unlock(&c->lock));
    return ready;
}

unsigned fake_cookie_notified(const void *cookie)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    AZ(pthread_mutex_lock(&c->lock));
    unsigned n = c->notified;
    AZ(pthread_mutex_unlock(&c->lock));
    return n;
}

/* ---- the interface's functions */

static int cookie_socket(const void *cookie)
{
    (void)fake_cookie_of(cookie);
    return -1;
}

static void cookie_auth(const void *cookie, auth_data_t *data)
{
    (void)fake_cookie_of(cookie);
    *data = (auth_data_t){ NULL, NULL };
}

static void cookie_store(const void *cookie, void *engine_data)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    AZ(pthread_mutex_lock(&c->lock));
    c->engine_data = engine_data;
    AZ(pthread_mutex_unlock(&c->lock));
}

static void *cookie_load(const void *cookie)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    AZ(pthread_mutex_lock(&c->lock));
    void *engine_data = c->engine_data;
    AZ(pthread_mutex_unlock(&c->lock));
    return engine_data;
}

static void cookie_notify(const void *cookie, ENGINE_ERROR_CODE status)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    AZ(pthread_mutex_lock(&c->lock));
    c->status = status;
    c->notified++;
    AZ(pthread_cond_broadcast(&c->changed));
    AZ(pthread_mutex_unlock(&c->lock));
}

static ENGINE_ERROR_CODE cookie_reserve(const void *cookie)
{
    struct fake_cookie *c = fake_cookie_of(cookie);
    AZ(pthread_mutex_lock(&c->lock));
    c->references++;
    AZ(pthread_mutex_unlock(&c->lock));
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE cookie_release(const void *cookie)
{
    cookie_unref(fake_cookie_of(cookie));
    return ENGINE_SUCCESS;
}

SERVER_COOKIE_API fake_cookie_api = { cookie_socket, cookie_auth,   cookie_store,
                                      cookie_load,   cookie_notify, cookie_reserve,
                                      cookie_release };
