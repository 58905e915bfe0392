/*
 * The functions of a connection's states: stream.c, datagram.c. Each does what there is
 * to do in its state, and gives the next one. The worker's thread; c->io is there.
 */
#ifndef SERVER_TRANSPORT_H
#define SERVER_TRANSPORT_H

#include "server/connection.h"

#define STATE(NAME, name, function, flags) enum state function(struct connection *c);
#include "server/state_table.h"
#undef STATE

#endif
