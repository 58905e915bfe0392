/* The exports of default_engine.so. They are in a file of their own, so that a program
 * may link the store and have an engine of its own. */
#include <memcached/visibility.h>

#include "store/instance.h"

MEMCACHED_PUBLIC_API ENGINE_ERROR_CODE create_instance(uint64_t interface,
                                                       GET_SERVER_API get_server_api,
                                                       ENGINE_HANDLE **handle);

ENGINE_ERROR_CODE create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                  ENGINE_HANDLE **handle)
{
    return store_create_instance(interface, get_server_api, handle);
}
