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
 *        (no lock at all)             ship, apply, purge, walk
 *
 * Files: change.c (what clients do), notice.c (what the store does on its own), absent.c
 * (what clients were told is not here), fetch.c (what is lacked and asked for), role.c
 * (promote, demote, fold), session.c (HELLO, ROLE), merge.c (MAP to
 * PURGED), message.c (to its handler), ship.c (journal to frames),
 * apply.c (frames to store), resync.c (purge, walk, repair), handover.c (planned change
 * of roles), claim.c (the role follows the clients), verify.c (comparison), status.c
 * (figures).
 *
 * Locking. `lock` guards all but the gate, the journal's rings and the maps' own
 * atomics. Functions marked LOCKED are called with it held.
 */
#ifndef REPL_CORE_H
#define REPL_CORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/metric.h"
#include "protocol/link.h"
#include "repl/gate.h"
#include "repl/journal.h"
#include "repl/known.h"
#include "repl/map.h"
#include "repl/port.h"
#include "repl/store.h"
#include "repl/waiters.h"

enum repl_lead { LEAD_NONE, LEAD_LEADER, LEAD_FOLLOWER };

/* What is done when a purge has walked to its end. */
enum repl_purge_goal {
    PURGE_NONE,
    PURGE_THEN_MERGE,
    PURGE_THEN_FOLLOW,
    PURGE_THEN_REFILL
};

/* What a client's write on a standby does. */
enum repl_standby_writes {
    STANDBY_WRITES_PROMOTE, /* it makes the node active */
    /* only if no active peer is linked; else it is refused, and that peer is asked for
     * the role (claim.c) */
    STANDBY_WRITES_ALONE,
    STANDBY_WRITES_REJECT /* it is refused */
};

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
    waiters_resume resume;  /* and how it goes on then */
    void *resume_context;
};

struct repl_counters {
#define STAT_COUNTER(name, extent, help) METRIC_MEMBER_COUNTER(name)
#include "repl/stat_rows.h"
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

struct repl_handover_terms {
    const char *cause; /* for the log */
    uint64_t drain_us; /* how long shipping may take */
    uint64_t hold_us;  /* and how long clients' changes may wait then */
    bool resign; /* refuse changes afterwards, until promoted, demoted or without link */
};

/* An operator's; a node's that gives way to one where the clients are. */
extern const struct repl_handover_terms repl_handover_planned, repl_handover_yield;

struct repl_handover {
    enum repl_handover_state state;
    const struct repl_handover_terms *terms;
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

struct repl_verify {
    enum repl_verify_state state;
    const char *why; /* it failed */
    unsigned round;  /* the second one looks at what the first has repaired */
    struct repl_difference found[VERIFY_ROUNDS];
    struct map unequal, absent; /* made when first needed */
    struct repl_walk *walk;
};

/* A walk has at most twice `room` bytes on the way, so that whatever is sent behind them
 * is not late: little while the peer asks for single items, else ever more. */
struct repl_pace {
    size_t room, sent; /* sent: since the batch `mark` */
    uint32_t mark;
};

/* One TCP connection, from HELLO on. Zeroed when it closes. */
struct repl_session {
    bool open; /* HELLO exchanged */
    enum repl_lead lead;
    bool merged;
    bool known;        /* it is the run that we merged with last, if there is one */
    bool stranger;     /* the peer's past is not ours: it may hold anything */
    bool map_due;      /* R7: absences are being told, the maps come behind them */
    bool purge_due;    /* R8: absences are being told, the purge comes behind them */
    bool await;        /* a purge order is out (R10) */
    bool peer_whole;   /* the peer has all we owed it by a walk */
    unsigned map_bits; /* of maps on the wire: the smaller of both nodes' */
    struct link_hello peer;
    uint32_t sent, acked;   /* batches, counted from 1 */
    uint64_t answers;       /* that the peer gave to what it owed */
    uint32_t end_batch;     /* the batch that carried END, while */
    bool end_out;           /* it is not acknowledged */
    struct repl_walk *walk; /* over the buckets in `owed`; NULL if none runs */
    bool walk_due;          /* it waits for its turn */
    uint64_t walked;        /* items sent by it */
    struct repl_pace pace;  /* of the walk */
    uint64_t taken;         /* items taken from the peer's walk */
    bool refilled;          /* the peer copies, or has copied, to this leader */
    bool flush_due;         /* FLUSHQ is to be sent before anything else */
};

struct repl_purge {
    enum repl_purge_goal goal;
    struct repl_walk *walk;
    bool stalled; /* the store cannot go on; it is asked again from time to time */
    uint64_t fence;
    uint64_t dropped, conflicts; /* items; of them changed on both sides */
};

/* Journal entries taken for shipping but not shipped yet, each key once. */
enum { GATHER_MAX = 256 };

struct repl_gather {
    struct journal_entry *entries[GATHER_MAX];
    uint16_t slots[2 * GATHER_MAX]; /* hash table of index + 1, to find a key again */
    unsigned n, shipped;
};

struct repl_core {
    unsigned magic;
    struct repl_config config;
    const struct repl_store_ops *store_ops;
    const struct repl_port_ops *port_ops;
    void *store, *port;

    pthread_mutex_t lock;
    struct gate gate;
    struct journal journal;
    struct journal notices; /* their room, apart from that of changes */

    enum repl_part part; /* as the store was told last */
    bool filling;        /* the gate is held for a run of FILLs (apply.c) */
    bool active;
    /* Who was active last, for whoever must choose between two that are: above the rank
     * of the last leader known. A merge sets it back to 1 and 0, so it stays small. */
    uint32_t rank, leader_rank;
    bool resigned;   /* handed its role over: refuses writes until promoted or alone */
    uint64_t now_us; /* at the last tick */
    uint64_t lone_since_us;          /* without a session since */
    uint64_t activity, active_at_us; /* what clients have changed; when that grew last */
    uint64_t claimed_at_us;          /* when the peer was asked for the role last */
    uint64_t reign, seen;
    bool has_met;      /* anybody, ever */
    struct run_id met; /* the run that we merged with last; zeros if none */
    uint64_t agreed; /* items with a CAS up to it are as the peer knew them (absent.c) */
    uint64_t agreeing; /* will be that when the journal is acknowledged so far; 0 */
    uint64_t agreed_activity; /* `activity` when that was noted */
    struct map dirty;         /* D: clients changed it here, the peer may not know */
    struct map flying;  /* Dfly: part of D under a purge order not acknowledged yet */
    struct map lacking; /* M: this node may miss items of it */
    struct map touched; /* T: touched by clients since the purge of a merge began */
    struct known known; /* what T would have of lacking buckets, key by key */
    struct map owed;    /* buckets our walk copies to the peer */
    struct map coming;  /* buckets the peer's walk copies to us */
    struct map doomed;  /* buckets being purged here */
    struct map spare;   /* for map arithmetic within one step */

    struct repl_session session;
    struct repl_handover handover;
    struct repl_verify verify;
    pthread_cond_t unheld; /* with lock: changes need not wait any more */
    struct repl_purge purge;
    struct repl_gather gather;
    struct waiters waiters; /* requests for what is lacked */

    /* A client's flush_all, until the replication thread has seen it. */
    _Atomic uint64_t flush_asked; /* count << 32 | the store's clock then, 0: at once */
    uint64_t flush_seen;
    bool has_flush;     /* a delayed one is pending */
    bool flush_led;     /* and the leader of this session sent it */
    bool flush_foreign; /* or some leader did, once; clients here did not ask for it */
    bool flush_unsaid; /* one of this session's took effect; the leader has not said so */
    bool flush_untold; /* a foreign one took effect, and we have merged with nobody since
                        */
    uint32_t flush_at; /* the store's clock at which it fires */

    struct repl_counters count;
    char last_error[160];
};

/* ---- life */

/* False if memory is out. A node starts as a standby that lacks everything. */
bool repl_core_init(struct repl_core *c, const struct repl_config *config,
                    const struct repl_store_ops *store_ops, void *store,
                    const struct repl_port_ops *port_ops, void *port);
/* Before the first session, so that clients do not wait for the kernel's memory when maps
 * are exchanged. Not LOCKED; clients may be inside. */
void repl_core_warm_up(struct repl_core *c);
/* Drop what it has begun in the store. No client thread may be inside any more; threads
 * of the store's own may. */
void repl_core_stop(struct repl_core *c);
/* Nobody may be inside any more. */
void repl_core_fini(struct repl_core *c);

/* ---- what clients do; any worker thread, not LOCKED (change.c) */

enum change_result { CHANGE_OK, CHANGE_REJECTED, CHANGE_NO_MEMORY };

/* Around each command that changes a key: begin promotes a standby (or rejects, by
 * option), removes what a purge has doomed, and opens the bracket; end closes it. Between
 * them, once it has taken place, record notes the change; record_absence, that the client
 * was told that it cannot be, for the key is not here: an answer that must stay true. A
 * command that fails otherwise records nothing. Nothing between may wait. */
struct change {
    struct worker *worker;
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

/* A read: hides what a purge has doomed. False if it cannot: it is to be a miss then. */
bool change_before_read(struct repl_core *c, const void *key, size_t nkey);

/* What the store of an active node has done on its own, for the peer's to do the same
 * (notice.c); the cas of an eviction is 0 if the store does not tell it. No change: it
 * promotes nobody, is kept only while there is room, and is at no risk. Any thread,
 * within a bracket or not. */
void notice_take(struct repl_core *c, const struct link_note *note);

/* flush_all took effect here, or will in `delay` seconds. Within no bracket. */
enum change_result change_flush_begin(struct repl_core *c, struct change *ch);
void change_flush_end(struct repl_core *c, struct change *ch, uint32_t delay);

/* ---- what this node lacks; any thread, not LOCKED (fetch.c) */

/* Does this node lack anything that it could ask for? */
static inline bool fetch_is_on(const struct repl_core *c)
{
    return gate_flags(&c->gate) & GATE_LACK;
}

/* May the peer have this key, if it is not here? */
bool fetch_may_help(const struct repl_core *c, const void *key, size_t nkey);
/* It is not here: shall the request wait until the peer was asked? True: it will be
 * resumed, by config.resume; then the call is to be made again. */
bool fetch_wait(struct repl_core *c, const void *request, const void *key, size_t nkey,
                uint64_t now_us);

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
 * acknowledgement? session.answers counts those that came. */
bool repl_core_awaits(const struct repl_core *c);
/* No further message is at hand: call it after one or some of them, before the lock is
 * let go. Clients that wait for a batch to be taken go on. */
void repl_core_delivered(struct repl_core *c);

/* Time passes: call it some times a second. The core's only clock for its time limits,
 * monotonic microseconds. */
void repl_core_tick(struct repl_core *c, uint64_t now_us);
/* A tick is due by then, besides those; 0: none is. */
uint64_t repl_core_due_us(struct repl_core *c);

/* Do some of what is due: purge, ship, walk, repair. Bounded time. True if more is
 * due right now, false if it must wait for an event. */
bool repl_core_work(struct repl_core *c);

void repl_core_promote(struct repl_core *c, const char *why);
/* At once, whatever the peer has; a node that resigned is an ordinary standby again. On
 * the replication thread only: it closes the session of an active node. */
void repl_core_demote(struct repl_core *c, const char *why);

/* Give the role to the peer without losing a change: see repl_handover for how far it is.
 * begin: NULL, or why not; terms must stay. abort: the node stays active; no-op if it is
 * not under way. */
const char *repl_core_handover_begin(struct repl_core *c,
                                     const struct repl_handover_terms *terms);
void repl_core_handover_abort(struct repl_core *c, const char *why);

/* Copy everything to the peer again, as a repair (R13). NULL, or why not: only a leader
 * that lacks nothing may. */
const char *repl_core_resync(struct repl_core *c);

/* Compare all items with the peer's, repair what differs, and compare again: see
 * repl_verify for how far it is. begin: NULL, or why not. abort: no-op if none is under
 * way. */
const char *repl_core_verify_begin(struct repl_core *c);
void repl_core_verify_abort(struct repl_core *c, const char *why);

/* What the next repl_core_work would find: work, nothing (whoever brings some wakes the
 * port), or work that cannot be done before the peer has taken or acknowledged more. */
enum repl_need { NEED_NOTHING, NEED_WORK, NEED_PEER };

enum repl_need repl_core_need(struct repl_core *c);

/* Log a fault and keep it as repl_last_error. */
void repl_core_fault(struct repl_core *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- figures (status.c); LOCKED */

/* Texts are the core's, or in here: used with the lock, or copied. */
struct repl_status {
#define STAT_FIGURE(kind, name, extent, help) METRIC_MEMBER_##kind(name)
#define STAT_INNER(kind, name, help)          METRIC_MEMBER_##kind(name)
#include "repl/stat_rows.h"
    struct repl_counters count;
    char run_text[2 * RUN_ID_SIZE + 1], peer_run_text[2 * RUN_ID_SIZE + 1];
};

/* All but the peer, which the core does not know. */
void repl_core_status(struct repl_core *c, struct repl_status *s);
bool repl_core_in_sync(struct repl_core *c);
/* May this node hold the VIP: is it rightly active, or does it hold all that an active
 * must? why gets one line in either case. */
bool repl_core_health(struct repl_core *c, char *why, size_t nwhy);
/* For how long it has been without a peer; 0 with one. */
uint64_t repl_core_lone_us(const struct repl_core *c);
/* Why a client's change is refused now; NULL: it is not. Not LOCKED: a hint. */
const char *repl_core_refusal(struct repl_core *c);
/* The peer has all that it can get from this node, as far as this node knows. */
bool repl_core_drained(struct repl_core *c);

#endif
