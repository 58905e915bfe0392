/*
 * Listening sockets. Main thread: bound before the engine starts (a port in use ends
 * the start early), listening after it.
 *
 * The limit of -c: with maxconns_fast a client beyond it gets an error and is closed,
 * otherwise nobody is accepted until another goes. When the system has no descriptor or
 * no memory for another one, accepting pauses until a connection has closed, or a second
 * has passed.
 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct event;
struct event_base;
struct settings;
struct worker;

struct listener {
    struct listeners *all;
    int fd;
    bool datagram;
    struct event *event;
};

struct listeners {
    const struct settings *settings;
    struct worker *workers; /* who get the connections, in turn */
    unsigned nworkers, next_worker;
    struct listener *all;
    size_t n;
    struct event *retry; /* after a pause */
    char *unix_path;     /* removed at the end */

    /* counters; written by the main thread, read by all */
    _Atomic uint64_t accepted, rejected, disabled_num, disabled_us;
    _Atomic bool accepting;
    /* the main thread's own: when accepting paused last, how many connections had been
     * closed by then, and whether it was for want of what the system gives */
    uint64_t paused_us, paused_closed;
    bool starved;
};

/* False: why says which address could not be had. Keeps the settings. */
bool listeners_bind(struct listeners *l, const struct settings *s, char *why,
                    size_t nwhy);
/* Start to accept; also tells the chosen ports to the log and, if it is set, to the
 * file that MEMCACHED_PORT_FILENAME names. */
bool listeners_start(struct listeners *l, struct event_base *base, struct worker *workers,
                     unsigned nworkers, char *why, size_t nwhy);
/* No more connections; the sockets are closed. */
void listeners_stop(struct listeners *l);

/* What a user can do about an error of bind or listen: a text to append, or "". */
const char *listener_advice(int error);

#endif
