/*
 * Storage engines and extensions as modules. Main thread, at start and at the end.
 *
 *   engine_load         module found, symbol found, instance made, entries complete
 *   engine_initialize   configured; its threads may run from here on
 *   engine_destroy      after the workers have stopped
 *
 * Errors are sentences for the user, in `why`.
 */
#ifndef SERVER_ENGINE_LOADER_H
#define SERVER_ENGINE_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine.h>

struct engine {
    void *library;
    ENGINE_HANDLE *handle;
    ENGINE_HANDLE_V1 *api; /* the same object */
};

/* name without a slash is looked up in directory. On failure nothing is left behind. */
bool engine_load(struct engine *e, const char *name, const char *directory,
                 GET_SERVER_API get_server_api, char *why, size_t nwhy);

/* config may be NULL. On failure the engine has been destroyed. ENGINE_EINVAL: it would
 * fail each time, for what is wrong is the configuration. */
ENGINE_ERROR_CODE engine_initialize(struct engine *e, const char *config, char *why,
                                    size_t nwhy);
void engine_destroy(struct engine *e, bool force);

/* text is FILE or FILE,CONFIG. */
bool extension_load(const char *text, const char *directory,
                    GET_SERVER_API get_server_api, char *why, size_t nwhy);

/* Its name, for the log. */
void engine_describe(const struct engine *e, char *text, size_t ntext);

/* What an engine error code means, in words. */
const char *engine_error_text(ENGINE_ERROR_CODE code);

#endif
