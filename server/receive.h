/*
 * Receives values: from the input buffer, or directly from the socket, into the item that
 * the engine has allocated. Refused values are discarded.
 *
 *   start -> from_input, from_socket ... until it is complete -> end
 *
 * The worker's thread. None of these functions changes the connection's state.
 */
#ifndef SERVER_RECEIVE_H
#define SERVER_RECEIVE_H

#include <sys/types.h>

#include "server/connection.h"

/* Prepares c->value.item for the request's value. Returns false if the engine gave too
 * little room. The next two functions do too, as they may find out piece by piece. */
bool receive_start(struct connection *c);
bool receive_from_input(struct connection *c);
/* Reads once. Bytes behind the value go to `at`, at the end of the input. *n is the
 * result of the read; if it is not above 0, nothing was received. */
bool receive_from_socket(struct connection *c, char *at, size_t room, ssize_t *n);

/* True if all has arrived, with the bytes that the protocol sends behind a value. */
bool receive_is_complete(const struct connection *c);
/* Drops the bytes behind the value. Returns false if they are not as required. */
bool receive_end(struct connection *c);

/* Drops n bytes, across several calls if necessary. True once all are dropped. */
bool receive_discard(struct connection *c, uint64_t n);

#endif
