/*
 * The replication thread: feeds the core from sockets and time. One a node; it alone
 * touches the sockets. Client threads only wake it.
 *
 *   thread.c  the loop, waking and sleeping, start and stop
 *   meet.c    dial, handshake: which connection becomes the session
 *   listen.c  where the peer may connect
 *   pump.c    bytes in, messages to the core, bytes out
 *   alive.c   signs of life, and what a peer owes
 *   control.c the control socket: questions and commands of the operator
 */
#ifndef REPL_THREAD_H
#define REPL_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repl/address.h"
#include "repl/control.h"
#include "repl/core.h"
#include "repl/link.h"
#include "repl/repeats.h"

struct repl_thread_config {
    struct host_port peer, listen;
    uint64_t heartbeat_ms, timeout_ms;
    struct control_config control; /* path NULL: none */
    bool control_is_optional;      /* if it cannot be had, only the log says so */
    void (*log)(void *context, enum repl_log level, const char *text);
    void *log_context;
};

struct repl_thread;

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

struct repl_thread {
    struct repl_core *core;
    struct repl_thread_config config;
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
    unsigned face; /* of the node, as the control socket's clients were told last */
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

/* The core's way out; the port is the thread. Usable before start: then it only logs. */
extern const struct repl_port_ops repl_thread_port;

void repl_thread_init(struct repl_thread *t, struct repl_core *core,
                      const struct repl_thread_config *config);

/* Listen and start. False: why holds the reason, for the user. */
bool repl_thread_start(struct repl_thread *t, char *why, size_t nwhy);

/* Let the peer acknowledge what is pending, for at most drain_ms; then end. No-op if it
 * was not started. */
void repl_thread_stop(struct repl_thread *t, unsigned drain_ms);

/* The port it listens on, 0 if none. */
uint16_t repl_thread_port_number(const struct repl_thread *t);

/* off, down, handshake, or NULL if the core knows better; core LOCKED. */
const char *repl_thread_link_state(const struct repl_thread *t);

/* ---- between these files; all core LOCKED */

bool meet_open(struct repl_thread *t, char *why, size_t nwhy);
void meet_tick(struct repl_thread *t, uint64_t now);
void meet_again(struct repl_thread *t); /* the network may be another one now */
void meet_greet(struct repl_thread *t, struct link *l);
void meet_hello(struct repl_thread *t, struct link *l, const struct link_hello *hello);
void meet_refuse(struct repl_thread *t, struct link *l, const char *why);
void meet_dial_failed(struct repl_thread *t, const char *what, const char *why);
struct repl_slot *meet_take_slot(struct repl_thread *t); /* for a new connection */

bool listen_open(struct repl_thread *t, char *why, size_t nwhy);
void listen_follow(struct repl_thread *t); /* addresses may have changed */
void listen_tick(struct repl_thread *t);
void listen_close(struct repl_thread *t);

void pump_event(evutil_socket_t fd, short what, void *arg);
void pump_drop(struct repl_thread *t, struct link *l, const char *why);
void pump_resume(struct repl_thread *t);
void pump_flush(struct repl_thread *t);

/* Close what is dead; say that we live. */
void alive_tick(struct repl_thread *t, uint64_t now);
/* The session's connection is of no use now, but not given up yet. */
bool alive_is_stuck(const struct repl_thread *t);
/* Its peer owes an answer for long: another one may take its place, sooner one that is
 * found at the peer's own address. */
bool alive_is_overdue(const struct repl_thread *t, uint64_t now, bool dialled);

void thread_log(struct repl_thread *t, enum repl_log level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
