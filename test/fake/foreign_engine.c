/*
 * The default store as an engine of somebody else: it declares no feature, so replication
 * finds none of its extensions and takes the care that it takes with any engine.
 */
#include <memcached/visibility.h>

#include "store/instance.h"

MEMCACHED_PUBLIC_API ENGINE_ERROR_CODE create_instance(uint64_t interface,
                                                       GET_SERVER_API get_server_api,
                                                       ENGINE_HANDLE **handle);

static const engine_info *get_info(ENGINE_HANDLE *handle)
{
    static const engine_info info = { .description = "a foreign engine" };
    (void)handle;
    return &info;
}

ENGINE_ERROR_CODE create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                  ENGINE_HANDLE **handle)
{
    ENGINE_ERROR_CODE rc = store_create_instance(interface, get_server_api, handle);
    if (rc == ENGINE_SUCCESS)
        ((ENGINE_HANDLE_V1 *)*handle)->get_info = get_info;
    return rc;
}
