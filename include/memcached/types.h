/*
 * The types that hosts, engines and extensions share.
 */
#ifndef MEMCACHED_TYPES_H
#define MEMCACHED_TYPES_H

#ifndef __cplusplus
#include <stdbool.h>
#endif

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds since the host process started; 32 bits, so that items stay small.
 * As an expiry time 0 means never. */
typedef uint32_t rel_time_t;

/* The results of an engine. The comments say how a host treats them. */
typedef enum {
    ENGINE_SUCCESS = 0x00,
    ENGINE_KEY_ENOENT = 0x01,     /* no such key: "not found" */
    ENGINE_KEY_EEXISTS = 0x02,    /* the CAS differs: "exists" */
    ENGINE_ENOMEM = 0x03,         /* nothing could be evicted to make room */
    ENGINE_NOT_STORED = 0x04,     /* the condition of add, replace, append failed */
    ENGINE_EINVAL = 0x05,         /* bad argument, such as arithmetic on a text */
    ENGINE_ENOTSUP = 0x06,        /* this engine does not offer the operation */
    ENGINE_EWOULDBLOCK = 0x07,    /* park the cookie until notify_io_complete */
    ENGINE_E2BIG = 0x08,          /* larger than the engine can ever hold */
    ENGINE_WANT_MORE = 0x09,      /* continue when more input is available */
    ENGINE_DISCONNECT = 0x0a,     /* close this client's connection */
    ENGINE_EACCESS = 0x0b,        /* this client may not do that */
    ENGINE_NOT_MY_VBUCKET = 0x0c, /* another node is responsible for the key */
    ENGINE_TMPFAIL = 0x0d,        /* try again later */
    ENGINE_ERANGE = 0x0e,         /* a number outside its range */
    ENGINE_FAILED = 0xff          /* anything else */
} ENGINE_ERROR_CODE;

/* The condition under which store() links an item. */
typedef enum {
    OPERATION_ADD = 1, /* only if the key is absent */
    OPERATION_SET,     /* always */
    OPERATION_REPLACE, /* only if the key is present */
    OPERATION_APPEND,  /* the item is a piece: behind the value that is present */
    OPERATION_PREPEND, /* the item is a piece: before the value that is present */
    OPERATION_CAS      /* only if the key's CAS is the one set on the item */
} ENGINE_STORE_OPERATION;

/* Opaque to the host: only the engine that made an item knows its layout. */
typedef void item;

/* The result of get_item_info(). The pointers lead into the item and are valid as long
 * as the caller holds its reference. */
typedef struct {
    uint64_t cas;
    rel_time_t exptime;    /* already relative to the start of the process */
    uint32_t nbytes;       /* of the whole value */
    uint32_t flags;        /* network byte order, as allocate() got them */
    uint8_t clsid;         /* the engine's own size class, for display only */
    uint16_t nkey;         /* bytes */
    uint16_t nvalue;       /* in: elements of value with room; out: elements used */
    const void *key;       /* not terminated */
    struct iovec value[1]; /* where the bytes of the value are, or must be written */
} item_info;

/* The user that a connection has authenticated as; NULL members if none. */
typedef struct {
    const char *username;
    const char *config;
} auth_data_t;

/* Declared here because callbacks name it; <memcached/engine.h> has the members. */
typedef struct server_handle_v1_t SERVER_HANDLE_V1;

#ifdef __cplusplus
}
#endif

#endif
