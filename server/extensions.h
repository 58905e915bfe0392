/* Extensions of the host: modules that add commands or loggers. */
#ifndef SERVER_EXTENSIONS_H
#define SERVER_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <memcached/engine.h>

/* text is FILE or FILE,CONFIG. A FILE without a slash is looked up in directory. Main
 * thread, at start. On failure returns false, and why holds a sentence for the user. */
bool extension_load(const char *text, const char *directory,
                    GET_SERVER_API get_server_api, char *why, size_t nwhy);

#endif
