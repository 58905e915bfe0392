/*
 * What the states of a connection give each other: connection.c has requests, waiting,
 * reading and writing; receive.c has values; datagram.c has what is different with UDP.
 */
#ifndef SERVER_CONNECTION_STATES_H
#define SERVER_CONNECTION_STATES_H

#include <sys/types.h>

#include "server/commands.h"
#include "server/connection.h"

extern const struct state state_read, state_parse, state_closing;  /* connection.c */
extern const struct state state_value, state_store, state_swallow; /* receive.c */

static inline enum step connection_go(struct connection *c, const struct state *state)
{
    atomic_store_explicit(&c->state, state, memory_order_relaxed);
    return STEP_AGAIN;
}

static inline bool connection_in(const struct connection *c, const struct state *state)
{
    return atomic_load_explicit(&c->state, memory_order_relaxed) == state;
}

/* The last step of a state: until the socket is ready for `what`. */
enum step connection_wait(struct connection *c, short what);
/* Send what is queued, then go on in another state. */
enum step connection_flush(struct connection *c, const struct state *after);
/* The engine will say when to go on in another state. */
void connection_park(struct connection *c, const struct state *after);
/* Room for the next read at the end of the input, NULL if memory is out. */
char *connection_room(struct connection *c, size_t *room);
/* A read gave n <= 0. */
enum step connection_read_error(struct connection *c, ssize_t n);

/* c->item waits for its value; n bytes are to be dropped. True if all was there: the
 * next request can be parsed. Otherwise the state has changed. */
bool receive_value(struct connection *c);
bool receive_nothing(struct connection *c, uint64_t n);

/* What the states read, write and closing do where requests are datagrams. */
enum step datagram_read(struct connection *c);
enum step datagram_write(struct connection *c);
enum step datagram_end(struct connection *c);

#endif
