#include "engine/wrapped.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/feature.h"
#include "engine/shim.h"

static bool beside_us(const char *name, char *path, size_t npath)
{
    Dl_info here;
    const char *slash;
    if (dladdr((const void *)(uintptr_t)wrapped_load, &here) == 0 ||
        (slash = strrchr(here.dli_fname, '/')) == NULL)
        return (size_t)snprintf(path, npath, "./%s", name) < npath;
    return (size_t)snprintf(path, npath, "%.*s/%s", (int)(slash - here.dli_fname),
                            here.dli_fname, name) < npath;
}

static bool open_module(struct wrapped *w, const char *file, CREATE_INSTANCE *create,
                        char *why, size_t nwhy)
{
    char path[PATH_MAX];
    if (strchr(file, '/') != NULL)
        snprintf(path, sizeof(path), "%s", file);
    else if (!beside_us(file, path, sizeof(path)))
        path[0] = '\0';
    w->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (w->module == NULL) {
        snprintf(why, nwhy, "cannot load the engine to wrap: %s (option 'engine')",
                 dlerror());
        return false;
    }
    *(void **)create = dlsym(w->module, "create_instance");
    if (*create == NULL) {
        snprintf(why, nwhy, "%s is not a storage engine: it has no create_instance",
                 path);
        return false;
    }
    return true;
}

/* What every host asks of an engine, and the walk that replication cannot do without. */
static const char *missing_function(const ENGINE_HANDLE_V1 *e)
{
    const struct {
        bool there;
        const char *name;
    } needed[] = {
        { e->get_info != NULL, "get_info" },
        { e->initialize != NULL, "initialize" },
        { e->destroy != NULL, "destroy" },
        { e->allocate != NULL, "allocate" },
        { e->remove != NULL, "remove" },
        { e->release != NULL, "release" },
        { e->get != NULL, "get" },
        { e->store != NULL, "store" },
        { e->flush != NULL, "flush" },
        { e->get_stats != NULL, "get_stats" },
        { e->reset_stats != NULL, "reset_stats" },
        { e->item_set_cas != NULL, "item_set_cas" },
        { e->get_item_info != NULL, "get_item_info" },
        { e->get_tap_iterator != NULL,
          "get_tap_iterator, without which a new peer cannot be filled" },
    };
    for (size_t i = 0; i < N_ELEMENTS(needed); i++) {
        if (!needed[i].there)
            return needed[i].name;
    }
    return NULL;
}

static void learn_features(struct wrapped *w)
{
    const engine_info *info = w->engine->get_info(wrapped_handle(w));
    for (uint32_t i = 0; info != NULL && i < info->num_features; i++) {
        const feature_info *f = &info->features[i];
        if (f->description == NULL)
            continue;
        if (f->feature == FEATURE_LIVE_WALK &&
            strcmp(f->description, FEATURE_LIVE_WALK_TEXT) == 0)
            w->live_walk = true;
        if (f->feature == FEATURE_CAS_CLOCK &&
            strcmp(f->description, FEATURE_CAS_CLOCK_TEXT) == 0)
            w->cas_clock = true;
        if (f->feature == ENGINE_FEATURE_MIRROR &&
            strcmp(f->description, ENGINE_MIRROR_NAME) == 0)
            w->mirror = (const void *)f->description; /* the name is its first member */
    }
}

static ENGINE_ERROR_CODE initialize(struct wrapped *w, const char *config, char *why,
                                    size_t nwhy)
{
    ENGINE_HANDLE_V1 *e = w->engine;
    char text[160] = "";
    ENGINE_ERROR_CODE rc = e->initialize(wrapped_handle(w), config);
    if (rc == ENGINE_SUCCESS)
        return rc;
    if (e->errinfo != NULL) {
        size_t n = e->errinfo(wrapped_handle(w), NULL, text, sizeof(text) - 1);
        text[n < sizeof(text) ? n : sizeof(text) - 1] = '\0';
    }
    snprintf(why, nwhy, "the wrapped engine did not start: %s (its options: %s)",
             text[0] != '\0' ? text : "it gave no reason", config ? config : "none");
    return rc;
}

/* A module with an engine in it that can do what replication needs. */
static bool make_engine(struct wrapped *w, const char *file, SERVER_HANDLE_V1 *host,
                        char *why, size_t nwhy)
{
    CREATE_INSTANCE create;
    ENGINE_HANDLE *handle = NULL;
    if (!open_module(w, file, &create, why, nwhy))
        return false;
    if (create(1, shim_server_api(host), &handle) != ENGINE_SUCCESS || handle == NULL) {
        snprintf(why, nwhy, "%s offers no engine of interface version 1", file);
        return false;
    }
    const char *missing = missing_function((ENGINE_HANDLE_V1 *)handle);
    if (missing != NULL) { /* not even its destroy can be trusted */
        snprintf(why, nwhy, "cannot replicate from the engine %s: it lacks %s", file,
                 missing);
        return false;
    }
    w->engine = (ENGINE_HANDLE_V1 *)handle;
    return true;
}

ENGINE_ERROR_CODE wrapped_load(struct wrapped *w, const char *file, const char *config,
                               SERVER_HANDLE_V1 *host, char *why, size_t nwhy)
{
    *w = (struct wrapped){ 0 };
    ENGINE_ERROR_CODE rc = make_engine(w, file, host, why, nwhy)
                               ? initialize(w, config, why, nwhy)
                               : ENGINE_EINVAL;
    if (rc == ENGINE_SUCCESS)
        learn_features(w);
    else
        wrapped_unload(w, true);
    return rc;
}

void wrapped_unload(struct wrapped *w, bool force)
{
    if (w->engine != NULL) {
        shim_forget(wrapped_handle(w));
        w->engine->destroy(wrapped_handle(w), force);
    }
    if (w->module != NULL)
        dlclose(w->module);
    *w = (struct wrapped){ 0 };
}
