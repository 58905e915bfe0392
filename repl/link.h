/*
 * One TCP connection to the peer: its socket, buffers and liveness. It knows bytes and
 * messages, not what they mean. Used by the replication thread only, under the core
 * lock.
 */
#ifndef REPL_LINK_H
#define REPL_LINK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/output.h"
#include "protocol/link_message.h"
#include "repl/node_address.h"
#include "repl/store.h"

struct link {
    int fd;                            /* -1: no connection in this slot */
    bool dialled, connecting, greeted; /* greeted: its HELLO came and was accepted */
    bool confirmed;                    /* more than its HELLO came */
    bool want_read, want_write;        /* what the events are armed for */
    struct run_id run;                 /* the peer's, once greeted */
    bool has_said;                     /* our HELLO: */
    struct link_hello said;
    uint64_t heard_us, sent_us, opened_us;
    uint64_t skip; /* bytes to come of a message that is not kept */
    /* Of the message that is coming in: since when, and how much of it is here. */
    uint64_t frame_since_us, frame_bytes;
    /* The session's: answers that the peer has given by then; since then it owes the
     * next; bytes that moved meanwhile, in and out (alive.c). */
    uint64_t answers, owes_since_us, moved;
    struct event *readable, *writable;
    struct buffer in;
    struct output out; /* to the peer; it refers to items of: */
    const struct repl_store_ops *store_ops;
    void *store;
    char name[ADDRESS_TEXT];
};

typedef void (*link_event)(evutil_socket_t fd, short what, void *arg);

/* No connection yet. The store is where items that are sent are released. */
void link_init(struct link *l, const struct repl_store_ops *store_ops, void *store);

/* Start to connect, or adopt an accepted socket. False: errno says why. on_event gets
 * arg. from may be NULL: any local address. */
bool link_dial(struct link *l, struct event_base *base, const struct address *to,
               const struct address *from, link_event on_event, void *arg);
bool link_adopt(struct link *l, struct event_base *base, int fd,
                const struct address *from, link_event on_event, void *arg);
void link_close(struct link *l);

/* 0, or the errno of a connect that failed. */
int link_connected(struct link *l);

enum link_io { LINK_IO_OK, LINK_IO_FULL, LINK_IO_CLOSED, LINK_IO_FAILED };

/* Read what is there, up to a bound; LINK_IO_OK if some came. */
enum link_io link_read(struct link *l);
/* A message was taken from the head of what was read; what is still to come of it will
 * not be kept. */
void link_consume(struct link *l, uint64_t size);
/* Is one coming in? */
static inline bool link_is_amid(const struct link *l)
{
    return l->frame_bytes > 0 || l->skip > 0;
}

/* Queue the item's value, and take over its reference. When memory is out,
 * out.bytes.failed is set, as when composing fails: half a message may stand at the tail
 * then, and no more may be sent. */
void link_put_value(struct link *l, struct repl_item *item);
/* Write what waits; arms the events as needed. FULL: the network takes no more now. */
enum link_io link_write(struct link *l, uint64_t *written);

/* Does the kernel repeat what the peer has not acknowledged? Then the network has lost
 * packets for a fifth of a second at least, and will be asked again ever later. */
bool link_is_stalled(const struct link *l);

/* Stop or go on reading (a purge must finish before the next message). False: the kernel
 * refuses, as errno says, and the connection is of no use. */
bool link_read_enable(struct link *l, bool enable);

#endif
