/*
 * A worker thread from start to end. It empties its inbox, runs connections when their
 * sockets or the engine are ready, gives deferred connections their turns, and closes
 * idle ones.
 */
#ifndef SERVER_WORKER_LOOP_H
#define SERVER_WORKER_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#include "server/worker.h"

struct server;

/* Main thread. False: why says what the system refused. */
bool worker_init(struct worker *w, struct server *server, char *why, size_t nwhy);
bool worker_start(struct worker *w, char *why, size_t nwhy);
/* Main thread: serves what clients have sent already, closes, and ends; then join. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
/* After the engine is destroyed: frees the connections that it still held. */
void worker_fini(struct worker *w);

/* Main thread: hands over an accepted socket. Returns false if memory is exhausted. */
bool worker_give(struct worker *w, int fd, struct entrance from);

#endif
