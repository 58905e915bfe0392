/*
 * One client connection, or a UDP port. Engines see it as a cookie.
 *
 *   READ -> PARSE -> VALUE, DISCARD -> PARSE -> WRITE -> READ
 *             |          |                        |
 *             v          v                        v
 *           PARKED (the engine would block)     CLOSING
 *             |
 *             v
 *           EXECUTE -> as PARSE
 *
 *   DATAGRAM_READ -> DATAGRAM_PARSE -> (answer) -> DATAGRAM_READ
 *                      |
 *                      v
 *                    PARKED -> DATAGRAM_EXECUTE -> as DATAGRAM_PARSE
 *
 * Each state has a function (state_table.h) that returns the next state, or reports that
 * the connection has to wait. drive.c calls these functions. This file contains the layer
 * below: life cycle, references, the worker's lists, and waiting.
 *
 * A connection belongs to its worker's thread. Other threads may only notify it, and hold
 * it with a reference. The open connection has one reference, so has each reserve(), each
 * pending notification, and a wait for the engine.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/queue.h>

#include <memcached/engine.h>

#include "base/check.h"
#include "protocol/codec.h"
#include "server/uring_share.h"
#include "server/worker.h"

enum { CONNECTION_MAGIC = 0x434f4e4e };

enum state {
#define STATE(NAME, name, function, flags) STATE_##NAME,
#include "server/state_table.h"
#undef STATE
    STATE_COUNT,
    STATE_WAIT = STATE_COUNT /* instead of a next state: wait in the current one */
};

/* A value that is being received (receive.h). */
struct reception {
    item *item;                                     /* the item to fill, or NULL */
    EXTENSION_ASCII_PROTOCOL_DESCRIPTOR *extension; /* whose data it is, or NULL */
    struct iovec piece; /* the unfilled rest of the item's current piece, or of the room
                           of the extension */
    uint16_t piece_index;
    unsigned tail; /* bytes of the protocol behind the value */
    uint64_t left; /* bytes of the value still to come, or to discard */
};

struct dump;

struct connection {
    unsigned magic;
    _Atomic int fd; /* -1 once it is closed */
    _Atomic unsigned refs;
    struct worker *worker;
    _Atomic enum state state;      /* other threads read it */
    enum state after;              /* the state that follows WRITE or PARKED */
    struct udp *udp;               /* of a UDP port; otherwise NULL */
    struct tls *tls;               /* NULL: not encrypted */
    const struct carrier *carrier; /* NULL: system calls, or TLS */
    struct entrance from;
    struct watcher *watcher; /* NULL: it is none */
    union {                  /* its loop's */
        struct event event;
        struct uring_share share;
    };
    short interest;  /* EV_READ, EV_WRITE or 0: what it waits for */
    bool read_full;  /* the last read filled its buffer: there may be more */
    bool deferred;   /* in worker->deferred */
    unsigned budget; /* requests it may still serve before others have their turn */
    size_t copy_max; /* values up to this size are copied into the answer */
    _Atomic rel_time_t last_active;

    const struct codec *codec; /* NULL until the first byte */
    struct parser parser;
    struct request req;
    struct io *io; /* NULL while idle */

    /* a request in progress */
    unsigned phase;            /* of a handler that calls the engine more than once */
    ENGINE_ERROR_CODE status;  /* the engine passed it with its notification */
    enum outcome list_outcome; /* of a multi-key get: its first failure */
    struct reception value;
    struct dump *dump; /* under way, or NULL */
    bool answered;     /* the engine has called the response function */
    bool value_due;    /* the value that it showed must still be looked up and sent */
    uint8_t ends;      /* enum watch_end (watch_conns.h): why it will be closed */

    void *engine_specific;
    struct wakeup notice;
    TAILQ_ENTRY(connection) link;          /* worker->connections */
    TAILQ_ENTRY(connection) deferred_link; /* worker->deferred */
};

static inline struct connection *connection_of(const void *cookie)
{
    struct connection *c = (struct connection *)cookie;
    if (c != NULL)
        CHECK_OBJ(c, CONNECTION_MAGIC);
    return c;
}

static inline struct connection *connection_of_wakeup(struct wakeup *n)
{
    return connection_of((char *)n - offsetof(struct connection, notice));
}

static inline enum state connection_state(const struct connection *c)
{
    return atomic_load_explicit(&c->state, memory_order_relaxed);
}

/* ---- the worker's thread */

/* Takes over fd. Returns false if memory is exhausted (fd is closed). */
bool connection_open(struct worker *w, int fd, struct entrance from);
void connection_close(struct connection *c);
/* At shutdown: frees all connections, also those that an engine still holds. */
void connection_free_all(struct worker *w);

/* The open connection after c (the first if c is NULL), or NULL after the last. Get the
 * next one before closing c. */
struct connection *connection_next_open(struct worker *w, struct connection *c);

/* See state_table.h. A connection that idles also has no buffers. */
bool connection_idles(const struct connection *c);
bool connection_hears(const struct connection *c);
bool connection_expires(const struct connection *c);
bool connection_gives_room(const struct connection *c);
const char *connection_state_name(const struct connection *c);

/* For the state functions; the results are next states. Wait in `state` until the socket
 * is ready for `what`; wait for a turn, behind those that are already waiting; wait until
 * the engine notifies, and then continue in state `after`. */
enum state connection_wait(struct connection *c, enum state state, short what);
/* Waits until the carrier has sent the output. */
enum state connection_wait_for_send(struct connection *c);
enum state connection_defer(struct connection *c, enum state state);
enum state connection_park(struct connection *c, enum state after);
enum state connection_stay_parked(struct connection *c);
/* Its turn has come. */
void connection_undefer(struct connection *c);

/* Its loop: what c waits for must be watched once more. It may close c. */
void connection_watch_again(struct connection *c);

/* The value that is being received is not wanted any more: frees its item, or tells the
 * extension. */
void connection_release_value(struct connection *c);
/* The output returns an item; context is the connection. */
void connection_release_sent(void *context, void *it);

/* ---- any thread */

void connection_notify(struct connection *c, ENGINE_ERROR_CODE status);
void connection_reference(struct connection *c);
void connection_release(struct connection *c);

#endif
