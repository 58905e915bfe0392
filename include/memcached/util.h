/*
 * Small functions that hosts offer to modules by name: a module that uses them leaves
 * the symbols undefined, and the host's program resolves them. Any thread.
 */
#ifndef MEMCACHED_UTIL_H
#define MEMCACHED_UTIL_H

#ifndef __cplusplus
#include <stdbool.h>
#endif

#include <memcached/visibility.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Converts text to a number, base 10. Only the end of the text or a blank may follow the
 * number. False, and *out 0, if it is not a number or does not fit the type. */
MEMCACHED_PUBLIC_API bool safe_strtoull(const char *str, uint64_t *out);
MEMCACHED_PUBLIC_API bool safe_strtoll(const char *str, int64_t *out);
MEMCACHED_PUBLIC_API bool safe_strtoul(const char *str, uint32_t *out);
MEMCACHED_PUBLIC_API bool safe_strtol(const char *str, int32_t *out);
MEMCACHED_PUBLIC_API bool safe_strtof(const char *str, float *out);

/* Converts 64 bits between host and network byte order; some systems have these. */
#ifndef HAVE_HTONLL
MEMCACHED_PUBLIC_API extern uint64_t htonll(uint64_t);
MEMCACHED_PUBLIC_API extern uint64_t ntohll(uint64_t);
#endif

/* perror() with a formatted text before the reason in errno. */
#ifdef __GNUC__
__attribute__((format(printf, 1, 2)))
#endif
MEMCACHED_PUBLIC_API void
vperror(const char *fmt, ...);

#ifdef __cplusplus
}
#endif

#endif
