/*
 * Lets a connection go on, state by state, until there is nothing to do but wait. The
 * worker's thread; the connection may be closed afterwards, and gone.
 */
#ifndef SERVER_DRIVE_H
#define SERVER_DRIVE_H

#include "server/connection.h"

/* Its socket is ready, or its turn has come. */
void drive_run(struct connection *c);
/* The engine's notification has arrived for it. The caller holds a reference. */
void drive_resume(struct connection *c, ENGINE_ERROR_CODE status);

#endif
