#include "ctl/vrrp_fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "base/check.h"
#include "base/printable.h"
#include "ctl/guard_log.h"

/* Opened for reading and writing, so that it stays open when keepalived restarts. */
int vrrp_fifo_open(struct vrrp_fifo *f, const char *path)
{
    struct stat found;
    *f = (struct vrrp_fifo){ .fd = -1 };
    if (path == NULL || path[0] == '\0')
        return EXIT_SUCCESS;
    if (mkfifo(path, 0600) != 0 && errno != EEXIST) {
        int error = errno;
        guard_say(LOG_ERR,
                  "cannot make the FIFO %s: %s; let this user write to its folder, or "
                  "name another with --fifo",
                  path, strerror(error));
        return guard_exit_code(error);
    }
    f->fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (f->fd >= 0 && fstat(f->fd, &found) == 0 && S_ISFIFO(found.st_mode))
        return EXIT_SUCCESS;
    guard_say(LOG_ERR,
              "%s is not a FIFO that this user may use; remove it, or name another with "
              "--fifo",
              path);
    return EX_CONFIG;
}

/* Other words say nothing about the state. */
static const struct {
    const char *word;
    enum vrrp_state state;
} states[] = {
    { "MASTER", VRRP_MASTER }, { "MASTER_RX_LOWER_PRI", VRRP_MASTER },
    { "BACKUP", VRRP_BACKUP }, { "FAULT", VRRP_BACKUP },
    { "STOP", VRRP_BACKUP },
};

static enum vrrp_state state_of(const char *line)
{
    char kind[16], name[64], state[32];
    if (sscanf(line, "%15s \"%63[^\"]\" %31s", kind, name, state) != 3 ||
        strcmp(kind, "INSTANCE") != 0)
        return VRRP_UNCHANGED; /* about groups, or unknown */
    guard_say(LOG_INFO, "keepalived: %s is %s", name, state);
    for (size_t i = 0; i < N_ELEMENTS(states); i++)
        if (strcmp(states[i].word, state) == 0)
            return states[i].state;
    return VRRP_UNCHANGED;
}

/* The newest state in the complete lines, which are removed. */
static enum vrrp_state take_lines(struct vrrp_fifo *f)
{
    enum vrrp_state newest = VRRP_UNCHANGED, state;
    char *end;
    while ((end = memchr(f->line, '\n', f->nline)) != NULL) {
        *end = '\0';
        state = state_of(f->line);
        if (state != VRRP_UNCHANGED)
            newest = state;
        f->nline -= (size_t)(end + 1 - f->line);
        memmove(f->line, end + 1, f->nline);
    }
    if (f->nline == sizeof(f->line))
        f->nline = 0; /* keepalived writes no line of this length: drop it */
    return newest;
}

/* What comes while this reads is left for the next time, so that no writer can keep the
 * guard here. */
enum vrrp_state vrrp_fifo_read(struct vrrp_fifo *f)
{
    enum vrrp_state newest = VRRP_UNCHANGED, state;
    int left = 0;
    if (ioctl(f->fd, FIONREAD, &left) != 0)
        return VRRP_UNCHANGED;
    while (left > 0) {
        ssize_t n = read(f->fd, f->line + f->nline, sizeof(f->line) - f->nline);
        if (n <= 0)
            break;
        for (char *c = f->line + f->nline; c < f->line + f->nline + n; c++)
            *c = *c == '\n' ? '\n' : printable(*c);
        f->nline += (size_t)n;
        left -= (int)n;
        state = take_lines(f);
        if (state != VRRP_UNCHANGED)
            newest = state;
    }
    return newest;
}

void vrrp_fifo_close(struct vrrp_fifo *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
