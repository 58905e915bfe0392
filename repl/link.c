#include "repl/link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/monotonic.h"

/* UNSENT: of what was written, the kernel keeps so much that it has not sent yet. What
 * waits here instead can still be left out, and be passed by what is urgent. */
enum {
    UNSENT = 128 << 10,
    READ_SIZE = 256 << 10,
    KEEP_SIZE = 1 << 20, /* an idle link gives larger buffers back */
};

void link_init(struct link *l, const struct repl_store_ops *store_ops, void *store)
{
    *l = (struct link){ .fd = -1, .store_ops = store_ops, .store = store };
    output_init(&l->out);
}

/* Arm or disarm an event. False: the kernel had no memory for it; errno says so. */
static bool arm(struct event *event, bool *armed, bool want)
{
    if (want != *armed) {
        if ((want ? event_add(event, NULL) : event_del(event)) != 0)
            return false;
        *armed = want;
    }
    return true;
}

static bool want_write(struct link *l, bool want)
{
    return arm(l->writable, &l->want_write, want);
}

static bool setup_failed(struct link *l, int error)
{
    link_close(l);
    errno = error;
    return false;
}

static bool link_setup(struct link *l, struct event_base *base, int fd,
                       const struct address *peer, link_event on_event, void *arg)
{
    int yes = 1, unsent = UNSENT;
    l->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
    address_format(peer, l->name);
    l->heard_us = l->pinged_us = l->opened_us = monotonic_us();
    l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_event, arg);
    l->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_event, arg);
    if (l->readable == NULL || l->writable == NULL)
        return setup_failed(l, ENOMEM);
    if (!link_read_enable(l, true))
        return setup_failed(l, errno);
    return true;
}

/* Close fd and keep errno. Always false. */
static bool close_failed(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return false;
}

bool link_dial(struct link *l, struct event_base *base, const struct address *to,
               const struct address *from, link_event on_event, void *arg)
{
    int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    address_prefer_lasting(fd, to->any.sa_family);
    if (from != NULL && from->any.sa_family == to->any.sa_family) {
        struct address local = *from;
        local.v4.sin_port = 0; /* at the same place in both families */
        if (bind(fd, &local.any, local.length) != 0)
            return close_failed(fd);
    }
    if (connect(fd, &to->any, to->length) != 0 && errno != EINPROGRESS)
        return close_failed(fd);
    l->dialled = l->connecting = true;
    return link_setup(l, base, fd, to, on_event, arg) &&
           (want_write(l, true) || setup_failed(l, errno));
}

bool link_adopt(struct link *l, struct event_base *base, int fd,
                const struct address *from, link_event on_event, void *arg)
{
    return link_setup(l, base, fd, from, on_event, arg);
}

void link_close(struct link *l)
{
    if (l->readable != NULL)
        event_free(l->readable);
    if (l->writable != NULL)
        event_free(l->writable);
    tunnel_close(&l->tunnel);
    if (l->fd >= 0)
        close(l->fd);
    buffer_fini(&l->in);
    output_clear(&l->out, l->store_ops->release, l->store);
    output_fini(&l->out);
    link_init(l, l->store_ops, l->store);
}

int link_connected(struct link *l)
{
    int error = 0;
    socklen_t n = sizeof(error);
    if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error == 0) {
        l->connecting = false;
        l->heard_us = monotonic_us();
        if (!want_write(l, false))
            error = errno;
    }
    return error;
}

static void skip(struct link *l)
{
    size_t n = buffer_length(&l->in);
    if (n > l->skip)
        n = (size_t)l->skip;
    buffer_consume(&l->in, n);
    l->skip -= n;
}

/* What is in the buffer now is the beginning of the next message. */
static void begin_frame(struct link *l)
{
    l->frame_since_us = l->heard_us;
    l->frame_bytes = buffer_length(&l->in);
}

void link_consume(struct link *l, uint64_t size)
{
    CHECK(l->skip == 0);
    l->skip = size;
    skip(l);
    begin_frame(l);
}

static void note_read(struct link *l, size_t n)
{
    bool skips = l->skip > 0;
    l->heard_us = monotonic_us();
    l->moved += n;
    if (!link_is_amid(l))
        l->frame_since_us = l->heard_us;
    l->frame_bytes += n;
    skip(l);
    if (skips && l->skip == 0)
        begin_frame(l);
}

enum link_io link_read(struct link *l)
{
    buffer_trim(&l->in, KEEP_SIZE);
    char *room = buffer_reserve(&l->in, READ_SIZE);
    if (room == NULL) {
        errno = ENOMEM;
        return LINK_IO_FAILED;
    }
    struct iovec to = { room, buffer_room(&l->in) };
    ssize_t n = tunnel_read(&l->tunnel, l->fd, &to, 1);
    if (n > 0) {
        buffer_commit(&l->in, (size_t)n);
        l->is_read = (size_t)n < to.iov_len && l->tunnel.tls.ssl == NULL;
        note_read(l, (size_t)n);
        return LINK_IO_OK;
    }
    if (n == 0)
        return LINK_IO_CLOSED;
    return errno == EAGAIN || errno == EINTR ? LINK_IO_FULL : LINK_IO_FAILED;
}

void link_put_value(struct link *l, struct repl_item *item)
{
    if (output_reference(&l->out, item->state.value, item->state.nvalue, item->item))
        return;
    l->store_ops->release(l->store, item->item);
    l->out.bytes.failed = true;
}

static void note_written(struct link *l, size_t n, uint64_t *written)
{
    if (n == 0)
        return;
    *written += n;
    l->moved += n;
}

enum output_result link_write_on(struct link *l, uint64_t *written)
{
    size_t n;
    if (l->out.bytes.failed)
        return OUTPUT_BROKEN;
    enum output_result result =
        tunnel_send(&l->tunnel, l->fd, &l->out, l->store_ops->release, l->store, &n);
    note_written(l, n, written);
    return result;
}

enum link_io link_write(struct link *l, uint64_t *written)
{
    if (l->out.bytes.failed) { /* the last message may be incomplete */
        errno = ENOMEM;
        return LINK_IO_FAILED;
    }
    if (l->connecting)
        return LINK_IO_OK;
    if (l->tunnel.shaking)
        return want_write(l, l->tunnel.tls.wants_write) ? LINK_IO_OK : LINK_IO_FAILED;
    enum output_result result = link_write_on(l, written);
    if (result == OUTPUT_BLOCKED)
        return want_write(l, true) ? LINK_IO_FULL : LINK_IO_FAILED;
    if (result == OUTPUT_BROKEN)
        return LINK_IO_FAILED;
    buffer_trim(&l->out.bytes, KEEP_SIZE);
    return want_write(l, false) ? LINK_IO_OK : LINK_IO_FAILED;
}

bool link_read_enable(struct link *l, bool enable)
{
    return arm(l->readable, &l->want_read, enable);
}

bool link_is_stalled(const struct link *l)
{
    struct tcp_info info = { 0 };
    socklen_t n = sizeof(info);
    return l->fd >= 0 && getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
           info.tcpi_retransmits > 0;
}
