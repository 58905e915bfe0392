#include "base/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/check.h"

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
static void send_state(const char *state, int flags)
{
    struct sockaddr_un at;
    socklen_t n = manager_address(&at);
    int fd = n > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | flags, (struct sockaddr *)&at,
                 n);
    close(fd);
}

void service_ready(void)
{
    send_state("READY=1", 0);
}

void service_stopping(void)
{
    send_state("STOPPING=1", 0);
}

/* A manager that is busy does not stop the caller: the status will change again. */
void service_status(const char *text)
{
    char state[512];
    snprintf(state, sizeof(state), "STATUS=%s", text);
    send_state(state, MSG_DONTWAIT);
}

/* $JOURNAL_STREAM is DEVICE:INODE of the journal's socket. A program that was started by
 * a service may have inherited the variable, but have another standard error. */
static bool journal_reads(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[48];
    struct stat found;
    if (stream == NULL || fstat(fd, &found) != 0)
        return false;
    snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)found.st_dev,
             (uintmax_t)found.st_ino);
    return strcmp(stream, own) == 0;
}

const char *service_mark(int priority)
{
    static const char *const marks[] = { "<0>", "<1>", "<2>", "<3>",
                                         "<4>", "<5>", "<6>", "<7>" };
    CHECK(priority >= LOG_EMERG && priority <= LOG_DEBUG);
    return journal_reads(STDERR_FILENO) ? marks[priority] : "";
}
