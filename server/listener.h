/*
 * Listening sockets. Main thread: bound before the engine starts (so that a port in use
 * ends the start early), listening after it.
 *
 * The limit of -c: with maxconns_fast a client beyond it receives an error and is closed;
 * otherwise mcd accepts no client until another one disconnects. If the system has no
 * descriptor or memory for another connection, accepting pauses until a connection has
 * closed or a second has passed.
 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/entrance.h"

struct event;
struct event_base;
struct settings;
struct worker;

struct listener {
    struct listeners *all;
    int fd;
    struct entrance entrance;
    struct event *event;
};

struct listeners {
    const struct settings *settings;
    struct worker *workers; /* they receive the connections in turn */
    unsigned nworkers, next_worker;
    struct listener *all;
    size_t n;
    struct event *retry; /* ends a pause */
    char *unix_path;     /* removed at the end */

    /* counters; written by the main thread, read by all */
    _Atomic uint64_t accepted, rejected, disabled_num, disabled_us;
    _Atomic bool accepting;
    /* Only the main thread uses these: when accepting paused last, how many connections
     * had been closed by then, and whether the system lacked resources. */
    uint64_t paused_us, paused_closed;
    bool starved;
};

/* The ports. False: why names the address that could not be bound. Keeps the pointer s.
 */
bool listeners_bind(struct listeners *l, const struct settings *s, char *why,
                    size_t nwhy);
/* The UNIX socket, if there is one. Called after listeners_bind, as the user that mcd
 * runs as: the socket is the user's. */
bool listeners_bind_unix(struct listeners *l, char *why, size_t nwhy);
/* Starts to accept. Also writes the ports that the kernel chose to the log and, if
 * MEMCACHED_PORT_FILENAME is set, all ports to the file that it names. */
bool listeners_start(struct listeners *l, struct event_base *base, struct worker *workers,
                     unsigned nworkers, char *why, size_t nwhy);
/* Stops accepting and closes the sockets. */
void listeners_stop(struct listeners *l);

/* What a user can do about an error of bind or listen: a text to append, or "". */
const char *listener_advice(int error);

#endif
