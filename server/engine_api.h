/*
 * The part of the host that engines and extensions see: SERVER_HANDLE_V1. Its functions
 * have no context argument, so they refer to the one server in this process.
 */
#ifndef SERVER_ENGINE_API_H
#define SERVER_ENGINE_API_H

#include <stdbool.h>

#include <memcached/engine.h>

struct server;

/* Once, before a module is loaded. */
void server_api_init(struct server *server);
SERVER_HANDLE_V1 *server_api_get(void);

/* What clients are told; configure.ac has it. */
const char *server_api_version(void);
/* Any thread: shuts the process down as SIGTERM does. */
void server_api_stop(void);
/* Changes the log level and tells the subscribers. */
void server_api_set_level(EXTENSION_LOG_LEVEL level);

#endif
