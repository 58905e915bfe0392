#include "base/service.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* $NOTIFY_SOCKET is a path, or @NAME for an abstract socket, whose name starts with 0. */
static socklen_t manager_address(struct sockaddr_un *at)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path != NULL ? strlen(path) : 0;
    if (n < 2 || n >= sizeof(at->sun_path) || (path[0] != '/' && path[0] != '@'))
        return 0;
    *at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(at->sun_path, path, n);
    if (path[0] == '@')
        at->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* If the manager cannot be reached, serve nevertheless: it will notice by itself. */
void service_notify(const char *state)
{
    struct sockaddr_un at;
    socklen_t n = manager_address(&at);
    int fd = n > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&at, n);
    close(fd);
}

void service_ready(void)
{
    service_notify("READY=1");
}

void service_stopping(void)
{
    service_notify("STOPPING=1");
}
