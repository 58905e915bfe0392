/*
 * A worker thread from start to end. It empties its inbox, lets connections go on when
 * their sockets or the engine are ready, gives those that had to wait their turns, and
 * closes those that are idle.
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
/* Main thread: serve what clients have sent already, close, and end; then join. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
/* After the engine is gone: frees connections that it still held. */
void worker_fini(struct worker *w);

/* Main thread: hand over an accepted socket. False if memory is out. */
bool worker_give(struct worker *w, int fd, bool datagram);

#endif
