/*
 * How a worker waits for its sockets, its inbox and its timers: by libevent
 * (event_loop.c), or by io_uring (uring_loop.c).
 *
 *   worker_loop.c, connection.c  --- watch, arm, stop --->  the loop
 *   worker_loop.c  <--- woken, due ---  the loop  --- drive ---> drive.c
 *
 * The worker's thread, except open and close: the main thread, before that thread starts
 * and after its end.
 */
#ifndef SERVER_LOOP_KIND_H
#define SERVER_LOOP_KIND_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/output.h"

struct connection;
struct worker;

enum worker_timer { TIMER_TICK, TIMER_DEFERRAL, TIMER_DEADLINE, TIMERS };

/* How the bytes of a stream get from and to its socket, if not by system calls for each:
 * see channel.h. */
struct carrier {
    ssize_t (*read)(struct connection *c, const struct iovec *to, unsigned n);
    enum output_result (*send)(struct connection *c, size_t most, size_t *sent);
    /* Bytes may have arrived that read does not return yet. */
    bool (*is_behind)(const struct connection *c);
};

struct loop_kind {
    /* False: the system refuses it; errno has the reason, and nothing is open. */
    bool (*open)(struct worker *w);
    void (*close)(struct worker *w);
    /* Returns when stop was called, or false if it cannot wait any more (errno). */
    bool (*run)(struct worker *w);
    void (*stop)(struct worker *w);
    /* The timer fires once; now, if it cannot be set. */
    void (*arm)(struct worker *w, enum worker_timer timer, unsigned ms);
    /* From now on c is driven when it is ready for c->interest; before: what it was.
     * False if the system cannot watch its socket. */
    bool (*watch)(struct connection *c, short before);
    /* c will be closed. */
    void (*forget)(struct connection *c);
    const struct carrier *carrier; /* of streams without TLS; NULL: system calls */
};

extern const struct loop_kind event_loop;
#ifdef HAVE_LIBURING
extern const struct loop_kind uring_loop;
#endif

#endif
