/*
 * A network of two nodes in memory: joins two replication cores by the port they talk
 * through (repl/port.h). Nothing moves by itself; the test delivers one message at a
 * time, holds a direction back, and lets each side notice the end of a connection when
 * it likes, the other not. No threads, no clock.
 *
 *   end[0] --> connection.pipe[1] --> end[1]     pipe[i]: bytes on the way to end i
 *   end[0] <-- connection.pipe[0] <-- end[1]
 *
 * A connection may live on at one end while the other end has a newer one already, as
 * it happens with real ones: hence more than one connection.
 */
#ifndef TEST_FAKE_WIRE_H
#define TEST_FAKE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "repl/internal.h"

enum { WIRE_CONNECTIONS = 4, WIRE_NONE = -1 };

struct wire_connection {
    struct buffer pipe[2];
    struct link_hello said[2]; /* by each end */
    bool greeted[2]; /* the HELLO on the way to this end was taken, or cannot be */
};

struct wire;

struct wire_end {
    struct wire *wire;
    unsigned number;        /* 0 or 1 */
    struct repl_core *core; /* NULL: the node is down */
    int session;            /* the connection that the core talks over, or WIRE_NONE */
    bool held;    /* the network takes no bytes from this end: its backlog grows */
    size_t taken; /* bytes of the session's other pipe that count no more as backlog */
    /* sessions the core closed; HELLOs it refused; messages it complained about */
    unsigned closed, turned_away, refused;
    const char *why; /* the last complaint */
};

struct wire {
    struct wire_end end[2];
    struct wire_connection connections[WIRE_CONNECTIONS];
    int newest; /* or WIRE_NONE */
    uint64_t delivered;
    void (*watch)(void *context, unsigned to, const struct link_message *m);
    void *watch_context; /* watch, if not NULL, sees each message before the core */
};

/* The port is a struct wire_end. */
extern const struct repl_port_ops wire_port_ops;

void wire_init(struct wire *w);
void wire_fini(struct wire *w);

/* A node goes up or down at this end. Going down, its core must be ended after this. */
void wire_attach(struct wire *w, unsigned end, struct repl_core *core);
void wire_detach(struct wire *w, unsigned end);

/* A new connection: both ends send their HELLO. Both nodes must be up. */
void wire_connect(struct wire *w);

/* The next message to this end: from its session, or with newer true the HELLO of a
 * connection newer than that, which closes the session. False if there is none, or if
 * the core is busy. */
bool wire_deliver(struct wire *w, unsigned to, bool newer);
bool wire_has_message(const struct wire *w, unsigned to);

/* This end notices that its connection is gone; without a session, one that is only
 * being opened. */
void wire_lose(struct wire *w, unsigned end);
/* Both notice, what was on the way is lost. */
void wire_cut(struct wire *w);

/* Is this end's session one that the other end has left? It will notice some day. */
bool wire_is_stale(const struct wire *w, unsigned end);

/* The network takes no more bytes from this end, and delivers none of what it composes
 * from now on; or it goes on. */
void wire_hold(struct wire *w, unsigned end, bool hold);

#endif
