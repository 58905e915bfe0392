/*
 * The requests of a connection of any transport: parses and executes them, and receives
 * their values. The worker's thread; c->io must be set.
 */
#ifndef SERVER_REQUESTS_H
#define SERVER_REQUESTS_H

#include "server/connection.h"
#include "server/verdict.h"

/* Serves what has arrived until there is a reason to stop. Never VERDICT_DONE. */
enum verdict request_serve(struct connection *c);
/* The engine has notified: executes the parked request again, then as above. */
enum verdict request_resume(struct connection *c);
/* Part of its value may have arrived. VERDICT_VALUE until all of it has. */
enum verdict request_value(struct connection *c);

#endif
