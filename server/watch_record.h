/*
 * What a watcher is told, before it is a line (watch_line.h): plain data, with texts that
 * last as long as the process. In a feed's ring the key follows it.
 */
#ifndef SERVER_WATCH_RECORD_H
#define SERVER_WATCH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "server/origin.h"

/* The words of the command `watch`, as a set. */
enum {
    WATCH_FETCHERS = 1,
    WATCH_MUTATIONS = 2,
    WATCH_EVICTIONS = 4,
    WATCH_DELETIONS = 8,
    WATCH_CONNEVENTS = 16
};

enum watch_kind {
    WATCH_ITEM_GET,
    WATCH_ITEM_STORE,
    WATCH_EVICTION,
    WATCH_DELETED,
    WATCH_CONN_NEW,
    WATCH_CONN_CLOSE,
    WATCH_KINDS
};

struct watch_record {
    uint16_t
        size; /* in a ring: of all, a multiple of 8; 0: the ring goes on at its start */
    uint8_t kind;
    uint8_t nkey;
    uint8_t clsid;
    bool is_known; /* of an eviction: the engine has told more than the key */
    bool fetched;
    int32_t fd;
    uint32_t microseconds;
    int64_t seconds;       /* since 1970 */
    uint64_t gid;          /* later ones are higher */
    const char *status;    /* what came of a look-up or a store */
    const char *command;   /* what stored or deleted */
    const char *transport; /* of a connection */
    const char *reason;    /* why it was closed */
    int64_t ttl;           /* seconds that are left */
    uint32_t idle;         /* seconds since its last use */
    uint32_t nbytes;       /* of the value */
    struct origin origin;  /* of a connection */
};

#endif
