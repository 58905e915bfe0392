/*
 * A cookie of the fake host, and what passes through it. Only for files of test/fake.
 */
#ifndef TEST_FAKE_COOKIE_H
#define TEST_FAKE_COOKIE_H

#include <pthread.h>

#include "base/buffer.h"
#include "test/fake/host.h"

struct fake_cookie {
    unsigned magic;
    struct fake_host *host;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    void *engine_data;
    unsigned references; /* one for the connection, one for each reserve */
    unsigned notified, waited;
    ENGINE_ERROR_CODE status;
    /* the last response to unknown_command; only for the cookie's own thread */
    bool responded;
    uint16_t response_status;
    uint64_t response_cas;
    uint32_t response_flags;
    struct buffer response_body;
    /* the statistic that is wanted from get_stats; only for that thread, too */
    const char *wanted;
    char *found; /* where to put its text; NULL once it has come */
    size_t nfound;
};

extern SERVER_COOKIE_API fake_cookie_api;

struct fake_cookie *fake_cookie_of(const void *cookie);
void fake_host_count_cookie(struct fake_host *host, int change);

#endif
