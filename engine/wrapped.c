#include "engine/wrapped.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/feature.h"
#include "engine/shim.h"

/* The folder in which this module lies. */
static void find_own_folder(char *folder, size_t nfolder)
{
    Dl_info here;
    const char *slash = NULL;
    if (dladdr((const void *)(uintptr_t)wrapped_load, &here) != 0)
        slash = strrchr(here.dli_fname, '/');
    if (slash == NULL)
        snprintf(folder, nfolder, ".");
    else
        snprintf(folder, nfolder, "%.*s", (int)(slash - here.dli_fname), here.dli_fname);
}

static void learn_features(struct wrapped *w)
{
    const engine_info *info = w->module.api->get_info(wrapped_handle(w));
    w->live_scan = feature_find(info, FEATURE_LIVE_SCAN, FEATURE_LIVE_SCAN_TEXT) != NULL;
    w->cas_clock = feature_find(info, FEATURE_CAS_CLOCK, FEATURE_CAS_CLOCK_TEXT) != NULL;
    w->mirror =
        (const void *)feature_find(info, ENGINE_FEATURE_MIRROR, ENGINE_MIRROR_NAME);
    w->admin = (const void *)feature_find(info, ENGINE_FEATURE_ADMIN, ENGINE_ADMIN_NAME);
    w->meta = (const void *)feature_find(info, ENGINE_FEATURE_META, ENGINE_META_NAME);
}

/* Create the engine. It must have all that a host needs, and the scan without which
 * replication cannot work. */
static bool make_engine(struct wrapped *w, const char *file, SERVER_HANDLE_V1 *host,
                        char *why, size_t nwhy)
{
    char folder[PATH_MAX];
    find_own_folder(folder, sizeof(folder));
    if (!engine_module_load(&w->module, "wrapped engine", file, folder,
                            shim_server_api(host), why, nwhy))
        return false;
    if (w->module.api->get_tap_iterator != NULL)
        return true;
    snprintf(why, nwhy,
             "the wrapped engine %s does not have 'get_tap_iterator', without which a "
             "new peer cannot be filled; name another engine with the option 'engine'",
             file);
    wrapped_unload(w, true);
    return false;
}

ENGINE_ERROR_CODE wrapped_load(struct wrapped *w, const char *file, const char *config,
                               SERVER_HANDLE_V1 *host, char *why, size_t nwhy)
{
    *w = (struct wrapped){ 0 };
    if (!make_engine(w, file, host, why, nwhy))
        return ENGINE_EINVAL;
    ENGINE_HANDLE *handle = wrapped_handle(w);
    ENGINE_ERROR_CODE rc = engine_module_initialize(&w->module, config, why, nwhy);
    if (rc == ENGINE_SUCCESS)
        learn_features(w);
    else
        shim_forget(handle);
    return rc;
}

void wrapped_unload(struct wrapped *w, bool force)
{
    if (wrapped_handle(w) != NULL)
        shim_forget(wrapped_handle(w));
    engine_module_destroy(&w->module, force);
    *w = (struct wrapped){ 0 };
}
