/* UNIX sockets that are served at a path. */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

/* False: the path is too long for an address (errno ENAMETOOLONG). */
bool unix_socket_address(const char *path, struct sockaddr_un *at);

/* A stream socket that is bound there, with this mode from the start, and does not listen
 * yet. What a process that was killed has left behind is removed; a socket that somebody
 * serves is not ours to take (EADDRINUSE), nor is anything else (EEXIST). Non-blocking,
 * closed on exec. -1: errno says why. */
int unix_socket_bind(const struct sockaddr_un *at, mode_t mode);

#endif
