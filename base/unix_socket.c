#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool unix_socket_address(const char *path, struct sockaddr_un *at)
{
    size_t n = strlen(path);
    *at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (n >= sizeof(at->sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(at->sun_path, path, n + 1);
    return true;
}

static bool is_served(const struct sockaddr_un *at, bool *served)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    *served = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
    close(fd);
    return true;
}

static bool clear_the_way(const struct sockaddr_un *at)
{
    struct stat found;
    bool served;
    if (lstat(at->sun_path, &found) != 0)
        return true;
    if (!S_ISSOCK(found.st_mode)) {
        errno = EEXIST;
        return false;
    }
    if (!is_served(at, &served))
        return false;
    errno = EADDRINUSE;
    return !served && (unlink(at->sun_path) == 0 || errno == ENOENT);
}

/* Nobody can connect before the socket listens, so the mode is right from the start. */
static bool bind_with_mode(int fd, const struct sockaddr_un *at, mode_t mode)
{
    return clear_the_way(at) && bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 &&
           fchmodat(AT_FDCWD, at->sun_path, mode, AT_SYMLINK_NOFOLLOW) == 0;
}

int unix_socket_bind(const struct sockaddr_un *at, mode_t mode)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind_with_mode(fd, at, mode))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}
