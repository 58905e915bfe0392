/*
 * One TCP connection to the peer: its socket, its buffers, and the times that show
 * whether it lives. It knows bytes and messages, not what they mean. Only the
 * replication thread uses it, under the core lock.
 */
#ifndef REPL_LINK_H
#define REPL_LINK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/output.h"
#include "protocol/link_message.h"
#include "repl/tunnel.h"
#include "repl/node_address.h"
#include "repl/store.h"

struct link {
    int fd;                            /* -1: no connection in this slot */
    bool dialled, connecting, greeted; /* greeted: the peer's HELLO was accepted */
    bool confirmed;                    /* the peer sent more than its HELLO */
    bool swallows;                     /* a large packet does not arrive (black_hole.c) */
    bool want_read, want_write;        /* what the events are armed for */
    bool is_read;                      /* the last read has left nothing behind */
    struct run_id run;                 /* the peer's, once greeted */
    bool has_said;                     /* we sent our HELLO, which is `said` */
    struct link_hello said;
    uint64_t heard_us, pinged_us, reported_us, opened_us;
    uint64_t skip; /* bytes still to come of a message that is not kept */
    /* The message that is coming in: when it began, and how many bytes of it are
     * here. */
    uint64_t frame_since_us, frame_bytes;
    /* For the session's link (alive.c): how many answers the peer has given; since when
     * it owes the next one; bytes that moved since then, in and out. */
    uint64_t answers, owes_since_us, moved;
    struct event *readable, *writable;
    struct tunnel tunnel;
    uint64_t charged_us; /* to the budget of handshakes (proof.c) */
    struct buffer in;
    struct output out; /* to the peer; refers to items of this store: */
    const struct repl_store_ops *store_ops;
    void *store;
    char name[ADDRESS_TEXT];
};

typedef void (*link_event)(evutil_socket_t fd, short what, void *arg);

/* Without a connection yet. Items that were sent are released to this store. */
void link_init(struct link *l, const struct repl_store_ops *store_ops, void *store);

/* Start to connect, or adopt an accepted socket. False: errno says why. on_event is
 * called with arg. link_dial: `from` may be NULL, which is any local address. */
bool link_dial(struct link *l, struct event_base *base, const struct address *to,
               const struct address *from, link_event on_event, void *arg);
bool link_adopt(struct link *l, struct event_base *base, int fd,
                const struct address *from, link_event on_event, void *arg);
void link_close(struct link *l);

/* After a connect: 0, or the errno with which it failed. */
int link_connected(struct link *l);

enum link_io { LINK_IO_OK, LINK_IO_FULL, LINK_IO_CLOSED, LINK_IO_FAILED };

/* Read what is there, up to a bound; LINK_IO_OK if something came. */
enum link_io link_read(struct link *l);
/* Drop a message of `size` bytes from the head of what was read. Bytes of it that have
 * not come yet will be skipped. */
void link_consume(struct link *l, uint64_t size);
/* Do messages pass? */
static inline bool link_is_open(const struct link *l)
{
    return l->fd >= 0 && !l->connecting && !l->tunnel.shaking;
}
/* Has a message begun to come in? */
static inline bool link_is_amid(const struct link *l)
{
    return l->frame_bytes > 0 || l->skip > 0;
}

/* Queue the item's value, and take over its reference. If memory runs out,
 * out.bytes.failed is set, as when composing fails: the last message may be incomplete
 * then, and nothing more may be sent. */
void link_put_value(struct link *l, struct repl_item *item);
/* Write what waits; arms the events as needed. FULL: the network takes no more now. */
enum link_io link_write(struct link *l, uint64_t *written);

/* Write what the network takes now, and arm nothing. Any thread, under the core lock, on
 * an open link. */
enum output_result link_write_on(struct link *l, uint64_t *written);

/* Is the kernel retransmitting what the peer has not acknowledged? Then the network has
 * lost packets for a fifth of a second at least, and the pauses between tries grow. */
bool link_is_stalled(const struct link *l);

/* Stop or resume reading: a purge must end before the next message. False: the kernel
 * refused, errno says why, and the connection is of no use. */
bool link_read_enable(struct link *l, bool enable);

#endif
