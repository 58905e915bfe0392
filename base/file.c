#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READABLE = 0644, NUMBER_ROOM = 32 };

/* Whatever exists at the path was left behind or planted: remove it in either case. */
static int open_new(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, READABLE);
}

static bool write_new(const char *path, const char *text)
{
    size_t n = strlen(text);
    int fd = open_new(path);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* the meaning of a partial write */
    bool ok = write(fd, text, n) == (ssize_t)n;
    int error = errno;
    if (close(fd) != 0 && ok)
        return false;
    errno = error;
    return ok;
}

/* A renaming would take its place, not write to it. */
static bool is_device(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 && (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode));
}

bool file_replace(const char *path, const char *text)
{
    char beside[PATH_MAX];
    if (is_device(path)) {
        errno = EPERM;
        return false;
    }
    int n = snprintf(beside, sizeof(beside), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(beside)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (write_new(beside, text) && rename(beside, path) == 0)
        return true;
    int error = errno;
    unlink(beside);
    errno = error;
    return false;
}

/* Opens so that a FIFO does not block it either. */
static ssize_t read_head(const char *path, char *text, size_t ntext)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? 0 : -1;
    ssize_t n = read(fd, text, ntext);
    int error = errno;
    close(fd);
    errno = error;
    return n;
}

bool file_read_number(const char *path, long *number)
{
    char text[NUMBER_ROOM], *end;
    ssize_t n = read_head(path, text, sizeof(text) - 1);
    if (n < 0)
        return false;
    text[n] = '\0';
    long found = strtol(text, &end, 10);
    if (end == text) {
        errno = ENOENT;
        return false;
    }
    *number = found;
    return true;
}
