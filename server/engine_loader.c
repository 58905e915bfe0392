#include "server/engine_loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static bool module_path(const char *name, const char *directory, char *path, size_t npath)
{
    int n = strchr(name, '/') != NULL ? snprintf(path, npath, "%s", name)
                                      : snprintf(path, npath, "%s/%s", directory, name);
    return n >= 0 && (size_t)n < npath;
}

/* what is "engine" or "extension". */
static void *open_module(const char *what, const char *name, const char *directory,
                         char *why, size_t nwhy)
{
    char path[PATH_MAX];
    if (!module_path(name, directory, path, sizeof(path))) {
        snprintf(why, nwhy, "the name of the %s is too long: %s", what, name);
        return NULL;
    }
    if (access(path, R_OK) != 0) {
        snprintf(why, nwhy,
                 "cannot read the %s %s: %s. A name without a slash is looked up in %s; "
                 "give a path to load another file",
                 what, path, strerror(errno), directory);
        return NULL;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        snprintf(why, nwhy, "cannot load the %s %s: %s", what, path, dlerror());
    return library;
}

const char *engine_error_text(ENGINE_ERROR_CODE code)
{
    static const char *const texts[] = {
        [ENGINE_SUCCESS] = "success",
        [ENGINE_KEY_ENOENT] = "no such key",
        [ENGINE_KEY_EEXISTS] = "the key exists",
        [ENGINE_ENOMEM] = "out of memory",
        [ENGINE_NOT_STORED] = "not stored",
        [ENGINE_EINVAL] = "an option is not valid",
        [ENGINE_ENOTSUP] = "not supported",
        [ENGINE_EWOULDBLOCK] = "would block",
        [ENGINE_E2BIG] = "too large",
        [ENGINE_WANT_MORE] = "wants more data",
        [ENGINE_DISCONNECT] = "disconnect",
        [ENGINE_EACCESS] = "access denied",
        [ENGINE_NOT_MY_VBUCKET] = "not my vbucket",
        [ENGINE_TMPFAIL] = "temporary failure",
        [ENGINE_ERANGE] = "out of range",
    };
    if ((size_t)code < N_ELEMENTS(texts) && texts[code] != NULL)
        return texts[code];
    return "it failed";
}

struct entry {
    const char *name;
    size_t offset;
};

#define ENTRY(member)                                                                    \
    {                                                                                    \
#member, offsetof(ENGINE_HANDLE_V1, member)                                      \
    }

static const struct entry mandatory[] = {
    ENTRY(get_info),      ENTRY(initialize), ENTRY(destroy),     ENTRY(allocate),
    ENTRY(remove),        ENTRY(release),    ENTRY(get),         ENTRY(store),
    ENTRY(flush),         ENTRY(get_stats),  ENTRY(reset_stats), ENTRY(item_set_cas),
    ENTRY(get_item_info),
};

static bool check_entries(const ENGINE_HANDLE_V1 *api, const char *name, char *why,
                          size_t nwhy)
{
    if (api->interface.interface != 1) {
        snprintf(why, nwhy,
                 "the engine %s has interface version %llu; mcd knows version 1 only",
                 name, (unsigned long long)api->interface.interface);
        return false;
    }
    for (size_t i = 0; i < N_ELEMENTS(mandatory); i++) {
        void (*function)(void);
        memcpy(&function, (const char *)api + mandatory[i].offset, sizeof(function));
        if (function != NULL)
            continue;
        snprintf(why, nwhy, "the engine %s lacks '%s', which every engine must have",
                 name, mandatory[i].name);
        return false;
    }
    return true;
}

static bool make_instance(struct engine *e, const char *name,
                          GET_SERVER_API get_server_api, char *why, size_t nwhy)
{
    CREATE_INSTANCE create;
    void *symbol = dlsym(e->library, "create_instance");
    if (symbol == NULL) {
        snprintf(why, nwhy,
                 "%s is no storage engine: it has no function 'create_instance'", name);
        return false;
    }
    memcpy(&create, &symbol, sizeof(create));
    ENGINE_ERROR_CODE rc = create(1, get_server_api, &e->handle);
    if (rc != ENGINE_SUCCESS || e->handle == NULL) {
        snprintf(why, nwhy, "the engine %s made no instance: %s", name,
                 rc != ENGINE_SUCCESS ? engine_error_text(rc) : "it gave no handle");
        return false;
    }
    e->api = (ENGINE_HANDLE_V1 *)e->handle;
    return check_entries(e->api, name, why, nwhy);
}

bool engine_load(struct engine *e, const char *name, const char *directory,
                 GET_SERVER_API get_server_api, char *why, size_t nwhy)
{
    *e = (struct engine){ 0 };
    e->library = open_module("engine", name, directory, why, nwhy);
    if (e->library == NULL)
        return false;
    if (make_instance(e, name, get_server_api, why, nwhy))
        return true;
    dlclose(e->library);
    *e = (struct engine){ 0 };
    return false;
}

ENGINE_ERROR_CODE engine_initialize(struct engine *e, const char *config, char *why,
                                    size_t nwhy)
{
    char detail[512];
    size_t n = 0;
    ENGINE_ERROR_CODE rc = e->api->initialize(e->handle, config);
    if (rc == ENGINE_SUCCESS)
        return rc;
    if (e->api->errinfo != NULL)
        n = e->api->errinfo(e->handle, NULL, detail, sizeof(detail) - 1);
    detail[n < sizeof(detail) ? n : 0] = '\0';
    snprintf(why, nwhy, "the engine did not start: %s%s%s%s",
             detail[0] != '\0' ? detail : engine_error_text(rc),
             config != NULL ? " (its options were '" : "", config != NULL ? config : "",
             config != NULL ? "')" : "");
    engine_destroy(e, true);
    return rc;
}

/* The library stays mapped: threads of it may still be on their way out, and tools
 * that report leaks need its symbols. */
void engine_destroy(struct engine *e, bool force)
{
    if (e->api != NULL)
        e->api->destroy(e->handle, force);
    *e = (struct engine){ 0 };
}

bool extension_load(const char *text, const char *directory,
                    GET_SERVER_API get_server_api, char *why, size_t nwhy)
{
    MEMCACHED_EXTENSIONS_INITIALIZE initialize;
    char name[PATH_MAX];
    const char *comma = strchrnul(text, ',');
    snprintf(name, sizeof(name), "%.*s", (int)(comma - text), text);
    void *library = open_module("extension", name, directory, why, nwhy);
    if (library == NULL)
        return false;
    void *symbol = dlsym(library, "memcached_extensions_initialize");
    if (symbol == NULL) {
        snprintf(why, nwhy,
                 "%s is no extension: it has no function "
                 "'memcached_extensions_initialize'",
                 name);
        dlclose(library);
        return false;
    }
    memcpy(&initialize, &symbol, sizeof(initialize));
    if (initialize(*comma == ',' ? comma + 1 : NULL, get_server_api) == EXTENSION_SUCCESS)
        return true;
    snprintf(why, nwhy, "the extension %s did not start", text);
    return false;
}

void engine_describe(const struct engine *e, char *text, size_t ntext)
{
    const engine_info *info = e->api->get_info(e->handle);
    snprintf(text, ntext, "%s",
             info != NULL && info->description != NULL ? info->description
                                                       : "an engine without a name");
}
