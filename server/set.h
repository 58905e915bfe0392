/* What is refused after it was received. The worker's thread. */
#ifndef SERVER_SET_H
#define SERVER_SET_H

#include "server/connection.h"
#include "server/verdict.h"

/* The bytes after the value were wrong. */
enum verdict command_bad_chunk(struct connection *c);

#endif
