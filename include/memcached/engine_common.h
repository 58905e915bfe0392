/*
 * Shared by engines and extensions: the head of an engine handle, and the two callbacks
 * through which they answer a client.
 */
#ifndef MEMCACHED_ENGINE_COMMON_H
#define MEMCACHED_ENGINE_COMMON_H

#ifndef __cplusplus
#include <stdbool.h>
#endif

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The handle of every interface version begins with these bytes, so that the host can
 * determine the version. */
typedef struct engine_interface {
    uint64_t interface; /* ENGINE_INTERFACE_VERSION of the engine */
} ENGINE_HANDLE;

/* The host passes it to get_stats(); the engine calls it once for each statistic, on
 * the same thread, with the cookie of that call. Key and value are text without
 * terminator, lengths in bytes; the host copies both before it returns. */
typedef void (*ADD_STAT)(const char *key, const uint16_t klen, const char *val,
                         const uint32_t vlen, const void *cookie);

/* The host passes it to unknown_command(); the engine calls it, on the same thread, to
 * queue one binary response. Lengths are in bytes and may be 0; everything is copied.
 * `status` is a protocol_binary_response_status, `cas` is in host byte order, and the
 * host fills in opcode and opaque from the request. False if memory is exhausted: the
 * engine then returns ENGINE_DISCONNECT or ENGINE_FAILED. */
typedef bool (*ADD_RESPONSE)(const void *key, uint16_t keylen, const void *ext,
                             uint8_t extlen, const void *body, uint32_t bodylen,
                             uint8_t datatype, uint16_t status, uint64_t cas,
                             const void *cookie);

#ifdef __cplusplus
}
#endif

#endif
