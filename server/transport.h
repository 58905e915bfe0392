/*
 * The functions of a connection's states: stream.c, datagram.c. Each does the work of its
 * state and returns the next state. The worker's thread; c->io must be set.
 */
#ifndef SERVER_TRANSPORT_H
#define SERVER_TRANSPORT_H

#include "server/connection.h"

#define STATE(NAME, name, function, flags) enum state function(struct connection *c);
#include "server/state_table.h"
#undef STATE

#endif
