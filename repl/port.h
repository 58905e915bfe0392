/*
 * The actions of the core's state machine: what the core wants done outside. They are
 * called with the core lock held, by the replication thread or by a client thread that
 * promotes the node.
 */
#ifndef REPL_PORT_H
#define REPL_PORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "repl/store.h"

enum repl_log { REPL_LOG_DEBUG, REPL_LOG_INFO, REPL_LOG_WARNING };

struct repl_port_ops {
    /* The buffer in which to compose messages of the open session. The port sends it by
     * itself. If memory runs out (the buffer's `failed`), the port sends nothing more
     * and closes the connection. */
    struct buffer *(*out)(void *port);
    /* Send an item's value, from the item's own memory, after what was composed so far.
     * Takes over the reference: the port releases it through the store when the value
     * is sent. */
    void (*send_value)(void *port, struct repl_item *item);
    /* Bytes that were composed or referenced and that the network has not taken yet. */
    size_t (*backlog)(void *port);
    /* Close the session's connection. The core has already forgotten the session. The
     * reason goes to the log and to the peer. */
    void (*close)(void *port, const char *reason);
    /* There is work for repl_core_work. Any thread. */
    void (*wake)(void *port);
    /* The same, of a client's change; its bracket is closed and nothing is LOCKED. The
     * port may call repl_core_ship here and now. */
    void (*changed)(void *port);
    void (*log)(void *port, enum repl_log level, const char *text);
};

/* Clients' requests that the core puts off. Called on any thread, with locks of the core
 * held: they must not call the core. */
struct repl_requests {
    /* The request stays valid until it is resumed or forgotten. False: it cannot be put
     * off. */
    bool (*reserve)(void *context, const void *request);
    /* Have the host make the call again. Ends the reservation. */
    void (*resume)(void *context, const void *request);
    void *context;
};

#endif
