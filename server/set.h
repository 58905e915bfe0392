/* What happens to a value after it was received. The worker's thread. */
#ifndef SERVER_SET_H
#define SERVER_SET_H

#include "server/connection.h"
#include "server/verdict.h"

/* c->value.item is filled: stores it. If this parks, executing the request again
 * (command_execute) continues the store. */
enum verdict command_store(struct connection *c);
/* The bytes after the value were wrong. */
enum verdict command_bad_chunk(struct connection *c);

#endif
