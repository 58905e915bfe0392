/*
 * One client connection: a state, the function of that state, and a loop that drives
 * them until there is nothing to do but wait. To engines it is a cookie.
 *
 *   read -> parse -> execute -> value -> store -> write -> read
 *             ^        |          swallow            |
 *             |        v                             v
 *             +---- parked (the engine would block)  closing
 *
 * It belongs to its worker's thread. Other threads may only notify it, and hold it
 * with a reference: the open connection is one, each reserve() is one, each pending
 * notification is one, and waiting for the engine is one.
 */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include <event2/event_struct.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <memcached/engine.h>

#include "base/check.h"
#include "protocol/codec.h"
#include "server/worker.h"

enum { CONNECTION_MAGIC = 0x434f4e4e };

struct connection;

enum step { STEP_AGAIN, STEP_WAIT };

struct state {
    const char *name;
    enum step (*run)(struct connection *c);
};

struct connection {
    unsigned magic;
    _Atomic int fd; /* -1 once it is closed */
    _Atomic unsigned refs;
    struct worker *worker;
    const struct state *_Atomic state;
    const struct state *after; /* of write and of parked */
    struct udp *udp;           /* requests come as datagrams; NULL otherwise */
    struct event event;
    short interest;  /* EV_READ, EV_WRITE or 0 */
    bool read_full;  /* the last read filled its room: there may be more */
    bool deferred;   /* in worker->deferred */
    unsigned budget; /* requests left until others have their turn */
    _Atomic rel_time_t last_active;

    const struct codec *codec; /* NULL until the first byte */
    struct parser parser;
    struct request req;
    struct io *io; /* NULL while idle */

    /* a request in progress */
    unsigned phase;            /* of a handler that calls the engine more than once */
    ENGINE_ERROR_CODE status;  /* what the engine gave with its notification */
    enum outcome list_outcome; /* of a multi-key get: its first failure */
    item *item;                /* being filled */
    struct iovec piece;        /* what is still to be filled of its current piece */
    uint16_t piece_index;
    uint64_t value_left; /* of the value, or to be swallowed */
    bool answered;       /* the engine has called the response function */
    bool value_due;      /* and what it showed has still to be looked up and sent */

    void *engine_specific;
    struct connection *notified_next; /* guarded by worker->lock */
    bool notified;
    ENGINE_ERROR_CODE notified_status;
    TAILQ_ENTRY(connection) link;          /* worker->connections */
    TAILQ_ENTRY(connection) deferred_link; /* worker->deferred */
};

/* Worker thread. Takes over fd. False if memory is out (fd is closed). */
bool connection_open(struct worker *w, int fd, bool datagram);
void connection_close(struct connection *c);
void connection_drive(struct connection *c);
/* A notification has arrived for it. */
void connection_resume(struct connection *c, ENGINE_ERROR_CODE status);
/* Does it wait for bytes; is it between requests? */
bool connection_waits_for_client(const struct connection *c);
bool connection_idle(const struct connection *c);
/* Is it the client's turn, to send or to read? When it has done nothing for as long as
 * --idle-timeout says, it is closed. */
bool connection_can_time_out(const struct connection *c);
/* Is it as the client left it, that is, can it be closed when room is needed? Not while
 * it waits for the engine. */
bool connection_can_be_cut(const struct connection *c);
const char *connection_state_name(const struct connection *c);

/* Any thread. */
void connection_notify(struct connection *c, ENGINE_ERROR_CODE status);
void connection_hold(struct connection *c);
void connection_unhold(struct connection *c);

static inline struct connection *connection_of(const void *cookie)
{
    struct connection *c = (struct connection *)cookie;
    if (c != NULL)
        CHECK_OBJ(c, CONNECTION_MAGIC);
    return c;
}

#endif
