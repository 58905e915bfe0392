/*
 * The requests of a connection, whatever it comes by: parsed, executed, their values
 * received. The worker's thread; c->io is there.
 */
#ifndef SERVER_REQUESTS_H
#define SERVER_REQUESTS_H

#include "server/connection.h"
#include "server/verdict.h"

/* Serve what has arrived, until there is a reason to stop. Never VERDICT_DONE. */
enum verdict request_serve(struct connection *c);
/* The engine has notified: the request that was parked again, then as before. */
enum verdict request_resume(struct connection *c);
/* Some of its value may have arrived. VERDICT_VALUE until all has. */
enum verdict request_value(struct connection *c);

#endif
