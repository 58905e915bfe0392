/*
 * A storage engine as a module: the host's, or one that another engine wraps. Called by
 * one thread, at start and at the end.
 *
 *   engine_module_load         finds module and symbol, creates an instance
 *   engine_module_initialize   configures it; its threads may run from here on
 *   engine_module_destroy      when nobody calls it any more
 *
 * Errors are sentences for the user, in `why`.
 */
#ifndef BASE_ENGINE_MODULE_H
#define BASE_ENGINE_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine.h>

struct engine_module {
    const char *what; /* the name for it in errors, such as "engine" */
    void *library;
    ENGINE_HANDLE *handle; /* NULL: there is none */
    ENGINE_HANDLE_V1 *api; /* the same object */
};

/* A name without a slash is looked up in directory. `what` must stay valid. On failure
 * everything is released. */
bool engine_module_load(struct engine_module *m, const char *what, const char *name,
                        const char *directory, GET_SERVER_API get_server_api, char *why,
                        size_t nwhy);

/* config may be NULL. On failure the engine has been destroyed. ENGINE_EINVAL: the
 * configuration is wrong, so it would fail each time. */
ENGINE_ERROR_CODE engine_module_initialize(struct engine_module *m, const char *config,
                                           char *why, size_t nwhy);
/* Does nothing if there is none. */
void engine_module_destroy(struct engine_module *m, bool force);

/* Its name, for the log. */
void engine_module_describe(const struct engine_module *m, char *text, size_t ntext);

/* The meaning of an engine error code, in words. */
const char *engine_error_text(ENGINE_ERROR_CODE code);

#endif
