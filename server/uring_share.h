/* What a connection has of its worker's ring (uring.h). */
#ifndef SERVER_URING_SHARE_H
#define SERVER_URING_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct connection;
struct io_uring_sqe;

/* A queue of filled buffers. */
struct uring_portions {
    uint16_t first, last; /* index + 1; 0: none */
    uint16_t n;
};

enum uring_send { URING_SEND_NONE, URING_SEND_QUEUED, URING_SEND_DONE };

struct uring_share {
    struct uring_portions portions; /* received, not read yet */
    int error;                      /* of the socket, not told yet */
    bool receives;       /* the kernel receives for it, into the ring's buffers */
    bool ends_receiving; /* that was cancelled */
    bool alone;          /* it must read its socket itself */
    bool awaits_input, awaits_room, awaits_end; /* polls in the kernel */
    enum uring_send send;
    int sent; /* URING_SEND_DONE: how many bytes; negative: an error */
    struct io_uring_sqe *request; /* URING_SEND_QUEUED: the send, and the round that it
                                     was queued in */
    uint64_t round;
    TAILQ_ENTRY(connection) link; /* senders */
};

#endif
