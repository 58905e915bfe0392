/*
 * The two built-in loggers of a host.
 */
#ifndef MEMCACHED_EXTENSION_LOGGERS_H
#define MEMCACHED_EXTENSION_LOGGERS_H

#include <memcached/extension.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Drops everything. Static. */
MEMCACHED_PUBLIC_API EXTENSION_LOGGER_DESCRIPTOR *get_null_logger(void);

/* Writes lines to standard error. Static; usable after the next call. */
MEMCACHED_PUBLIC_API EXTENSION_LOGGER_DESCRIPTOR *get_stderr_logger(void);

/* Call once, at start, before other threads exist: registers the stderr logger. */
MEMCACHED_PUBLIC_API
EXTENSION_ERROR_CODE memcached_initialize_stderr_logger(GET_SERVER_API get_server_api);

#ifdef __cplusplus
}
#endif

#endif
