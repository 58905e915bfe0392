/*
 * Extensions of the host: modules that add commands, loggers or daemons. They, and
 * engines, register what they add. What is registered belongs to the process, as the
 * functions of the interface have no argument that leads to a server.
 */
#ifndef SERVER_EXTENSIONS_H
#define SERVER_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memcached/engine.h>

/* text is FILE or FILE,CONFIG. A FILE without a slash is looked up in directory. Main
 * thread, at start. On failure returns false, and why holds a sentence for the user. */
bool extension_load(const char *text, const char *directory,
                    GET_SERVER_API get_server_api, char *why, size_t nwhy);

/* SERVER_EXTENSION_API. Main thread, while no worker runs. */
bool extension_register(extension_type_t type, void *extension);
void extension_unregister(extension_type_t type, void *extension);
void *extension_get(extension_type_t type);

/* Any thread: the extension that handles an opcode of the binary protocol, NULL if none
 * does; the first of those that take lines of the text protocol. */
BINARY_COMMAND_CALLBACK
extension_of_opcode(uint8_t opcode, EXTENSION_BINARY_PROTOCOL_DESCRIPTOR **descriptor);
EXTENSION_ASCII_PROTOCOL_DESCRIPTOR *extension_first_text(void);

#endif
