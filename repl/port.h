/*
 * What the core wants done outside: the actions of the state machine. Called with the
 * core lock held, by the replication thread or by a client thread that promotes.
 */
#ifndef REPL_PORT_H
#define REPL_PORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "repl/store.h"

enum repl_log { REPL_LOG_DEBUG, REPL_LOG_INFO, REPL_LOG_WARNING };

struct repl_port_ops {
    /* Where to compose messages of the session that is up; flushed by itself. If memory
     * is out (its `failed`), nothing more is sent and the connection is closed. */
    struct buffer *(*out)(void *port);
    /* Send the bytes of an item behind what was composed, from its own memory. Takes
     * over the reference: the port releases it through the store when it is sent. */
    void (*send_value)(void *port, struct repl_item *item);
    /* Bytes composed or referenced, and not yet taken by the network. */
    size_t (*backlog)(void *port);
    /* Close the session's connection; the core has forgotten the session already.
     * reason goes to the log and to the peer. */
    void (*close)(void *port, const char *reason);
    /* There is work for repl_core_work. Any thread. */
    void (*wake)(void *port);
    void (*log)(void *port, enum repl_log level, const char *text);
};

#endif
