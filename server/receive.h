/*
 * Values on their way in: from the input buffer, or straight from the socket, into the
 * item that the engine has allocated; and values that are refused, into nothing.
 *
 *   start -> from_input, from_socket ... until it is complete -> end
 *
 * The worker's thread. None of these changes the connection's state.
 */
#ifndef SERVER_RECEIVE_H
#define SERVER_RECEIVE_H

#include <sys/types.h>

#include "server/connection.h"

/* c->value.item waits for the request's value. False if the engine gave too little room;
 * so it is with the next two, which may meet it piece by piece. */
bool receive_start(struct connection *c);
bool receive_from_input(struct connection *c);
/* One read: what follows the value goes to `at`, at the end of the input. *n is what the
 * read gave: if it is not above 0 that is all there is to know. */
bool receive_from_socket(struct connection *c, char *at, size_t room, ssize_t *n);

/* Has all arrived, with what the protocol sends behind a value? */
bool receive_is_complete(const struct connection *c);
/* Drops what stands behind the value. False if it is not as it must be. */
bool receive_end(struct connection *c);

/* Drops n bytes, and what is left of them later. True once all are gone. */
bool receive_discard(struct connection *c, uint64_t n);

#endif
