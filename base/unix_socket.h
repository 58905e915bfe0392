/* UNIX sockets that a process serves at a path. */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

/* False: the path is too long for an address (errno ENAMETOOLONG). */
bool unix_socket_address(const char *path, struct sockaddr_un *at);

/* A stream socket that is bound to the path, with this mode from the start, and does not
 * listen yet. Removes a socket that a killed process has left behind. Refuses to replace
 * a socket that somebody serves (EADDRINUSE), or anything else (EEXIST). Non-blocking,
 * closed on exec. -1: errno has the reason. */
int unix_socket_bind(const struct sockaddr_un *at, mode_t mode);

#endif
