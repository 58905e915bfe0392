/* What becomes of a value that has been received. The worker's thread. */
#ifndef SERVER_SET_H
#define SERVER_SET_H

#include "server/connection.h"
#include "server/verdict.h"

/* c->value.item is filled: store it. When that was parked, executing the request again
 * (command_execute) goes on with it. */
enum verdict command_store(struct connection *c);
/* The value did not end as it must. */
enum verdict command_bad_chunk(struct connection *c);

#endif
