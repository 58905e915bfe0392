/*
 * The replication thread: it feeds the core from sockets and time. There is one per
 * node; it alone touches the sockets, and client threads only wake it. This header is
 * what its files share.
 *
 * The files in layers, lowest first: a file calls files above it in this list, never
 * one below it. Calls in the other direction go through struct repl_callbacks.
 *
 *   node_address, address_range, repeats, secure, tunnel, link: see their headers
 *   loop.c         the log; waking the thread
 *   prompt.c       ships a change at once, on the client's thread
 *   slots.c        places for connections, closing one, pauses between dials
 *   link_port.c    the core's port (repl/port.h)
 *   black_hole.c   finds a network that loses large packets
 *   alive.c        signs of life, and what a peer owes
 *   resolve.c      looks up the peer's name
 *   proof.c        both ends prove themselves before a HELLO
 *   listen.c       where the peer may connect
 *   handshake.c    dial, handshake: which connection becomes the session
 *   retarget.c     another address for the peer, by command
 *   io.c           bytes in, messages to the core, bytes out
 *   control_answer.c job.c command.c control.c   the operator's questions and commands
 *   manager.c      tells the service manager how the node is
 *   thread.c       the loop, start and stop
 */
#ifndef REPL_LOOP_H
#define REPL_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repl/address_range.h"
#include "repl/node_address.h"
#include "repl/core.h"
#include "repl/link.h"
#include "repl/repeats.h"
#include "repl/secure.h"

struct control;
struct repl_thread;

typedef void (*control_emit)(void *context, const char *name, const char *value);

struct control_config {
    const char *path; /* of the socket */
    /* All figures of the node, as `stats repl` has them. Called without the core
     * lock. */
    void (*figures)(void *context, control_emit emit, void *emit_context);
    void *context;
};

struct repl_thread_config {
    struct host_port peer, listen;
    struct address_ranges peer_from; /* from where else it may connect */
    struct secure_config secure;     /* how both prove themselves */
    struct control_config control;   /* path NULL: none */
    bool control_is_optional;        /* if it cannot be made, log that and go on */
    bool is_prompt; /* the store never blocks: clients' threads may ship */
    const struct repl_store_ops *store_ops; /* the core's store: releases sent items */
    void *store;
    void (*log)(void *context, enum repl_log level, const char *text);
    void *log_context;
};

/* A place for a connection. libevent's callbacks get it as their argument. */
struct repl_slot {
    struct repl_thread *thread;
    struct link link;
};

enum { REPL_SLOTS = 16, REPL_PEER_ADDRESSES = 8, PEER_TEXT = HOST_ROOM + 16 };

struct repl_listener {
    struct repl_thread *thread;
    struct address at;
    int fd;
    struct event *acceptable;
    struct event *gathered; /* a moment after somebody was turned away: accept again */
    bool paused; /* accept failed for want of descriptors or memory; resumed at a tick */
};

/* What proof.c does about connections that prove nothing. */
struct repl_strangers {
    /* When the budgets of handshakes will be whole again: of those that show the badge of
     * the last link, and of others. */
    uint64_t badged_us, others_us;
    uint64_t alone_us;         /* since when this node has no link */
    bool was_linked;           /* when the last connection came */
    uint64_t told, told_at_us; /* how many drops the log knows of, and since when */
};

/* Functions of higher files that lower files call. Both with the core LOCKED. */
struct repl_callbacks {
    link_event event; /* for a connection; its argument is the slot */
    void (*accepted)(struct repl_thread *t, struct link *l);
    void (*resolved)(struct repl_thread *t); /* peers, anew */
};

struct repl_thread {
    struct repl_core *core;
    struct repl_thread_config config;
    struct repl_callbacks call;
    pthread_t thread;
    bool started;
    atomic_bool sleeping; /* whoever adds work must wake the thread by wake_fd */
    atomic_bool stop;
    uint64_t stop_by_us;
    int wake_fd;

    struct event_base *base;
    struct evdns_base *dns;
    unsigned dns_failures;              /* look-ups so far that found nothing */
    struct event *tick, *alarm, *woken; /* alarm: an additional tick */
    struct control *control;
    uint64_t alarm_us; /* when the alarm goes off */
    bool progress;     /* the core has made a step that somebody waits for; core LOCKED */
    unsigned face;     /* repl_core_face when control clients were told last */
    /* Changes shipped so far; when that grew. LOCKED. */
    uint64_t shipped_before, shipped_at_us;
    unsigned linger_us;   /* the last pause between two batches; 0: there was none */
    uint64_t events_us;   /* when events were asked for last */
    uint64_t give_way_us; /* slices.h */

    struct repl_slot slots[REPL_SLOTS];
    struct link *session; /* the link over which the core talks, or NULL */

    /* If listen= names an address: listen there, and dial from there. */
    struct address local;
    bool has_local;
    /* One at `local`; else one at each address of ours from which the peer is
     * reached. */
    struct repl_listener listeners[REPL_PEER_ADDRESSES];
    unsigned nlisteners;
    struct address peers[REPL_PEER_ADDRESSES]; /* what peer= resolved to last */
    unsigned npeers, next_peer;
    bool resolving;
    struct evdns_getaddrinfo_request *question; /* not answered yet */
    uint64_t asked_us;                          /* since when */
    uint64_t dial_at_us, backoff_us;
    char peer_text[PEER_TEXT]; /* the peer as the operator named it */
    bool is_retargeted;        /* by command, and not linked since */
    unsigned ndropped;         /* dials in a row that the peer has closed unread */
    char last_dial_error[300]; /* logged once, not at each try */
    struct repeats repeats;
    char told[400];               /* to the service manager, */
    uint64_t told_us, in_sync_us; /* and when; when the node was in sync last */
    struct secure secure;
    struct repl_strangers strangers;
    uint64_t looked_at_us, warned_at_us; /* at the files; of a certificate's end */
    unsigned seed;                       /* of the jitter */
    unsigned swallowed; /* connections in a row that a large packet did not pass */
};

/* ---- loop.c; any thread */

void loop_log(struct repl_thread *t, enum repl_log level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* If this fails, the thread wakes up at its next tick. */
void loop_wake(struct repl_thread *t);

/* ---- prompt.c; any thread, not LOCKED */

/* Ship what is due here and now, if that is a change after a pause. False: it is for the
 * replication thread, which the caller must wake. */
bool prompt_ship(struct repl_thread *t);

/* ---- all that follow: on the replication thread, core LOCKED */

/* A slot for a new connection. If all are taken, the connection that has been silent
 * for longest is closed. */
struct repl_slot *slots_take(struct repl_thread *t);
/* Would that close nobody who came only a moment ago, and may be the peer? */
bool slots_have_room(struct repl_thread *t, uint64_t now);
/* Close a link. hang_up: tell the peer why. refuse: tell the peer and the log. Both
 * take a link that is not the session, or not any more. end, drop: the same as hang_up
 * and refuse, also for the session, which they end. */
void slots_hang_up(struct repl_thread *t, struct link *l, const char *why);
void slots_refuse(struct repl_thread *t, struct link *l, const char *why);
void slots_end(struct repl_thread *t, struct link *l, const char *why);
void slots_drop(struct repl_thread *t, struct link *l, const char *why);
/* Close a link that is not open yet. It does not move the time of the next dial:
 * strangers would keep this node from dialling. */
void slots_say_refused(struct repl_thread *t, const char *name, const char *why);
void slots_turn_away(struct repl_thread *t, struct link *l, const char *why);
void slots_write(struct repl_thread *t, struct link *l);
void slots_flush(struct repl_thread *t); /* the session's link */
void slots_schedule_dial(struct repl_thread *t, uint64_t now);
void slots_reset_pause(struct repl_thread *t);
void slots_dial_at_once(struct repl_thread *t);
void slots_dial_failed(struct repl_thread *t, const char *what, const char *why);
/* The peer has closed a dialled connection without a word, as it does while strangers
 * besiege it: dial again and again, quickly, so that one dial comes through. */
void slots_dial_dropped(struct repl_thread *t, struct link *l);

/* Log it if large packets vanish on the session's connection. */
void black_hole_look(struct repl_thread *t, uint64_t now);

/* Close connections that are dead; send a sign of life if it is time. */
void alive_tick(struct repl_thread *t, uint64_t now);
/* Is the session's connection stuck: it moves nothing now, but has not timed out
 * yet? */
bool alive_is_stuck(const struct repl_thread *t);
/* Has the session's peer owed an answer for so long that another run may replace it?
 * `dialled`: for a run that we dialled at the peer's own address, which takes half the
 * time. */
bool alive_is_overdue(const struct repl_thread *t, uint64_t now, bool dialled);

/* Find the peer's addresses and call `resolved`, at once or later. */
void resolve_peer(struct repl_thread *t);
/* True if the peer is given as an address; then it is known now. */
bool resolve_number(struct repl_thread *t);
void resolve_cancel(struct repl_thread *t); /* forget a question that is not answered */
void resolve_tick(struct repl_thread *t, uint64_t now);

bool listen_open(struct repl_thread *t, char *why, size_t nwhy);
void listen_follow(struct repl_thread *t); /* after addresses may have changed */
void listen_tick(struct repl_thread *t);
void listen_close(struct repl_thread *t);
uint16_t listen_port(const struct repl_thread *t); /* 0: it does not listen */

/* Read the secret or the certificates, and warn if there are none and the link can be
 * heard. False: why has the reason. */
bool proof_open(struct repl_thread *t, char *why, size_t nwhy);
/* Read them again, and connect anew with them. The same. */
bool proof_renew(struct repl_thread *t, char *why, size_t nwhy);
/* Warn if anybody on the way could read and change what this link carries. */
void proof_warn(struct repl_thread *t);
/* A socket that was accepted: may it be the peer's, by what it has said so far, and may
 * it have a handshake now? */
bool proof_admits(struct repl_thread *t, int fd, const struct address *from);
/* Tells of those that may not; reads files that have changed, warns of their end. */
void proof_tick(struct repl_thread *t, uint64_t now);
/* The link is the session: its peer will be known again. */
void proof_remember(struct repl_thread *t, struct link *l);
/* A connected socket: let both ends begin to prove themselves. False: the link is gone.
 */
bool proof_begin(struct repl_thread *t, struct link *l);
/* Go on with that. True: both have; the link is open. Otherwise it waits, or is gone. */
bool proof_pass(struct repl_thread *t, struct link *l);

/* on_event is the `event` of struct repl_callbacks. */
bool handshake_open(struct repl_thread *t, link_event on_event, char *why, size_t nwhy);
void handshake_tick(struct repl_thread *t, uint64_t now);
void handshake_again(struct repl_thread *t); /* after the network may have changed */
/* The socket is connected, or something has come while both ends prove themselves: go on,
 * up to our HELLO. Both may close the link. */
void handshake_connected(struct repl_thread *t, struct link *l);
void handshake_go_on(struct repl_thread *t, struct link *l);
void handshake_greet(struct repl_thread *t, struct link *l);
void handshake_hello(struct repl_thread *t, struct link *l,
                     const struct link_hello *hello);

/* Take another address for the peer, cut the link and dial anew. False: nothing has
 * changed, and why says so. */
bool retarget(struct repl_thread *t, const char *text, char *why, size_t nwhy);
/* Tell the service manager if the role, the link or the sync has changed. */
void manager_tick(struct repl_thread *t, uint64_t now);

/* What TLS has read ahead wakes nobody, and who lingers asks for no events: read on in
 * the next round of work. True: there may be more. */
bool io_read_on(struct repl_thread *t, bool lingers);
void io_event(evutil_socket_t fd, short what, void *arg);

#endif
