/* Requests to their handlers. The worker's thread; c->io is there. */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "server/connection.h"
#include "server/verdict.h"

/* c->req has been parsed, or was parked and the engine has notified. */
enum verdict command_execute(struct connection *c);
/* The codec refused the request in c->req. */
enum verdict command_refuse(struct connection *c);

#endif
