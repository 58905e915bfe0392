/*
 * When the clients' buffers exceed their common limit, a worker closes its connections
 * with the largest buffers.
 */
#ifndef SERVER_RELIEF_H
#define SERVER_RELIEF_H

struct worker;

/* Called by the worker itself, not from within a connection. Does nothing unless its pool
 * has been told that the limit is exceeded (io_pool.h). */
void relief_run(struct worker *w);

#endif
