#include "server/inbox.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "server/log.h"

enum { ARRIVALS_FIRST = 64 };

bool inbox_init(struct inbox *i)
{
    *i = (struct inbox){ .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
    STAILQ_INIT(&i->mail.notices);
    AZ(pthread_mutex_init(&i->lock, NULL));
    return i->wake_fd >= 0;
}

void inbox_fini(struct inbox *i)
{
    for (size_t n = 0; n < i->mail.narrivals; n++)
        close(i->mail.arrivals[n].fd);
    free(i->mail.arrivals);
    if (i->wake_fd >= 0)
        close(i->wake_fd);
    AZ(pthread_mutex_destroy(&i->lock));
}

void inbox_wake(struct inbox *i)
{
    static struct log_pace pace;
    uint64_t one = 1;
    /* This can fail only when the counter is full: then the worker wakes anyway. */
    if (write(i->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_warning_paced(&pace,
                          "cannot wake a worker: %s; if its connections hang, "
                          "restart mcd",
                          strerror(errno));
}

static bool make_room(struct mail *m)
{
    if (m->narrivals < m->arrivals_size)
        return true;
    size_t size = m->arrivals_size > 0 ? 2 * m->arrivals_size : ARRIVALS_FIRST;
    struct arrival *more = realloc(m->arrivals, size * sizeof(*more));
    if (more == NULL)
        return false;
    m->arrivals = more;
    m->arrivals_size = size;
    return true;
}

bool inbox_give(struct inbox *i, int fd, struct entrance from)
{
    AZ(pthread_mutex_lock(&i->lock));
    bool ok = make_room(&i->mail);
    if (ok)
        i->mail.arrivals[i->mail.narrivals++] = (struct arrival){ fd, from };
    AZ(pthread_mutex_unlock(&i->lock));
    if (ok)
        inbox_wake(i);
    return ok;
}

bool inbox_notify(struct inbox *i, struct wakeup *n, ENGINE_ERROR_CODE status)
{
    AZ(pthread_mutex_lock(&i->lock));
    bool fresh = !n->pending;
    n->status = status;
    n->pending = true;
    if (fresh)
        STAILQ_INSERT_TAIL(&i->mail.notices, n, next);
    AZ(pthread_mutex_unlock(&i->lock));
    inbox_wake(i);
    return fresh;
}

void inbox_stop(struct inbox *i)
{
    AZ(pthread_mutex_lock(&i->lock));
    i->mail.stop = true;
    AZ(pthread_mutex_unlock(&i->lock));
    inbox_wake(i);
}

void inbox_take(struct inbox *i, struct mail *mail)
{
    static struct log_pace pace;
    uint64_t n;
    if (read(i->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        log_warning_paced(&pace,
                          "cannot read a worker's inbox: %s; if its connections "
                          "hang, restart mcd",
                          strerror(errno));
    AZ(pthread_mutex_lock(&i->lock));
    *mail = i->mail;
    STAILQ_INIT(&mail->notices);
    STAILQ_CONCAT(&mail->notices, &i->mail.notices);
    i->mail.arrivals = NULL;
    i->mail.narrivals = i->mail.arrivals_size = 0;
    AZ(pthread_mutex_unlock(&i->lock));
}

struct wakeup *inbox_next_wakeup(struct inbox *i, struct mail *mail,
                                 ENGINE_ERROR_CODE *status)
{
    AZ(pthread_mutex_lock(&i->lock));
    struct wakeup *n = STAILQ_FIRST(&mail->notices);
    if (n != NULL) {
        STAILQ_REMOVE_HEAD(&mail->notices, next);
        n->pending = false;
        *status = n->status;
    }
    AZ(pthread_mutex_unlock(&i->lock));
    return n;
}
