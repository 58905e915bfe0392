/*
 * The replication thread: feeds the core from sockets and time. One a node; it alone
 * touches the sockets. Client threads only wake it. This is what its files share.
 *
 * Floors, from the ground: a file calls those above it in this list, never one below.
 * What would go the other way is handed in (struct repl_callbacks).
 *
 *   address, repeats, link   with headers of their own
 *   loop.c     the log, waking
 *   slots.c    places for connections: how one is given up; pauses between dials
 *   link_port.c  the core's way out
 *   alive.c    signs of life, and what a peer owes
 *   listen.c   where the peer may connect
 *   handshake.c     dial, handshake: which connection becomes the session
 *   io.c     bytes in, messages to the core, bytes out
 *   control_answer.c job.c command.c control.c   the operator's questions and commands
 *   thread.c   the loop, start and stop
 */
#ifndef REPL_LOOP_H
#define REPL_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repl/node_address.h"
#include "repl/core.h"
#include "repl/link.h"
#include "repl/repeats.h"

struct control;
struct repl_thread;

typedef void (*control_emit)(void *context, const char *name, const char *value);

struct control_config {
    const char *path; /* of the socket */
    /* All figures of the node, as `stats repl` has them. Called without the core lock. */
    void (*figures)(void *context, control_emit emit, void *emit_context);
    void *context;
};

struct repl_thread_config {
    struct host_port peer, listen;
    uint64_t heartbeat_ms, timeout_ms;
    struct control_config control; /* path NULL: none */
    bool control_is_optional;      /* if it cannot be had, only the log says so */
    const struct repl_store_ops *store_ops; /* the core's: of items on their way */
    void *store;
    void (*log)(void *context, enum repl_log level, const char *text);
    void *log_context;
};

/* A connection and whose it is: what libevent hands back. */
struct repl_slot {
    struct repl_thread *thread;
    struct link link;
};

enum { REPL_SLOTS = 6, REPL_PEER_ADDRESSES = 8 };

struct repl_listener {
    struct repl_thread *thread;
    struct address at;
    int fd;
    struct event *acceptable;
    bool paused; /* out of file descriptors or the like: again at the next tick */
};

/* What the files below hand in; both core LOCKED. */
struct repl_callbacks {
    link_event event; /* of a connection; its argument is the slot */
    void (*accepted)(struct repl_thread *t, struct link *l);
};

struct repl_thread {
    struct repl_core *core;
    struct repl_thread_config config;
    struct repl_callbacks call;
    pthread_t thread;
    bool started;
    atomic_bool sleeping; /* must be woken by wake_fd */
    atomic_bool stop;
    uint64_t stop_by_us;
    int wake_fd;

    struct event_base *base;
    struct evdns_base *dns;
    struct event *tick, *alarm, *woken; /* alarm: a tick out of turn */
    struct control *control;
    uint64_t alarm_us; /* when it goes off */
    bool progress;     /* the core has made a step that somebody waits for; core LOCKED */
    unsigned face;     /* of the node, as the control socket's clients were told last */
    uint64_t shipped_before, shipped_at_us; /* how much and when at last */

    struct repl_slot slots[REPL_SLOTS];
    struct link *session; /* the slot's link that the core talks over, or NULL */

    struct address
        local; /* listen here and dial from here, if listen= names an address */
    bool has_local;
    struct repl_listener listeners[REPL_PEER_ADDRESSES]; /* else where the peer comes */
    unsigned nlisteners;
    struct address peers[REPL_PEER_ADDRESSES]; /* what peer= resolved to last */
    unsigned npeers, next_peer;
    bool resolving;
    uint64_t dial_at_us, backoff_us;
    char last_dial_error[120]; /* logged once, not at each try */
    struct repeats repeats;
    unsigned seed; /* of the jitter */
};

/* ---- loop.c; any thread */

void loop_log(struct repl_thread *t, enum repl_log level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* If that fails, it wakes up at its next tick. */
void loop_wake(struct repl_thread *t);

/* ---- all others: the thread's, core LOCKED */

/* For a new connection; the one that has been silent for longest makes room. */
struct repl_slot *slots_take(struct repl_thread *t);
/* The link is not the session any more, or never was: it is closed. hang_up tells the
 * peer why; refuse the log, too; drop does so with the session as well. */
void slots_hang_up(struct repl_thread *t, struct link *l, const char *why);
void slots_refuse(struct repl_thread *t, struct link *l, const char *why);
void slots_drop(struct repl_thread *t, struct link *l, const char *why);
void slots_write(struct repl_thread *t, struct link *l);
void slots_flush(struct repl_thread *t); /* of the session */
void slots_schedule_dial(struct repl_thread *t, uint64_t now);
void slots_reset_pause(struct repl_thread *t);
void slots_dial_at_once(struct repl_thread *t);
void slots_dial_failed(struct repl_thread *t, const char *what, const char *why);

/* Close what is dead; say that we live. */
void alive_tick(struct repl_thread *t, uint64_t now);
/* The session's connection is of no use now, but not given up yet. */
bool alive_is_stuck(const struct repl_thread *t);
/* Its peer owes an answer for long: another one may take its place, sooner one that is
 * found at the peer's own address. */
bool alive_is_overdue(const struct repl_thread *t, uint64_t now, bool dialled);

bool listen_open(struct repl_thread *t, char *why, size_t nwhy);
void listen_follow(struct repl_thread *t); /* addresses may have changed */
void listen_tick(struct repl_thread *t);
void listen_close(struct repl_thread *t);
uint16_t listen_port(const struct repl_thread *t); /* 0: it does not */

/* on_event: for all connections, as struct repl_callbacks has it. */
bool handshake_open(struct repl_thread *t, link_event on_event, char *why, size_t nwhy);
void handshake_tick(struct repl_thread *t, uint64_t now);
void handshake_again(struct repl_thread *t); /* the network may be another one now */
void handshake_greet(struct repl_thread *t, struct link *l);
void handshake_hello(struct repl_thread *t, struct link *l,
                     const struct link_hello *hello);

void io_event(evutil_socket_t fd, short what, void *arg);
void io_resume(struct repl_thread *t);

#endif
