/*
 * Runs a connection state by state until it has to wait. Called on the worker's thread.
 * Afterwards the connection may be closed and freed.
 */
#ifndef SERVER_DRIVE_H
#define SERVER_DRIVE_H

#include "server/connection.h"

/* Its socket is ready, or its turn has come. */
void drive_run(struct connection *c);
/* The engine has notified the connection. The caller holds a reference. */
void drive_resume(struct connection *c, ENGINE_ERROR_CODE status);

/* The connection watches, and there may be lines for it. */
void drive_watcher(struct connection *c);

#endif
