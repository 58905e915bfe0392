/*
 * The engine that ours wraps: found, loaded, checked, created and initialized.
 */
#ifndef ENGINE_WRAPPED_H
#define ENGINE_WRAPPED_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine.h>
#include <memcached/engine_mirror.h>

#include "base/engine_module.h"

struct wrapped {
    struct engine_module module;
    bool live_scan, cas_clock;          /* base/feature.h */
    const struct engine_mirror *mirror; /* NULL: it does not offer that */
};

/* file: with a slash a path, else a name beside this very module. Unless it is
 * ENGINE_SUCCESS, why holds the reason; ENGINE_EINVAL: it is in what was asked for. */
ENGINE_ERROR_CODE wrapped_load(struct wrapped *w, const char *file, const char *config,
                               SERVER_HANDLE_V1 *host, char *why, size_t nwhy);
/* No-op if there is none. */
void wrapped_unload(struct wrapped *w, bool force);

/* The handle, as the engine's own functions want it. */
static inline ENGINE_HANDLE *wrapped_handle(const struct wrapped *w)
{
    return w->module.handle;
}

#endif
