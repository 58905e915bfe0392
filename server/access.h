/*
 * Who is let in, and how: the passwords of -Y and the certificates of -Z. Both are files
 * that can be loaded again while mcd runs.
 */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

struct server;

void access_init(struct server *server);
/* After the workers. */
void access_fini(struct server *server);

/* Main thread, at the start, while root's files can be read. False: why has the reason.
 */
bool access_load(struct server *server, char *why, size_t nwhy);

/* SIGHUP: loads all files again. What is bad stays as it was, and the log says why. */
void access_reload(struct server *server);

#endif
