/*
 * When clients' buffers take more than all of them may: the connections of a worker that
 * have the largest are closed.
 */
#ifndef SERVER_RELIEF_H
#define SERVER_RELIEF_H

struct worker;

/* The worker itself, not from within a connection. Does nothing unless its pool has been
 * told that it is too much (io_pool.h). */
void relief_run(struct worker *w);

#endif
