#include "base/engine_module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/module.h"

const char *engine_error_text(ENGINE_ERROR_CODE code)
{
    static const char *const texts[] = {
        [ENGINE_SUCCESS] = "success",
        [ENGINE_KEY_ENOENT] = "no such key",
        [ENGINE_KEY_EEXISTS] = "the key exists",
        [ENGINE_ENOMEM] = "out of memory",
        [ENGINE_NOT_STORED] = "not stored",
        [ENGINE_EINVAL] = "an option is invalid",
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
    return "unknown error";
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

static bool check_entries(const struct engine_module *m, const char *name, char *why,
                          size_t nwhy)
{
    if (m->api->interface.interface != 1) {
        snprintf(why, nwhy,
                 "the %s %s has interface version %llu; only version 1 is supported",
                 m->what, name, (unsigned long long)m->api->interface.interface);
        return false;
    }
    for (size_t i = 0; i < N_ELEMENTS(mandatory); i++) {
        void (*function)(void);
        memcpy(&function, (const char *)m->api + mandatory[i].offset, sizeof(function));
        if (function != NULL)
            continue;
        snprintf(why, nwhy, "the %s %s has no '%s', which every engine must have",
                 m->what, name, mandatory[i].name);
        return false;
    }
    return true;
}

static bool make_instance(struct engine_module *m, const char *name,
                          GET_SERVER_API get_server_api, char *why, size_t nwhy)
{
    CREATE_INSTANCE create;
    void *symbol = dlsym(m->library, "create_instance");
    if (symbol == NULL) {
        snprintf(why, nwhy,
                 "%s is not a storage engine: it has no function 'create_instance'",
                 name);
        return false;
    }
    memcpy(&create, &symbol, sizeof(create));
    ENGINE_ERROR_CODE rc = create(1, get_server_api, &m->handle);
    if (rc != ENGINE_SUCCESS || m->handle == NULL) {
        snprintf(why, nwhy, "the %s %s failed to create an instance: %s", m->what, name,
                 rc != ENGINE_SUCCESS ? engine_error_text(rc) : "it returned no handle");
        return false;
    }
    m->api = (ENGINE_HANDLE_V1 *)m->handle;
    return check_entries(m, name, why, nwhy);
}

/* An incomplete engine is left alone: even its destroy cannot be trusted. */
bool engine_module_load(struct engine_module *m, const char *what, const char *name,
                        const char *directory, GET_SERVER_API get_server_api, char *why,
                        size_t nwhy)
{
    *m = (struct engine_module){ .what = what };
    m->library = module_open(what, name, directory, why, nwhy);
    if (m->library == NULL)
        return false;
    if (make_instance(m, name, get_server_api, why, nwhy))
        return true;
    dlclose(m->library);
    *m = (struct engine_module){ .what = what };
    return false;
}

ENGINE_ERROR_CODE engine_module_initialize(struct engine_module *m, const char *config,
                                           char *why, size_t nwhy)
{
    char detail[512];
    size_t n = 0;
    ENGINE_ERROR_CODE rc = m->api->initialize(m->handle, config);
    if (rc == ENGINE_SUCCESS)
        return rc;
    if (m->api->errinfo != NULL)
        n = m->api->errinfo(m->handle, NULL, detail, sizeof(detail) - 1);
    detail[n < sizeof(detail) ? n : 0] = '\0';
    snprintf(why, nwhy, "the %s failed to start: %s%s%s%s", m->what,
             detail[0] != '\0' ? detail : engine_error_text(rc),
             config != NULL ? " (its options were '" : "", config != NULL ? config : "",
             config != NULL ? "')" : "");
    engine_module_destroy(m, true);
    return rc;
}

/* The library stays mapped: its threads may still be about to exit, and tools that report
 * leaks need its symbols. */
void engine_module_destroy(struct engine_module *m, bool force)
{
    if (m->api != NULL)
        m->api->destroy(m->handle, force);
    *m = (struct engine_module){ .what = m->what };
}

void engine_module_describe(const struct engine_module *m, char *text, size_t ntext)
{
    const engine_info *info = m->api->get_info(m->handle);
    snprintf(text, ntext, "%s",
             info != NULL && info->description != NULL ? info->description
                                                       : "an engine without a name");
}
