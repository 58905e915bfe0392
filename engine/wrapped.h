/*
 * The wrapped engine: finds, loads, checks, creates and initializes it.
 */
#ifndef ENGINE_WRAPPED_H
#define ENGINE_WRAPPED_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine.h>
#include <memcached/engine_admin.h>
#include <memcached/engine_meta.h>
#include <memcached/engine_mirror.h>

#include "base/engine_module.h"

struct wrapped {
    struct engine_module module;
    bool live_scan, cas_clock;          /* base/feature.h */
    const struct engine_mirror *mirror; /* NULL: the engine does not offer it */
    const struct engine_admin *admin;   /* as above */
    const struct engine_meta *meta;     /* as above */
};

/* file: a path if it has a slash, else the name of a file in this module's own folder.
 * If the result is not ENGINE_SUCCESS, why holds the reason. ENGINE_EINVAL: the options
 * are wrong, so trying again is of no use. */
ENGINE_ERROR_CODE wrapped_load(struct wrapped *w, const char *file, const char *config,
                               SERVER_HANDLE_V1 *host, char *why, size_t nwhy);
/* No-op if no engine is loaded. */
void wrapped_unload(struct wrapped *w, bool force);

/* The handle, as the engine's own functions want it. */
static inline ENGINE_HANDLE *wrapped_handle(const struct wrapped *w)
{
    return w->module.handle;
}

#endif
