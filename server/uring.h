/*
 * A worker's io_uring: requests to the kernel, what has become of them, and the buffers
 * into which the kernel receives.
 *
 *   uring_request ... uring_request --- uring_submit: one system call ---> the kernel
 *   uring_loop.c <--- completions ------------------------------------------ |  ^
 *   a connection's portions <--- filled buffers ---------------------------- '  |
 *        '--- uring_take copies, and offers the buffer again -------------------'
 *
 * The kernel takes any free buffer for whatever arrives next, so idle connections need
 * none. If none is free, a receive ends with ENOBUFS.
 */
#ifndef SERVER_URING_H
#define SERVER_URING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "server/uring_share.h"
#include "server/loop_kind.h"

enum { URING_BUFFERS = 64, URING_BUFFER_SIZE = 4096 };

/* What a completion is about: with the address of its subject, or a number, above. */
enum uring_tag {
    URING_RECEIVED, /* of a connection, as the next four */
    URING_READABLE,
    URING_WRITABLE,
    URING_HUNG_UP,
    URING_SENT,
    URING_WOKEN, /* the inbox */
    URING_TIMER, /* a number */
    URING_NOTHING,
    URING_TAGS = 8
};

/* What a buffer holds. */
struct uring_portion {
    uint16_t next; /* of the same connection: its index + 1; 0: the last */
    uint32_t at, length;
};

TAILQ_HEAD(uring_senders, connection);

struct uring {
    struct io_uring io;
    struct io_uring_buf_ring *offers; /* buffers for the kernel */
    char *memory;                     /* all buffers */
    struct uring_portion portions[URING_BUFFERS];
    unsigned noffered;            /* not shown to the kernel yet */
    uint64_t round;               /* of submissions */
    struct uring_senders senders; /* their sends are submitted by the next round */
    bool hurry;                   /* one of them has more to do than to wait */
    unsigned due;                 /* timers, a bit each */
    bool stops;
    int error; /* the kernel takes no requests any more, because of this errno */
    struct __kernel_timespec times[TIMERS];
};

/* NULL: the kernel refuses it; errno has the reason. */
struct uring *uring_open(void);
void uring_close(struct uring *r);

/* The worker's thread, first of all. Returns 0 or an errno. */
int uring_start(struct uring *r);

/* An empty request, which the next uring_submit takes; label it when it is filled. NULL:
 * r->error is set. */
struct io_uring_sqe *uring_request(struct uring *r);
static inline void uring_label(struct io_uring_sqe *request, const void *subject,
                               enum uring_tag tag)
{
    io_uring_sqe_set_data64(request, (uint64_t)(uintptr_t)subject | tag);
}
/* Ends the request of that label, which completes then. False: as above. */
bool uring_cancel(struct uring *r, const void *subject, enum uring_tag tag);
/* Takes back a request that is not submitted yet. */
void uring_revoke(struct io_uring_sqe *request);
/* Submits all requests, and waits for a completion if `wait`. False: as above. */
bool uring_submit(struct uring *r, bool wait);

/* A buffer was filled with n bytes: they are the last of `to`. */
void uring_put(struct uring *r, struct uring_portions *to, unsigned index, size_t n);
/* Copies the next bytes of `from` into at most n places. Returns how many. */
size_t uring_take(struct uring *r, struct uring_portions *from, const struct iovec *to,
                  unsigned n);
void uring_drop(struct uring *r, struct uring_portions *from);
/* The buffer is empty. */
void uring_offer(struct uring *r, unsigned index);
/* The kernel may use all buffers that were emptied. */
void uring_show_offers(struct uring *r);

/* The kernel no longer receives for c, as soon as that has completed. False: as above. */
bool uring_end_receiving(struct connection *c);

extern const struct carrier uring_carrier;

#endif
