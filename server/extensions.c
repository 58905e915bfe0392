#include "server/extensions.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <memcached/extension.h>

#include "base/module.h"

bool extension_load(const char *text, const char *directory,
                    GET_SERVER_API get_server_api, char *why, size_t nwhy)
{
    MEMCACHED_EXTENSIONS_INITIALIZE initialize;
    char name[PATH_MAX];
    const char *comma = strchrnul(text, ',');
    snprintf(name, sizeof(name), "%.*s", (int)(comma - text), text);
    void *library = module_open("extension", name, directory, why, nwhy);
    if (library == NULL)
        return false;
    void *symbol = dlsym(library, "memcached_extensions_initialize");
    if (symbol == NULL) {
        snprintf(why, nwhy,
                 "%s is not an extension: it does not export the function "
                 "'memcached_extensions_initialize'",
                 name);
        dlclose(library);
        return false;
    }
    memcpy(&initialize, &symbol, sizeof(initialize));
    if (initialize(*comma == ',' ? comma + 1 : NULL, get_server_api) == EXTENSION_SUCCESS)
        return true;
    snprintf(why, nwhy, "the extension %s failed to start", text);
    return false;
}
