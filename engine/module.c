/* The only symbol that the module exports. */
#include <memcached/visibility.h>

#include "engine/repl_engine.h"

MEMCACHED_PUBLIC_API ENGINE_ERROR_CODE create_instance(uint64_t interface,
                                                       GET_SERVER_API get_server_api,
                                                       ENGINE_HANDLE **handle);

ENGINE_ERROR_CODE create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                  ENGINE_HANDLE **handle)
{
    return repl_engine_create(interface, get_server_api, handle);
}
