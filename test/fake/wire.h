/*
 * A network of two nodes in memory: it joins two replication cores by their ports
 * (repl/port.h). Nothing moves by itself. The test delivers one message at a time,
 * holds a direction back, and decides when each side notices the end of a connection.
 * No threads, no clock.
 *
 *   end[0] --> connection.pipe[1] --> end[1]     pipe[i]: bytes on the way to end i
 *   end[0] <-- connection.pipe[0] <-- end[1]
 *
 * There may be several connections, because one end may still use an old connection
 * while the other end already has a newer one, as with real sockets.
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
    struct link_hello said[2]; /* the HELLO that each end sent */
    bool greeted[2];           /* the HELLO to this end was taken, or never can be */
};

struct wire;

struct wire_end {
    struct wire *wire;
    unsigned number;        /* 0 or 1 */
    struct repl_core *core; /* NULL: the node is down */
    int session;            /* the connection over which the core talks, or WIRE_NONE */
    bool held;    /* the network takes no bytes from this end: its backlog grows */
    size_t taken; /* bytes of the session's other pipe that are not backlog any more */
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

/* A node starts or ends at this end. After wire_detach its core must be destroyed. */
void wire_attach(struct wire *w, unsigned end, struct repl_core *core);
void wire_detach(struct wire *w, unsigned end);

/* Open a connection: both ends send their HELLO. Both nodes must be up. */
void wire_connect(struct wire *w);

/* Deliver the next message to this end: from its session; with `newer`, the HELLO of a
 * newer connection, which closes the session. False if there is none. */
bool wire_deliver(struct wire *w, unsigned to, bool newer);
bool wire_has_message(const struct wire *w, unsigned to);

/* This end notices that its connection is gone. Without a session, that is the
 * connection that is being opened. */
void wire_lose(struct wire *w, unsigned end);
/* Both ends notice, and what was on the way is lost. */
void wire_cut(struct wire *w);

/* Has the other end left the connection that is this end's session? */
bool wire_is_stale(const struct wire *w, unsigned end);

/* hold: the network takes no more bytes from this end, and delivers nothing that it
 * composes from now on. Not hold: the network goes on. */
void wire_hold(struct wire *w, unsigned end, bool hold);

#endif
