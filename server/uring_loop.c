/*
 * Waiting by io_uring. A turn is one system call: it sends what the last turn answered,
 * and waits for what arrives next.
 *
 *   submit, wait -> connections that sent go on -> completions -> timers that are due
 *        ^                                                              |
 *        '--------------------------------------------------------------'
 *
 * The kernel receives for a stream as long as it is asked to (a request for many
 * receives). Sockets of other kinds are polled, once for each wait; so are streams that
 * receive a long value, which the kernel copies right into its item, and all streams for
 * which there was no buffer. A request in the kernel has a reference of its connection.
 */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>

#include "server/connection.h"
#include "server/uring.h"

enum {
    LONG_VALUE = 32 * 1024, /* the rest of one that is read from the socket */
    PORTIONS_MOST = 2       /* that a connection may have which does not read them */
};

/* ---- requests ---- */

static bool poll_for(struct connection *c, short events, enum uring_tag tag, bool *awaits)
{
    struct io_uring_sqe *request = *awaits ? NULL : uring_request(c->worker->waiting);
    if (request == NULL)
        return *awaits;
    io_uring_prep_poll_add(request, c->fd, (unsigned)events);
    uring_label(request, c, tag);
    *awaits = true;
    connection_reference(c);
    return true;
}

/* Of an end or a reset that comes together with data, a receive may tell the data only
 * (seen with Linux 6.18), so that it is polled for. */
static bool receive(struct connection *c)
{
    if (!poll_for(c, POLLRDHUP, URING_HUNG_UP, &c->share.awaits_end))
        return false;
    struct io_uring_sqe *request = uring_request(c->worker->waiting);
    if (request == NULL)
        return false;
    io_uring_prep_recv_multishot(request, c->fd, NULL, 0, 0);
    request->ioprio |= IORING_RECVSEND_POLL_FIRST;
    request->flags |= IOSQE_BUFFER_SELECT;
    uring_label(request, c, URING_RECEIVED);
    c->share.receives = true;
    connection_reference(c);
    return true;
}

/* At the end of the service each stream is read until there is nothing more. */
static bool reads_itself(const struct connection *c)
{
    return c->carrier == NULL || c->share.alone || c->value.left > LONG_VALUE ||
           c->worker->stopping;
}

static bool watch(struct connection *c, short before)
{
    struct uring_share *s = &c->share;
    (void)before;
    if ((c->interest & EV_WRITE) != 0)
        return poll_for(c, POLLOUT, URING_WRITABLE, &s->awaits_room);
    if ((c->interest & EV_READ) == 0)
        return true;
    if (s->receives) /* it is watched again when that has ended */
        return !reads_itself(c) || uring_end_receiving(c);
    if (reads_itself(c))
        return poll_for(c, POLLIN, URING_READABLE, &s->awaits_input);
    return receive(c);
}

static bool cancel_if(struct uring *r, struct connection *c, enum uring_tag tag, bool is)
{
    return !is || uring_cancel(r, c, tag);
}

/* The bytes of a send that is not submitted yet will be gone. What the kernel does for c
 * completes after this; if it takes no requests, the end of the stream ends it. */
static void forget(struct connection *c)
{
    struct uring *r = c->worker->waiting;
    struct uring_share *s = &c->share;
    if (s->send == URING_SEND_QUEUED && s->round == r->round)
        uring_revoke(s->request);
    uring_drop(r, &s->portions);
    bool ok = cancel_if(r, c, URING_RECEIVED, s->receives && !s->ends_receiving);
    ok &= cancel_if(r, c, URING_READABLE, s->awaits_input);
    ok &= cancel_if(r, c, URING_WRITABLE, s->awaits_room);
    ok &= cancel_if(r, c, URING_HUNG_UP, s->awaits_end);
    if (!ok)
        shutdown(c->fd, SHUT_RDWR);
}

static bool set_timer(struct uring *r, enum worker_timer timer, unsigned ms)
{
    struct __kernel_timespec *t = &r->times[timer];
    struct io_uring_sqe *request = uring_request(r);
    if (request == NULL)
        return false;
    *t = (struct __kernel_timespec){ ms / 1000, ms % 1000 * 1000000ll };
    io_uring_prep_timeout(request, t, 0, 0);
    uring_label(request, (void *)(uintptr_t)(timer * URING_TAGS), URING_TIMER);
    return true;
}

static void arm(struct worker *w, enum worker_timer timer, unsigned ms)
{
    struct uring *r = w->waiting;
    if (ms == 0 || !set_timer(r, timer, ms))
        r->due |= 1u << timer;
}

/* ---- completions ---- */

/* c was driven. What it waits for must be in the kernel. */
static void go_on_watching(struct connection *c)
{
    if (c->fd >= 0 && c->interest != 0)
        connection_watch_again(c);
}

static void keep(struct uring *r, struct connection *c, const struct io_uring_cqe *cqe)
{
    unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    if ((cqe->flags & IORING_CQE_F_BUFFER) == 0)
        return;
    if (cqe->res > 0 && c->fd >= 0)
        uring_put(r, &c->share.portions, index, (size_t)cqe->res);
    else
        uring_offer(r, index);
}

/* c does something else; it reads later, if it has sent right after the next submission.
 * A client that sends without waiting for its answers must not have all buffers. */
static void read_later(struct uring *r, struct connection *c)
{
    c->read_full = true;
    r->hurry |= c->share.send == URING_SEND_QUEUED;
    if (c->share.portions.n >= PORTIONS_MOST && c->share.receives)
        (void)uring_end_receiving(c);
}

static bool is_refusal(int error)
{
    return error == ENOBUFS || error == ENOMEM || error == EINVAL || error == EOPNOTSUPP;
}

/* Cancelled, refused, or because of what the socket says. */
static void note_end(struct uring_share *s, int error)
{
    s->receives = s->ends_receiving = false;
    s->alone = is_refusal(error);
    if (error > 0 && error != ECANCELED && !s->alone)
        s->error = error;
}

static void on_received(struct uring *r, struct connection *c,
                        const struct io_uring_cqe *cqe)
{
    bool ended = (cqe->flags & IORING_CQE_F_MORE) == 0;
    keep(r, c, cqe);
    if (ended)
        note_end(&c->share, -cqe->res);
    if (c->fd >= 0 && (c->interest & EV_READ) != 0 && connection_hears(c))
        c->worker->drive(c);
    else if (c->fd >= 0)
        read_later(r, c);
    go_on_watching(c);
    if (ended)
        connection_release(c);
}

static void on_ready(struct connection *c, bool *awaits)
{
    *awaits = false;
    c->share.alone = false;
    if (c->fd >= 0 && c->interest != 0)
        c->worker->drive(c);
    go_on_watching(c);
    connection_release(c);
}

/* What it has sent before is read from the socket, and then its end. */
static void on_hung_up(struct connection *c)
{
    c->share.awaits_end = false;
    if (c->fd >= 0 && c->share.receives)
        (void)uring_end_receiving(c);
    connection_release(c);
}

static void await_mail(struct worker *w)
{
    struct io_uring_sqe *request = uring_request(w->waiting);
    if (request == NULL)
        return;
    io_uring_prep_poll_add(request, w->inbox.wake_fd, POLLIN);
    uring_label(request, NULL, URING_WOKEN);
}

static void *subject_of(const struct io_uring_cqe *cqe)
{
    return (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)(URING_TAGS - 1)); /* NOLINT */
}

static void complete(struct worker *w, const struct io_uring_cqe *cqe)
{
    struct uring *r = w->waiting;
    struct connection *c = subject_of(cqe);
    switch ((enum uring_tag)(cqe->user_data % URING_TAGS)) {
    case URING_RECEIVED:
        on_received(r, c, cqe);
        break;
    case URING_READABLE:
        on_ready(c, &c->share.awaits_input);
        break;
    case URING_WRITABLE:
        on_ready(c, &c->share.awaits_room);
        break;
    case URING_HUNG_UP:
        on_hung_up(c);
        break;
    case URING_WOKEN:
        w->woken(w);
        await_mail(w);
        break;
    case URING_TIMER:
        r->due |= 1u << (cqe->user_data / URING_TAGS);
        break;
    case URING_SENT:
        c->share.sent = cqe->res;
        break;
    case URING_NOTHING:
    case URING_TAGS:
        break;
    }
}

/* The kernel reports only sends that it has not completed. */
static void note_failures(struct uring *r)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    io_uring_for_each_cqe(&r->io, head, cqe)
    {
        if (cqe->user_data % URING_TAGS != URING_SENT)
            continue;
        struct connection *c = subject_of(cqe);
        c->share.sent = cqe->res;
        cqe->user_data = URING_NOTHING; /* c may be gone when its turn comes */
    }
}

static bool was_submitted(const struct uring *r, const struct connection *c)
{
    return c != NULL && c->share.round < r->round;
}

static void end_sends(struct uring *r)
{
    struct connection *c;
    if (!TAILQ_EMPTY(&r->senders))
        note_failures(r);
    while (c = TAILQ_FIRST(&r->senders), was_submitted(r, c)) {
        TAILQ_REMOVE(&r->senders, c, share.link);
        c->share.send = URING_SEND_DONE;
        if (c->fd >= 0)
            c->worker->drive(c);
        connection_release(c);
    }
}

static void complete_all(struct uring *r, struct worker *w)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;
    io_uring_for_each_cqe(&r->io, head, cqe)
    {
        complete(w, cqe);
        n++;
    }
    io_uring_cq_advance(&r->io, n);
    uring_show_offers(r);
}

static void run_due(struct uring *r, struct worker *w)
{
    unsigned due = r->due;
    r->due = 0;
    for (enum worker_timer timer = 0; timer < TIMERS; timer++) {
        if ((due & 1u << timer) != 0)
            w->due(w, timer);
    }
}

/* ---- life ---- */

static bool open_uring(struct worker *w)
{
    w->waiting = uring_open();
    return w->waiting != NULL;
}

static void close_uring(struct worker *w)
{
    uring_close(w->waiting);
}

static void turn(struct uring *r, struct worker *w)
{
    bool wait = r->due == 0 && !r->hurry;
    r->hurry = false;
    if (!uring_submit(r, wait))
        return;
    end_sends(r);
    complete_all(r, w);
    run_due(r, w);
}

/* The last submission ends what the kernel still does for closed connections: only then
 * do their clients see the end. */
static bool run(struct worker *w)
{
    struct uring *r = w->waiting;
    r->error = uring_start(r);
    await_mail(w);
    while (!r->stops && r->error == 0)
        turn(r, w);
    (void)uring_submit(r, false);
    errno = r->error;
    return r->error == 0;
}

static void stop(struct worker *w)
{
    struct uring *r = w->waiting;
    r->stops = true;
}

const struct loop_kind uring_loop = {
    .open = open_uring,
    .close = close_uring,
    .run = run,
    .stop = stop,
    .arm = arm,
    .watch = watch,
    .forget = forget,
    .carrier = &uring_carrier,
};
