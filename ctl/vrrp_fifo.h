/*
 * What keepalived tells: lines in its notify FIFO, `INSTANCE "NAME" STATE PRIORITY`. The
 * reader may be late, after a hung node or a restart. Then only the newest state counts:
 * an older one would move the role to where the address no longer is.
 */
#ifndef CTL_VRRP_FIFO_H
#define CTL_VRRP_FIFO_H

#include <stddef.h>

enum vrrp_state {
    VRRP_UNCHANGED, /* nothing was told */
    VRRP_MASTER,    /* this node has the address */
    VRRP_BACKUP     /* it has not: BACKUP, FAULT or STOP */
};

struct vrrp_fifo {
    int fd;         /* -1: none */
    char line[512]; /* as far as it has come */
    size_t nline;
};

/* Make the FIFO if it is missing, and open it. path NULL or empty: none, keepalived is
 * not used. Returns an exit code; what is wrong has been logged. */
int vrrp_fifo_open(struct vrrp_fifo *f, const char *path);
/* Read all lines that are there; the newest state. */
enum vrrp_state vrrp_fifo_read(struct vrrp_fifo *f);
void vrrp_fifo_close(struct vrrp_fifo *f);

#endif
