/* Dispatches requests to their handlers. Worker's thread; c->io must be set. */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "server/connection.h"
#include "server/verdict.h"

/* c->req has just been parsed, or it was parked and the engine has notified. */
enum verdict command_execute(struct connection *c);
/* The codec refused the request in c->req. */
enum verdict command_refuse(struct connection *c);

#endif
