/*
 * The replication core of one node: a state machine without sockets, threads or
 * clock. Events go in through the functions below, actions come out through
 * repl/port.h, data through repl/store.h. The protocol's rules are in
 * doc/replication.md; their numbers (R1...) stand beside the code.
 *
 *        client threads                  replication thread
 *      change_begin/_end              link events, frames, time
 *              |                                |
 *     gate, journal, dirty map     core lock: role, session, merge,
 *        (no lock at all)             ship, apply, purge, scan
 *
 * Locking. One lock guards all but what client threads use (repl/gate.h). Functions
 * marked LOCKED are called between repl_core_lock and repl_core_unlock.
 */
#ifndef REPL_CORE_H
#define REPL_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/siphash.h"
#include "protocol/link_message.h"
#include "repl/port.h"
#include "repl/store.h"

/* What a client's write on a standby does. */
enum repl_standby_writes {
    STANDBY_WRITES_PROMOTE, /* it makes the node active */
    /* only if no active peer is linked; else it is refused, and that peer is asked for
     * the role (role_request.c) */
    STANDBY_WRITES_ALONE,
    STANDBY_WRITES_REJECT /* it is refused */
};

struct repl_core;

struct repl_config {
    size_t journal_bytes;
    unsigned map_bits;
    enum repl_standby_writes standby_writes;
    bool lone_rejects;     /* without a peer no client's change is taken */
    bool keep_on_conflict; /* what both nodes changed: the leader's state, not a miss */
    struct run_id run;
    struct siphash_secret secret; /* of tables by keys; the peer has another */
    uint64_t item_max, memory;    /* told to the peer */
    uint64_t fetch_wait_us; /* how long a request waits for the peer's item; 0: not */
    uint64_t cold_wait_us;  /* how long a node that started empty waits for its peer
                             * before it is fit all the same (health.c) */
    /* And how it goes on then. Any thread; it must not call the core. */
    void (*resume)(void *context, const void *request);
    void *resume_context;
};

struct repl_counters {
#define STAT_COUNTER(name, extent, help) METRIC_MEMBER_COUNTER(name)
#include "repl/repl_stat_rows.h"
    uint64_t lag_us; /* the last sample */
};

/* A planned change of roles (handover.c). */
enum repl_handover_state {
    HANDOVER_NONE,
    HANDOVER_DRAIN,   /* what is owed to the peer is shipped, clients go on */
    HANDOVER_HELD,    /* clients' changes wait until the peer has the last one */
    HANDOVER_OFFERED, /* and until it says that it is active */
    HANDOVER_DONE,
    HANDOVER_FAILED
};

struct repl_handover_limits {
    const char *cause; /* for the log */
    uint64_t drain_us; /* how long shipping may take */
    uint64_t hold_us;  /* and how long clients' changes may wait then */
    bool resign; /* refuse changes afterwards, until promoted, demoted or without link */
};

/* An operator's; a node's that gives way to one where the clients are. */
extern const struct repl_handover_limits repl_handover_planned, repl_handover_yield;

struct repl_handover {
    enum repl_handover_state state;
    const struct repl_handover_limits *limits;
    const char *why;            /* it failed */
    uint64_t until_us;          /* it fails then */
    uint64_t held_us, pause_us; /* since when changes wait; how long they did */
};

/* A comparison of both nodes (verify.c). */
enum repl_verify_state {
    VERIFY_NONE,
    VERIFY_ANSWER, /* at the follower: it names its items */
    VERIFY_SETTLE, /* the peer is to have what was changed before */
    VERIFY_NAME,   /* the leader names its items */
    VERIFY_AWAIT,  /* the follower names its own */
    VERIFY_DONE,
    VERIFY_FAILED
};

enum { VERIFY_ROUNDS = 2, VERIFY_SAMPLE = 8 };

struct repl_difference {
    uint64_t compared;        /* items named by the leader */
    uint64_t unequal, absent; /* buckets: values differ; an item is on one node only */
    uint64_t left_out;        /* buckets that clients touched meanwhile */
    unsigned nsample;
    size_t sample[VERIFY_SAMPLE]; /* some buckets that differ */
};

/* How far it is. */
struct repl_verify {
    enum repl_verify_state state;
    const char *why; /* it failed */
    unsigned round;  /* the second one looks at what the first has repaired */
    struct repl_difference found[VERIFY_ROUNDS];
};

/* ---- life */

/* NULL if memory is out. A node starts as a standby that is missing everything. */
struct repl_core *repl_core_create(const struct repl_config *config,
                                   const struct repl_store_ops *store_ops, void *store,
                                   const struct repl_port_ops *port_ops, void *port);
/* Before the first session, so that clients do not wait for the kernel's memory when maps
 * are exchanged. Clients may be inside. */
void repl_core_warm_up(struct repl_core *c);
/* Drop what it has begun in the store. No client thread may be inside any more; threads
 * of the store's own may. */
void repl_core_stop(struct repl_core *c);
/* Nobody may be inside any more. */
void repl_core_destroy(struct repl_core *c);

const struct repl_config *repl_core_config(const struct repl_core *c);

void repl_core_lock(struct repl_core *c);
void repl_core_unlock(struct repl_core *c);

/* ---- what clients do; any worker thread, not LOCKED (change.c) */

enum change_result { CHANGE_OK, CHANGE_REJECTED, CHANGE_NO_MEMORY };

/* Around each command that changes a key: begin promotes a standby (or rejects, by
 * option), removes what is being purged, and opens the bracket; end closes it. Between
 * them, once it has taken place, record notes the change; record_absence, that the client
 * was told that it cannot be, for the key is not here: an answer that must stay true. A
 * command that fails otherwise records nothing. Nothing between may wait. */
struct change {
    struct repl_worker *worker;
    uint64_t hash;
    const void *key;
    size_t nkey;
    unsigned flags;
};

enum change_result change_begin(struct repl_core *c, struct change *ch, const void *key,
                                size_t nkey);
void change_record(struct repl_core *c, struct change *ch);
void change_record_absence(struct repl_core *c, struct change *ch);
void change_end(struct repl_core *c, struct change *ch);

/* A read: hides what is being purged. False if it cannot: it is to be a miss then. */
bool change_before_read(struct repl_core *c, const void *key, size_t nkey);

/* What the store of an active node has done on its own, for the peer's to do the same
 * (notice.c); the cas of an eviction is 0 if the store does not tell it. No change: it
 * promotes nobody, is kept only while there is room, and is at no risk. Any thread,
 * within a bracket or not. */
void notice_take(struct repl_core *c, const struct link_note *note);

/* flush_all took effect here, or will in `delay` seconds. Within no bracket. */
enum change_result change_flush_begin(struct repl_core *c, struct change *ch);
void change_flush_end(struct repl_core *c, struct change *ch, uint32_t delay);

/* ---- what this node is missing; any thread, not LOCKED (fetch.c) */

/* Is this node missing anything that it could ask for? */
bool fetch_is_on(const struct repl_core *c);
/* May the peer have this key, if it is not here? */
bool fetch_may_help(const struct repl_core *c, const void *key, size_t nkey);
/* It is not here: shall the request wait until the peer was asked? True: it will be
 * resumed, by config.resume; then the call is to be made again. */
bool fetch_wait(struct repl_core *c, const void *request, const void *key, size_t nkey,
                uint64_t now_us);
/* The request has gone away, with its connection. True if it waited: it is not resumed.
 */
bool fetch_forget(struct repl_core *c, const void *request);

/* ---- events; all LOCKED */

/* Why a HELLO is not valid, whatever state we are in; NULL if it is. */
const char *repl_core_hello_fault(struct repl_core *c, const struct link_hello *hello);
/* A connection delivered a valid HELLO (R6); `said` is the one we sent on it. NULL if the
 * session stands now; else why it was refused. An older session must have been closed
 * before. */
const char *repl_core_hello(struct repl_core *c, const struct link_hello *said,
                            const struct link_hello *hello);
/* The HELLO to send at connect. */
void repl_core_make_hello(struct repl_core *c, struct link_hello *hello,
                          uint64_t clock_us);
/* The session's connection is gone (R3). */
void repl_core_closed(struct repl_core *c);
/* A message of the session; NULL, or why the connection must be closed. Only one that is
 * taken now may be delivered: while the core is busy, most must wait for the end of a
 * purge. */
const char *repl_core_message(struct repl_core *c, const struct link_message *m);
bool repl_core_takes(const struct repl_core *c, const struct link_message *m);
bool repl_core_busy(const struct repl_core *c);
/* Does the peer owe an answer: the next step of the meeting, the end of a purge, an
 * acknowledgement? How many have come in this session? */
bool repl_core_awaits(const struct repl_core *c);
uint64_t repl_core_answers(const struct repl_core *c);
/* Bytes of the longest message that an honest peer sends in this session. */
uint64_t repl_core_message_max(const struct repl_core *c);
/* Compose a sign of life. */
void repl_core_ping(struct repl_core *c);
/* A run of FILLs, as if each had been delivered; not while the core is busy. Clients'
 * changes wait for a run, not for each of it. */
const char *repl_core_fill(struct repl_core *c, const struct link_change *items,
                           size_t n);

/* Time passes: call it some times a second. The core's only clock for its time limits,
 * monotonic microseconds. */
void repl_core_tick(struct repl_core *c, uint64_t now_us);
/* A tick is due by then, besides those; 0: none is. */
uint64_t repl_core_due_us(struct repl_core *c);

/* Do some of what is due: purge, ship, scan, repair. Bounded time. True if more is
 * due right now, false if it must wait for an event. now_us as for a tick. */
bool repl_core_work(struct repl_core *c, uint64_t now_us);

void repl_core_promote(struct repl_core *c, const char *why);
/* At once, whatever the peer has; a node that resigned is an ordinary standby again. On
 * the replication thread only: it closes the session of an active node. */
void repl_core_demote(struct repl_core *c, const char *why);

/* Tell of each step of a handover or a comparison, from now on: `progress` is called by
 * whoever takes the step, with the lock held, and must not call the core. */
void repl_core_on_progress(struct repl_core *c, void (*progress)(void *context),
                           void *context);

/* Give the role to the peer without losing a change: see repl_handover for how far it is.
 * begin: NULL, or why not; limits must stay. abort: the node stays active; no-op if it is
 * not under way. */
const char *repl_core_handover_begin(struct repl_core *c,
                                     const struct repl_handover_limits *limits);
void repl_core_handover_abort(struct repl_core *c, const char *why);
const struct repl_handover *repl_core_handover(const struct repl_core *c);

/* Copy everything to the peer again, as a repair (R13). NULL, or why not: only a leader
 * that is missing nothing may. */
const char *repl_core_resync(struct repl_core *c);

/* Compare all items with the peer's, repair what differs, and compare again: see
 * repl_verify for how far it is. begin: NULL, or why not. abort: no-op if none is under
 * way. */
const char *repl_core_verify_begin(struct repl_core *c);
void repl_core_verify_abort(struct repl_core *c, const char *why);
const struct repl_verify *repl_core_verify(const struct repl_core *c);

/* What the next repl_core_work would find: work, nothing (whoever brings some wakes the
 * port), or work that cannot be done before the peer has taken or acknowledged more. */
enum repl_need { NEED_NOTHING, NEED_WORK, NEED_PEER };

enum repl_need repl_core_need(struct repl_core *c);

/* Log a fault and keep it as repl_last_error. */
void repl_core_fault(struct repl_core *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- figures (status.c) */

enum { REPL_ERROR_TEXT = 160, REPL_HEALTH_TEXT = 100 };

/* Texts that change are in here. */
struct repl_status {
#define STAT_FIGURE(kind, name, extent, help) METRIC_MEMBER_##kind(name)
#define STAT_INNER(kind, name, help)          METRIC_MEMBER_##kind(name)
#include "repl/repl_stat_rows.h"
    struct repl_counters count;
    char error_text[REPL_ERROR_TEXT], health_text[REPL_HEALTH_TEXT];
    char run_text[2 * RUN_ID_SIZE + 1], peer_run_text[2 * RUN_ID_SIZE + 1];
};

/* All but the peer, which the core does not know. Not LOCKED: it takes the lock itself.
 */
void repl_core_status(struct repl_core *c, struct repl_status *s);
/* Why a client's change is refused now; NULL: it is not. Not LOCKED: a hint. */
const char *repl_core_refusal(struct repl_core *c);

/* All others LOCKED. */
bool repl_core_is_active(const struct repl_core *c);
uint64_t repl_core_term(const struct repl_core *c);
bool repl_core_in_sync(struct repl_core *c);
/* What health goes by, but for how far a copy is: another number when it has changed. */
unsigned repl_core_face(const struct repl_core *c);
/* The peer has all that it can get from this node, as far as this node knows. */
bool repl_core_drained(struct repl_core *c);
/* The port counts what it moves here. */
struct repl_counters *repl_core_counters(struct repl_core *c);

#endif
