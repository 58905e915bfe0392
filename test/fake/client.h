/*
 * What a host does with an engine for a client's command: one function for each
 * command. If the engine returns ENGINE_EWOULDBLOCK, these wait for it as a parked
 * connection does, for ten seconds at most, and then check-fail. Keys and values are
 * text; the _bytes forms take any bytes. Flags are in host byte order. `cas` may be
 * NULL where it is an output.
 */
#ifndef TEST_FAKE_CLIENT_H
#define TEST_FAKE_CLIENT_H

#include "test/fake/host.h"

/* An item as a client sees it. fake_value_fini frees the bytes. */
struct fake_value {
    char *bytes; /* with a NUL after nbytes */
    size_t nbytes;
    uint32_t flags;
    uint64_t cas;
    rel_time_t exptime; /* 0 never */
};

void fake_value_fini(struct fake_value *value);

/* A store command; all members except op, key and value may be left out. */
struct fake_store {
    ENGINE_STORE_OPERATION op;
    const char *key;
    size_t nkey; /* 0: strlen */
    const char *value;
    size_t nvalue; /* 0: strlen, of NULL 0 */
    uint32_t flags;
    rel_time_t exptime; /* as the client sends it */
    uint64_t expected;  /* the CAS of OPERATION_CAS */
};

ENGINE_ERROR_CODE fake_store(ENGINE_HANDLE_V1 *engine, const void *cookie,
                             const struct fake_store *what, uint64_t *cas);
ENGINE_ERROR_CODE fake_set(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
                           const char *value);

/* With ENGINE_SUCCESS *value is filled in. */
ENGINE_ERROR_CODE fake_get(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
                           struct fake_value *value);
ENGINE_ERROR_CODE fake_get_bytes(ENGINE_HANDLE_V1 *engine, const void *cookie,
                                 const void *key, size_t nkey, struct fake_value *value);
/* Does the key have this value? With value NULL: is it absent? */
bool fake_has(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
              const char *value);

ENGINE_ERROR_CODE fake_delete(ENGINE_HANDLE_V1 *engine, const void *cookie,
                              const char *key, uint64_t expected);

struct fake_arith {
    const char *key;
    bool decrement, create;
    uint64_t delta, initial;
    rel_time_t exptime;
};

ENGINE_ERROR_CODE fake_arith(ENGINE_HANDLE_V1 *engine, const void *cookie,
                             const struct fake_arith *what, uint64_t *result,
                             uint64_t *cas);

/* Sent as binary requests through unknown_command. value may be NULL. */
ENGINE_ERROR_CODE fake_touch(ENGINE_HANDLE_V1 *engine, const void *cookie,
                             const char *key, uint32_t exptime);
ENGINE_ERROR_CODE fake_gat(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *key,
                           uint32_t exptime, struct fake_value *value);
/* Any packet, header included; the status of the response, -1 if there was none. */
int fake_packet(ENGINE_HANDLE_V1 *engine, const void *cookie, const void *packet,
                ENGINE_ERROR_CODE *error);

ENGINE_ERROR_CODE fake_flush(ENGINE_HANDLE_V1 *engine, const void *cookie, time_t when);

/* One statistic of a group (NULL: the plain ones) as text; false if there is none. */
bool fake_stat(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *group,
               const char *name, char *text, size_t ntext);
/* The same as a number; check-fails if there is no such statistic. */
uint64_t fake_stat_number(ENGINE_HANDLE_V1 *engine, const void *cookie, const char *group,
                          const char *name);

/* Scan the tap iterator to its end and call each() for every mutation with its key and
 * value. Returns the number of mutations. */
typedef void (*fake_each)(void *context, const void *key, size_t nkey,
                          const struct fake_value *value);
size_t fake_scan(ENGINE_HANDLE_V1 *engine, const void *cookie, fake_each each,
                 void *context);

#endif
