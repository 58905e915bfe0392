#include "server/uring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    REQUESTS = 512,
    COMPLETIONS = 4096,
    PAGE = 4096,
    RETRY_MS = 1 /* if the kernel has no memory for a call */
};

/* ---- life ---- */

/* Completions are worked off only when the worker asks for them, by the call that also
 * submits: no interrupts of its work, and one system call a turn. */
static bool set_up_io(struct io_uring *io)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    int error = io_uring_queue_init_params(REQUESTS, io, &params);
    errno = -error;
    return error == 0;
}

static bool set_up_buffers(struct uring *r)
{
    struct io_uring_buf_reg place = { .ring_entries = URING_BUFFERS };
    r->offers = aligned_alloc(PAGE, PAGE);
    r->memory = aligned_alloc(PAGE, (size_t)URING_BUFFERS * URING_BUFFER_SIZE);
    if (r->offers == NULL || r->memory == NULL)
        return false;
    memset(r->offers, 0, PAGE);
    place.ring_addr = (uintptr_t)r->offers;
    int error = io_uring_register_buf_ring(&r->io, &place, 0);
    errno = -error;
    if (error != 0)
        return false;
    for (unsigned i = 0; i < URING_BUFFERS; i++)
        uring_offer(r, i);
    uring_show_offers(r);
    return true;
}

_Static_assert(URING_BUFFERS * sizeof(struct io_uring_buf) <= PAGE, "one page of offers");

static void free_uring(struct uring *r)
{
    free(r->offers);
    free(r->memory);
    free(r);
}

void uring_close(struct uring *r)
{
    io_uring_queue_exit(&r->io);
    free_uring(r);
}

struct uring *uring_open(void)
{
    struct uring *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    TAILQ_INIT(&r->senders);
    if (!set_up_io(&r->io)) {
        free_uring(r);
        return NULL;
    }
    if (set_up_buffers(r))
        return r;
    int error = errno;
    uring_close(r);
    errno = error;
    return NULL;
}

/* The kernel may take the call a little later. */
static bool is_passing(int error)
{
    return error == EINTR || error == EAGAIN || error == EBUSY || error == ENOMEM;
}

/* The kernel takes requests of this thread only, from now on. That it finds the ring
 * without its descriptor is cheaper, and no more. The library of Debian 12 lacks the
 * function for the first step. */
int uring_start(struct uring *r)
{
    while (syscall(SYS_io_uring_register, r->io.ring_fd, IORING_REGISTER_ENABLE_RINGS,
                   NULL, 0) < 0) {
        if (!is_passing(errno))
            return errno;
        poll(NULL, 0, RETRY_MS);
    }
    (void)io_uring_register_ring_fd(&r->io);
    return 0;
}

/* ---- requests ---- */

bool uring_submit(struct uring *r, bool wait)
{
    while (r->error == 0) {
        int n = wait ? io_uring_submit_and_wait(&r->io, 1)
                     : io_uring_submit_and_get_events(&r->io);
        if (n < 0 && !is_passing(-n))
            r->error = -n;
        else if (io_uring_sq_ready(&r->io) == 0)
            break;
        else
            poll(NULL, 0, RETRY_MS);
    }
    r->round++;
    return r->error == 0;
}

struct io_uring_sqe *uring_request(struct uring *r)
{
    struct io_uring_sqe *request = io_uring_get_sqe(&r->io);
    if (request == NULL && uring_submit(r, false))
        request = io_uring_get_sqe(&r->io);
    return request;
}

bool uring_cancel(struct uring *r, const void *subject, enum uring_tag tag)
{
    struct io_uring_sqe *request = uring_request(r);
    if (request == NULL)
        return false;
    io_uring_prep_cancel64(request, (uint64_t)(uintptr_t)subject | tag, 0);
    uring_label(request, NULL, URING_NOTHING);
    request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    return true;
}

void uring_revoke(struct io_uring_sqe *request)
{
    io_uring_prep_nop(request);
    uring_label(request, NULL, URING_NOTHING);
}

/* ---- buffers ---- */

static char *buffer_at(const struct uring *r, unsigned index)
{
    return r->memory + (size_t)index * URING_BUFFER_SIZE;
}

void uring_offer(struct uring *r, unsigned index)
{
    io_uring_buf_ring_add(r->offers, buffer_at(r, index), URING_BUFFER_SIZE,
                          (unsigned short)index, io_uring_buf_ring_mask(URING_BUFFERS),
                          (int)r->noffered++);
}

void uring_show_offers(struct uring *r)
{
    if (r->noffered > 0)
        io_uring_buf_ring_advance(r->offers, (int)r->noffered);
    r->noffered = 0;
}

void uring_put(struct uring *r, struct uring_portions *to, unsigned index, size_t n)
{
    uint16_t name = (uint16_t)(index + 1);
    r->portions[index] = (struct uring_portion){ .length = (uint32_t)n };
    if (to->first == 0)
        to->first = name;
    else
        r->portions[to->last - 1].next = name;
    to->last = name;
    to->n++;
}

static void drop_first(struct uring *r, struct uring_portions *from)
{
    unsigned index = from->first - 1u;
    from->first = r->portions[index].next;
    from->n--;
    uring_offer(r, index);
}

/* Copies from the first portion; at most `room` bytes. */
static size_t take_some(struct uring *r, struct uring_portions *from, char *to,
                        size_t room)
{
    struct uring_portion *p = &r->portions[from->first - 1];
    size_t n = room < p->length ? room : p->length;
    memcpy(to, buffer_at(r, from->first - 1u) + p->at, n);
    p->at += (uint32_t)n;
    p->length -= (uint32_t)n;
    if (p->length == 0)
        drop_first(r, from);
    return n;
}

size_t uring_take(struct uring *r, struct uring_portions *from, const struct iovec *to,
                  unsigned n)
{
    size_t all = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t done = 0;
        while (from->first != 0 && done < to[i].iov_len)
            done +=
                take_some(r, from, (char *)to[i].iov_base + done, to[i].iov_len - done);
        all += done;
    }
    return all;
}

void uring_drop(struct uring *r, struct uring_portions *from)
{
    while (from->first != 0)
        drop_first(r, from);
}
