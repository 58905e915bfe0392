/*
 * The replication core of one node: a state machine without sockets, threads or a
 * clock. Events enter through the functions below, actions leave through repl/port.h,
 * and data goes through repl/store.h. doc/replication.md has the protocol's rules; the
 * code that carries out a rule names its number (R1...).
 *
 *        client threads                  replication thread
 *      change_begin/_end              link events, frames, time
 *              |                                |
 *     gate, journal, dirty map     core lock: role, session, merge,
 *        (no lock at all)             ship, apply, purge, scan
 *
 * Locking: one lock guards everything except what client threads use (repl/gate.h).
 * Call functions marked LOCKED between repl_core_lock and repl_core_unlock.
 */
#ifndef REPL_CORE_H
#define REPL_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "base/siphash.h"
#include "protocol/link_message.h"
#include "repl/delta.h"
#include "repl/history.h"
#include "repl/port.h"
#include "repl/store.h"

/* What a client's write on a standby does. */
enum repl_standby_writes {
    STANDBY_WRITES_PROMOTE, /* the write makes the node active */
    /* the same if no active peer is linked; otherwise the write is refused, and the
     * peer is asked to hand the role over (role_request.c) */
    STANDBY_WRITES_ALONE,
    STANDBY_WRITES_REJECT /* the write is refused */
};

enum { REPL_ERROR_TEXT = 160, REPL_HEALTH_TEXT = 100 };

struct repl_core;

/* Milliseconds. */
struct repl_times {
    uint32_t heartbeat; /* between two signs of life */
    uint32_t timeout;   /* silence after which the link is given up */
};

struct repl_config {
    size_t journal_bytes;
    unsigned map_bits;
    enum repl_standby_writes standby_writes;
    bool lone_rejects;     /* refuse clients' changes while there is no peer */
    bool keep_on_conflict; /* buckets changed on both nodes: keep the leader's state
                            * instead of making them misses */
    struct run_id run;
    struct siphash_secret secret; /* for tables indexed by keys; the peer has another */
    uint64_t item_max, memory;    /* limits in bytes, sent to the peer */
    struct repl_times times;      /* sent to the peer; the larger ones of both count */
    uint64_t copy_rate;           /* bytes a second that copies may send; 0: no limit */
    /* Bytes. A value of more than whole_max goes to the peer in chunks. 0: as usual. */
    uint32_t whole_max, chunk;
    uint64_t fetch_wait_us; /* how long a request waits for the peer's item; 0: never */
    uint64_t cold_wait_us;  /* how long a node that started empty waits for its peer
                             * before it counts as fit without it (health.c) */
    struct repl_requests requests;
};

struct repl_counters {
#define STAT_COUNTER(name, extent, help) METRIC_MEMBER_COUNTER(name)
#include "repl/repl_stat_rows.h"
};

/* A planned change of roles (handover.c). */
enum repl_handover_state {
    HANDOVER_NONE,
    HANDOVER_DRAIN,   /* ships what the peer does not have; clients go on */
    HANDOVER_HELD,    /* clients' changes are held until the peer has the last one */
    HANDOVER_OFFERED, /* they are held until the peer says that it is active */
    HANDOVER_DONE,
    HANDOVER_FAILED
};

struct repl_handover_limits {
    const char *cause; /* for the log */
    uint64_t drain_us; /* how long HANDOVER_DRAIN may take */
    uint64_t hold_us;  /* how long clients' changes may be held after that */
    bool resign; /* then refuse changes until promoted, demoted, or the link is lost */
};

/* planned: an operator asked for it. yield: clients write to the peer and not here. */
extern const struct repl_handover_limits repl_handover_planned, repl_handover_yield;

struct repl_handover {
    enum repl_handover_state state;
    const struct repl_handover_limits *limits;
    const char *why;            /* why it failed */
    uint64_t until_us;          /* when it fails if it has not gone on */
    uint64_t overflows;         /* of the journal, when it began */
    uint64_t held_us, pause_us; /* since when changes are held; how long they were */
};

/* A comparison of both nodes (verify.c). */
enum repl_verify_state {
    VERIFY_NONE,
    VERIFY_ANSWER, /* the follower: it names its items */
    VERIFY_SETTLE, /* the leader waits until the peer has all earlier changes */
    VERIFY_NAME,   /* the leader names its items */
    VERIFY_AWAIT,  /* the leader waits while the follower names its items */
    VERIFY_DONE,
    VERIFY_FAILED
};

enum { VERIFY_ROUNDS = 2, VERIFY_SAMPLE = 8 };

struct repl_difference {
    uint64_t compared;        /* items that the leader named */
    uint64_t unequal, absent; /* buckets: values differ; an item is on one node only */
    uint64_t left_out;        /* buckets that clients changed meanwhile */
    unsigned nsample;
    size_t sample[VERIFY_SAMPLE]; /* some buckets that differ */
};

/* The progress of a comparison. */
struct repl_verify {
    enum repl_verify_state state;
    const char *why; /* why it failed */
    unsigned round;  /* 0, or 1 to compare again after the repair */
    struct repl_difference found[VERIFY_ROUNDS];
};

/* ---- life */

/* NULL if memory runs out. A node starts as a standby that is missing everything. */
struct repl_core *repl_core_create(const struct repl_config *config,
                                   const struct repl_store_ops *store_ops, void *store,
                                   const struct repl_port_ops *port_ops, void *port);
/* Make the kernel provide the maps' memory now. Call it before the first session, so
 * that clients do not wait for that when maps are exchanged. Clients may be inside. */
void repl_core_warm_up(struct repl_core *c);
/* End the core's scans in the store. No client thread may be inside any more; the
 * store's own threads may. */
void repl_core_stop(struct repl_core *c);
/* No thread may be inside any more. */
void repl_core_destroy(struct repl_core *c);

const struct repl_config *repl_core_config(const struct repl_core *c);

void repl_core_lock(struct repl_core *c);
void repl_core_unlock(struct repl_core *c);
bool repl_core_trylock(struct repl_core *c); /* false: another thread has it */

/* ---- what clients do; any worker thread, not LOCKED (change.c) */

/* CHANGE_HELD: a handover is about to end. The request is put off; make the call again
 * when it is resumed. A request that cannot be put off is rejected. */
enum change_result { CHANGE_OK, CHANGE_REJECTED, CHANGE_NO_MEMORY, CHANGE_HELD };

/* The bracket around each command that changes a key. change_begin promotes a standby
 * (or rejects the change, as standby_writes says), removes the key's item if it is
 * being purged, and opens the bracket. change_end closes it. In between, after the
 * store has been changed, change_record notes the change. If the command failed because
 * the key is not here, change_record_absence notes that the client was told so: that
 * answer must stay true. A command that fails for another reason records nothing.
 * change_record_delta: the same as change_record, for a change of which it is known what
 * it added; CAS numbers of 0 say nothing. Nothing inside the bracket may block. */
struct change {
    struct repl_worker *worker;
    uint64_t hash;
    const void *key;
    size_t nkey;
    unsigned flags;
    bool is_due; /* there is something in the journal to ship */
};

enum change_result change_begin(struct repl_core *c, struct change *ch,
                                const void *request, const void *key, size_t nkey);
void change_record(struct repl_core *c, struct change *ch);
void change_record_delta(struct repl_core *c, struct change *ch,
                         const struct delta *delta);
void change_record_absence(struct repl_core *c, struct change *ch);
void change_end(struct repl_core *c, struct change *ch);

/* Before a read: removes the key's item if it is being purged. False: it could not, and
 * the read must be a miss. */
bool change_before_read(struct repl_core *c, const void *key, size_t nkey);

/* Take a notice: what the store of an active node has done on its own, so that the
 * peer's store can do the same (notice.c). The cas of an eviction is 0 if the store
 * does not tell it. A notice is not a change: it promotes nobody, is kept only while
 * there is room, and never counts as at risk. Any thread, inside a bracket or not. */
void notice_take(struct repl_core *c, const struct link_note *note);

/* The bracket around a flush_all that takes effect now, or in `delay` seconds. Not
 * inside another bracket. */
enum change_result change_flush_begin(struct repl_core *c, struct change *ch,
                                      const void *request);
void change_flush_end(struct repl_core *c, struct change *ch, uint32_t delay);

/* ---- what this node is missing; any thread, not LOCKED (fetch.c) */

/* Is this node missing anything that it could fetch from the peer? */
bool fetch_is_on(const struct repl_core *c);
/* The key is not here: may the peer have it? */
bool fetch_may_help(const struct repl_core *c, const void *key, size_t nkey);
/* The key is not here: shall the request wait while the peer is asked? True:
 * make the call again when the request is resumed. */
bool fetch_wait(struct repl_core *c, const void *request, const void *key, size_t nkey,
                uint64_t now_us);

/* ---- requests that were put off; any thread, not LOCKED (change.c) */

/* The request's connection has ended. True if the request was put off: it is not
 * resumed. */
bool repl_core_forget(struct repl_core *c, const void *request);

/* ---- events; all LOCKED */

/* Why a HELLO is not valid, whatever the state of this node; NULL if it is valid. */
const char *repl_core_hello_fault(struct repl_core *c, const struct link_hello *hello);
/* A connection delivered a valid HELLO (R6); `said` is the HELLO that we sent on it.
 * Close an older session first. NULL: the session is open now; else why it was
 * refused. */
const char *repl_core_hello(struct repl_core *c, const struct link_hello *said,
                            const struct link_hello *hello);
/* Why a HELLO that this node has sent is out of date; NULL if it is not. */
const char *repl_core_said_fault(const struct repl_core *c,
                                 const struct link_hello *said);
/* The HELLO to send at connect. */
void repl_core_make_hello(struct repl_core *c, struct link_hello *hello, uint64_t now_us);
/* The session's connection is gone (R3). */
void repl_core_closed(struct repl_core *c);
/* Deliver a message of the session. Returns NULL, or why the connection must be
 * closed. */
const char *repl_core_message(struct repl_core *c, const struct link_message *m);
/* awaits: does the peer owe an answer, which is the next step towards the merge, the
 * end of a part, or an acknowledgement? answers: how many have come in this session? */
bool repl_core_awaits(const struct repl_core *c);
uint64_t repl_core_answers(const struct repl_core *c);
/* Is a large value coming by this stream; since when; how much of it is here? */
bool repl_core_half(const struct repl_core *c, unsigned stream, uint64_t *since_us,
                    uint64_t *got);
/* The times that count in this session; without a session, this node's own. */
struct repl_times repl_core_times(const struct repl_core *c);
/* The size in bytes of the longest message that an honest peer sends in this
 * session. */
uint64_t repl_core_message_max(const struct repl_core *c);
/* Compose a sign of life, which tells what the clocks say. */
void repl_core_ping(struct repl_core *c);
/* Deliver a run of messages of one kind, SETQ or FILL, with the same effect as one by
 * one. Clients' changes wait once for all of its FILLs. */
const char *repl_core_run(struct repl_core *c, enum link_op op,
                          const struct link_change *items, size_t n);

/* What is delivered next arrived at this moment, in monotonic microseconds. */
void repl_core_at(struct repl_core *c, uint64_t now_us);
/* Time passes: call this several times a second. It is the core's only clock for time
 * limits, in monotonic microseconds. */
void repl_core_tick(struct repl_core *c, uint64_t now_us);
/* The time by which an additional tick is due; 0: none is. */
uint64_t repl_core_due_us(struct repl_core *c);

/* Do a part of the work that is due: purge, ship, scan, repair. Takes a bounded time.
 * True if more is due right now, false if it must wait for an event. now_us as for a
 * tick. */
bool repl_core_work(struct repl_core *c, uint64_t now_us);
/* Ship what clients have changed, at most so many changes, on whatever thread. False:
 * more is due than that, and repl_core_work must do it. */
bool repl_core_ship(struct repl_core *c, uint64_t now_us, unsigned most);

void repl_core_promote(struct repl_core *c, const char *why);
/* Demote at once, whatever the peer has. A node that resigned becomes an ordinary
 * standby again. On the replication thread only: it closes the session of an active
 * node. */
void repl_core_demote(struct repl_core *c, const char *why);

/* Call `progress` at each step of a handover or a comparison from now on. It is called
 * on the thread that takes the step, with the lock held, and must not call the core. */
void repl_core_on_progress(struct repl_core *c, void (*progress)(void *context),
                           void *context);

/* Hand the role to the peer without losing a change; struct repl_handover has the
 * progress. begin: returns NULL, or why it cannot begin; *limits must stay valid.
 * abort: the node stays active; no-op if no handover is under way. */
const char *repl_core_handover_begin(struct repl_core *c,
                                     const struct repl_handover_limits *limits);
void repl_core_handover_abort(struct repl_core *c, const char *why);
const struct repl_handover *repl_core_handover(const struct repl_core *c);

/* Why this node must not leave its peer for another one now; NULL: it may. */
const char *repl_core_parting_fault(const struct repl_core *c);
/* Is that the run that this node merged with last? */
bool repl_core_has_met(const struct repl_core *c, const struct run_id *run);

/* Copy everything to the peer again; nothing is emptied (R13). Returns NULL, or why not:
 * only a leader that is missing nothing can do it. */
const char *repl_core_resync(struct repl_core *c);

/* Compare all items with the peer's, repair what differs, and compare again; struct
 * repl_verify has the progress. begin: returns NULL, or why it cannot begin. abort:
 * no-op if no comparison is under way. */
const char *repl_core_verify_begin(struct repl_core *c);
void repl_core_verify_abort(struct repl_core *c, const char *why);
const struct repl_verify *repl_core_verify(const struct repl_core *c);

/* What the next repl_core_work would find: work; nothing (whoever adds work wakes the
 * port); or work that must wait until the peer has taken or acknowledged more. */
enum repl_need { NEED_NOTHING, NEED_WORK, NEED_PEER };

enum repl_need repl_core_need(struct repl_core *c);

/* What ends an error: the nodes are in sync again; or what failed has been done. */
enum repl_cure { CURE_IN_SYNC, CURE_ACCEPTED, CURE_LISTENS, CURE_SECRET_READ };

/* Log a fault as a warning and keep the text as repl_last_error, until the nodes are in
 * sync again. until: until the cure is told by repl_core_cured. */
void repl_core_fault(struct repl_core *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void repl_core_fault_until(struct repl_core *c, enum repl_cure cure, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));
void repl_core_cured(struct repl_core *c, enum repl_cure cure);

/* Note an event for operators, without logging it (repl/history.h). */
void repl_core_note(struct repl_core *c, enum history_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct history *repl_core_history(const struct repl_core *c);

/* Automatic moves of the clients' address are paused for `us`, or, with 0, until they are
 * resumed. resume: false if they were not paused. left: 0 if there is no end, too. */
void repl_core_pause(struct repl_core *c, uint64_t us);
bool repl_core_resume(struct repl_core *c);
bool repl_core_is_paused(const struct repl_core *c);
uint64_t repl_core_paused_us(const struct repl_core *c);
uint64_t repl_core_pause_left_us(const struct repl_core *c);

/* Tell the peer how this node is; a session must be open. */
void repl_core_report(struct repl_core *c);

/* ---- figures (status.c) */

/* A snapshot of the figures. Texts that can change later are copied into it. */
struct repl_status {
#define STAT_FIGURE(kind, name, extent, help) METRIC_MEMBER_##kind(name)
#define STAT_INNER(kind, name, help)          METRIC_MEMBER_##kind(name)
#include "repl/repl_stat_rows.h"
    struct repl_counters count;
    char error_text[REPL_ERROR_TEXT], health_text[REPL_HEALTH_TEXT];
    char peer_health_text[REPL_HEALTH_TEXT];
    char run_text[2 * RUN_ID_SIZE + 1], peer_run_text[2 * RUN_ID_SIZE + 1];
};

/* Fills in all figures except repl_peer, which the core does not know. Not LOCKED: it
 * takes the lock itself. */
void repl_core_status(struct repl_core *c, struct repl_status *s);
/* Why a client's change is refused now; NULL: it is not refused. Not LOCKED, so it may
 * be out of date at once. */
const char *repl_core_refusal(struct repl_core *c);

/* All that follow: LOCKED. */
bool repl_core_is_active(const struct repl_core *c);
uint64_t repl_core_term(const struct repl_core *c);
bool repl_core_in_sync(struct repl_core *c);
/* A number that changes whenever something changes that health depends on, except for
 * the progress of a copy. */
unsigned repl_core_face(const struct repl_core *c);
/* LOCKED. down, handshake, resync (not all is copied) or streaming. */
const char *repl_core_link_state(const struct repl_core *c);
/* As far as this node knows, the peer has everything that it can get from here. */
bool repl_core_drained(struct repl_core *c);
/* The port also counts its traffic in these. */
struct repl_counters *repl_core_counters(struct repl_core *c);

#endif
