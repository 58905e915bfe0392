/*
 * What the core's files offer each other. Long because it lists them all. All functions
 * are LOCKED unless the comment says otherwise. The state is in repl/state.h.
 *
 * The files in layers, lowest first: a file calls files above it in this list, never
 * one below it.
 *
 *   gate, journal, delta, map, known, waiters, rate, clocks   each with a header of its
 *               own
 *   time.c      the core's time, and the peer's
 *   log.c access.c exchange.c   the log; the store's answers; maps on the wire
 *   hold.c      holds the gate; derives its flags from the state
 *   sync.c      how much of this node's data the peer has
 *   flush.c     flush_all
 *   half.c      large values on their way in
 *   stream.c    large values on their way out
 *   gather.c    which keys are next
 *   ship.c      from the journal to frames
 *   taken.c     what the peer has taken, and has not acknowledged
 *   untold.c    evictions that the peer was not told of
 *   notice.c    what the store does on its own
 *   absent.c    what clients were told is not here
 *   purge.c     removes items
 *   part.c      which part of a copy is next
 *   resync.c    copies to the peer
 *   fault.c     the last error, and what cures it
 *   pause.c     automatic moves are paused
 *   history.c   the last events
 *   keep_up.c   does the peer keep up?
 *   refill.c    copies from the peer, and what finds no room
 *   fetch.c     single keys that this node is missing and asks for
 *   verify.c    comparison of both nodes
 *   session.c   the states of a session, and its end
 *   merge.c     MAP and MERGE
 *   apply.c     from frames to the store
 *   report.c    what each node tells the other for its operator
 *   health.c    may this node hold the clients' address?
 *   status.c    figures
 *   role.c      promote, demote, step down
 *   handover.c  planned change of roles
 *   agree.c     HELLO: what both nodes should have alike
 *   hello.c     HELLO, ROLE: who leads
 *   role_request.c  the role follows the clients
 *   change.c    what clients do
 *   dispatch.c  hands messages, time and work to the parts
 *   life.c      create, stop, destroy
 */
#ifndef REPL_INTERNAL_H
#define REPL_INTERNAL_H

#include <errno.h>
#include <pthread.h>

#include "base/check.h"
#include "repl/state.h"

/* Checks that the lock is held, by whatever thread; the caller should be the one. */
#define ASSERT_LOCKED(c) CHECK(pthread_mutex_trylock(&(c)->lock) == EBUSY)

/* life.c: for a core that is embedded in other memory */
bool repl_core_init(struct repl_core *c, const struct repl_config *config,
                    const struct repl_store_ops *store_ops, void *store,
                    const struct repl_port_ops *port_ops, void *port);
void repl_core_fini(struct repl_core *c);

/* ---- sync.c */

/* How many entries of the journal are not acknowledged, and how many changes found the
 * journal full. */
uint64_t core_pending(struct repl_core *c, uint64_t *overflows);

/* A change that is not in the journal any more, or never was: in `dirty`. */
void sync_note_dirty(struct repl_core *c, uint64_t hash);
void sync_note_all(struct repl_core *c); /* the same of all that is here */
void sync_settle(struct repl_core *c);   /* `dirty` may be empty; gate held */
void sync_tick(struct repl_core *c);
/* About how many items the copy under way is still to send. */
uint64_t sync_copy_left(const struct repl_core *c);
/* What would be lost if this node died now; the age of the oldest change that the peer
 * has not acknowledged, 0 if there is none. pending: of core_pending. */
uint64_t sync_at_risk(struct repl_core *c, uint64_t pending);
uint64_t sync_lag_us(const struct repl_core *c, uint64_t pending);

/* change.c: the peer asks for states (R20) */
const char *change_on_resend(struct repl_core *c, const struct link_message *m);

/* ---- log.c */

void core_log(struct repl_core *c, enum repl_log level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and note it for operators. */
void core_event(struct repl_core *c, enum history_kind kind, enum repl_log level,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- access.c */

/* The store's lookup, and the next item of a scan. Failures are counted. */
enum repl_answer core_lookup(struct repl_core *c, const void *key, size_t nkey,
                             struct repl_item *out);
enum repl_answer core_scan_next(struct repl_core *c, struct repl_scan *scan,
                                struct repl_item *out);
/* Count and log that the store could not do something. It is tried again later. */
void core_store_failed(struct repl_core *c, const char *what);

/* ---- exchange.c: all maps of a message. take: false if it does not hold exactly n
 * maps */

void core_put_maps(struct repl_core *c, enum link_op op, const struct map *const *maps,
                   size_t n);
bool core_take_maps(struct repl_core *c, const struct link_message *m,
                    struct map *const *maps, size_t n);

/* A time of the peer's store, as one of this node's. */
static inline uint32_t core_second(const struct repl_core *c, uint32_t second)
{
    return peer_clock_second(&c->session.clock, &c->clock, second);
}

enum { BATCHES_MAX = 256 }; /* that are not acknowledged yet */

static inline bool core_window_is_open(const struct repl_core *c)
{
    return c->session.sent - c->session.acked < BATCHES_MAX;
}

/* ---- hold.c */

void core_hold(struct repl_core *c);          /* hold the gate */
void core_release(struct repl_core *c);       /* with the flags for the present state */
void core_refresh_flags(struct repl_core *c); /* after a change of what they depend on */

/* Does this node refuse clients' changes because it has no peer (lone=reject)? */
static inline bool core_is_barred(const struct repl_core *c)
{
    return c->config.lone_rejects && !c->session.open;
}

/* Is a purge running that ends in a merge of this node as the leader (R8)? */
static inline bool purge_merges(const struct repl_core *c)
{
    return c->purge.goal != NULL && c->purge.goal->merges;
}

/* ---- flush.c */

static inline bool flush_is_pending(const struct repl_core *c)
{
    return c->flush.origin != FLUSH_NONE;
}

static inline bool flush_is_unseen(const struct repl_core *c)
{
    return atomic_load(&c->flush.asked) != c->flush.seen;
}

/* How many flush_all clients have asked for. */
static inline uint64_t flush_count(const struct repl_core *c)
{
    return atomic_load(&c->flush.asked) >> 32;
}

/* A client asks for a flush_all, inside a bracket, not LOCKED. True: everything here
 * may be flushed by now. */
bool flush_ask(struct repl_core *c, uint32_t delay);
/* Take note of a flush_all that clients asked for, and of one that takes effect now.
 * This must happen before a map with the buckets that it made dirty is sent, so that
 * the peer flushes before it is filled, not after. Returns NULL, or why the session has
 * to end; never for a leader. */
const char *flush_take(struct repl_core *c);
/* Carry out the leader's flush_all; returns the same as flush_take. */
const char *flush_obey(struct repl_core *c, uint32_t at);
bool flush_is_near(struct repl_core *c);    /* due in this second or the next */
uint32_t flush_moment(struct repl_core *c); /* to send in FLUSHQ; 0: at once */
void flush_unmerge(struct repl_core *c);    /* nothing is agreed with the peer any more */
void flush_outlive(struct repl_core *c);    /* whoever asked for it is gone for good */
void flush_merge(struct repl_core *c);

/* role_request.c */
/* A client's change was refused: ask the peer for the role. True if the request is
 * sent. */
bool role_request_send(struct repl_core *c);
void role_request_note_activity(struct repl_core *c); /* at each tick */
const char *role_request_message(struct repl_core *c, const struct link_message *m);

/* purge.c: of c->purging; when it has come to its end, goal->then is called */
void purge_start(struct repl_core *c, const struct repl_purge_goal *goal);
void purge_stop(struct repl_core *c);
bool purge_work(struct repl_core *c);

/* part.c: R13. pick: the next part to in_flight; false: there is none. take: out of its
 * origin; gate held. put_back: it was cut. */
bool part_is_due(const struct repl_core *c); /* of what is to be copied */
bool part_pick(struct repl_core *c);
void part_take(struct repl_core *c);
void part_adapt(struct repl_core *c); /* one is done: how large is the next? */
void part_wait(struct repl_core *c, const struct map *nothing);
void part_owe(struct repl_core *c);
void part_put_back(struct repl_core *c);
void part_refused(struct repl_core *c, uint64_t hash); /* by the peer: owed again */
void part_end_round(struct repl_core *c);              /* of all that is owed */

/* resync.c: R13 */
void resync_stop(struct repl_core *c);
bool resync_work(struct repl_core *c);
void resync_give_way(struct repl_core *c); /* slow the copy down: the peer waits for more
                                            * urgent items */
const char *resync_on_done(struct repl_core *c, const struct link_message *m);

/* Is a part under way that is not sent to its end? */
static inline bool copy_is_sending(const struct repl_core *c)
{
    const struct repl_copy *copy = &c->session.copy;
    return copy->origin != COPY_NONE && !copy->ended && !copy->waits;
}

/* Nothing is left to be copied to the peer, as far as this node knows, but for R24. */
static inline bool copy_is_done(const struct repl_core *c)
{
    enum copy_origin part = c->session.copy.origin;
    return (part == COPY_NONE || part == COPY_UNTOLD) && c->renew_at == MAP_END &&
           map_is_empty(&c->dirty) && map_is_empty(&c->owed);
}

void keep_up_tick(struct repl_core *c); /* keep_up.c */
void fault_tick(struct repl_core *c);   /* fault.c */
void pause_tick(struct repl_core *c);   /* pause.c: ends a pause whose time is over */

/* report.c. fill: all but `fit`. */
void report_fill(struct repl_core *c, struct link_report *r);
const char *report_message(struct repl_core *c, const struct link_message *m);

/* `arrived` is as large as the set `known` that goes with maps of so many bits: room for
 * the items of a part that replaces, and what clients change meanwhile. */
static inline unsigned core_arrivals_bits(unsigned map_bits)
{
    return map_bits < 21 ? 21 : map_bits < 24 ? map_bits : 24;
}

/* refill.c: R12. The store has taken what the peer sent, or could not. */
void refill_arrived(struct repl_core *c, const struct link_change *change);
void refill_refused(struct repl_core *c, const struct link_change *change);
const char *refill_on_part(struct repl_core *c, const struct link_message *m);
const char *refill_on_end(struct repl_core *c, const struct link_message *m);
const char *refill_on_missing(struct repl_core *c, const struct link_message *m);

/* fetch.c */
void fetch_send(struct repl_core *c);
void fetch_found(struct repl_core *c, const struct link_change *change);
void fetch_coming(struct repl_core *c, const struct link_change *change);
void fetch_came(struct repl_core *c, const struct link_change *change);
bool fetch_stream(struct repl_core *c);     /* some of a large value that was asked for */
void fetch_check_time(struct repl_core *c); /* resume requests that waited too long */
const char *fetch_message(struct repl_core *c, const struct link_message *m);

/* handover.c */
void handover_work(struct repl_core *c);
void handover_check_time(struct repl_core *c); /* fail if it has taken too long */
void handover_role_moved(struct repl_core *c); /* the peer is active, we stepped down */
uint64_t handover_due_us(const struct repl_core *c); /* 0: no handover is under way */
void handover_check_session(struct repl_core *c);    /* fail if the session has ended */
const char *handover_message(struct repl_core *c, const struct link_message *m);

/* Do clients' changes wait for a handover? */
static inline bool handover_holds(const struct repl_core *c)
{
    return c->handover.state == HANDOVER_HELD || c->handover.state == HANDOVER_OFFERED;
}

static inline bool handover_is_under_way(const struct repl_core *c)
{
    return c->handover.state == HANDOVER_DRAIN || handover_holds(c);
}

/* Tell that a handover or a comparison has made a step. */
static inline void core_progress(struct repl_core *c)
{
    if (c->progress != NULL)
        c->progress(c->progress_context);
}

/* verify.c */
bool verify_work(struct repl_core *c);
void verify_stop(struct repl_core *c, const char *why);
void verify_fini(struct repl_core *c);
const char *verify_on_check(struct repl_core *c, const struct link_message *m);
const char *verify_on_verify(struct repl_core *c, const struct link_message *m);
const char *verify_on_verified(struct repl_core *c, const struct link_message *m);

/* verify_leads: is this node the leader in a comparison, so that `written` must collect
 * what clients change? verify_is_naming: is the comparison at a step in which a repair
 * would make the nodes differ for a while? */
static inline bool verify_leads(const struct repl_core *c)
{
    return c->verify.state >= VERIFY_SETTLE && c->verify.state <= VERIFY_AWAIT;
}

static inline bool verify_is_naming(const struct repl_core *c)
{
    return c->verify.state == VERIFY_NAME || c->verify.state == VERIFY_AWAIT;
}

/* session.c */
void session_open(struct repl_core *c, const struct repl_session *as);
void session_unmerge(struct repl_core *c, enum repl_lead lead); /* with the gate held */
void session_close(struct repl_core *c); /* its connection is gone (R3) */
void core_end_session(struct repl_core *c, const char *why); /* and close it */

/* role.c */
void core_step_down(struct repl_core *c);
void core_send_role(struct repl_core *c);
void role_demote(struct repl_core *c, const char *why); /* R5 */

/* agree.c: the session's times; and the log is told of what differs. said: by this node
 */
void agree_on(struct repl_core *c, const struct link_hello *said,
              const struct link_hello *hello);

/* hello.c */
const char *hello_on_role(struct repl_core *c, const struct link_message *m);

/* merge.c. merge_send_map: for a follower that has told its absences. merge_purge: for
 * a leader that has told the absences that it must tell before the purge. */
void merge_send_map(struct repl_core *c);
void merge_purge(struct repl_core *c);
const char *merge_on_map(struct repl_core *c, const struct link_message *m);
const char *merge_on_merge(struct repl_core *c, const struct link_message *m);

/* absent.c. Absences are told before and during a merge: is that due, and are some
 * left? */
bool absent_is_due(struct repl_core *c);
void absent_tell(struct repl_core *c);      /* some of them */
void absent_tell_rest(struct repl_core *c); /* all that are left; with the gate held */
void absent_forget(struct repl_core *c);    /* the peer has them; with the gate held */
const char *absent_message(struct repl_core *c, const struct link_message *m);
void absent_agree(struct repl_core *c); /* at the end of a session; with the gate held */
void absent_tick(struct repl_core *c);

/* half.c. half_outdate: a message of this kind is about the key; halves with a CAS up to
 * `cas` are older. half_begin, half_add: why the session must end, or NULL. half_add:
 * *whole: all has come; half_end follows, and releases the item if it was not taken.
 * half_is_here: all of it was here already, and has the change's expiry and credit now.
 * half_take: the item with all of it, for the caller to put; NULL: there was no room. */
void half_outdate(struct repl_core *c, enum link_op op, const void *key, size_t nkey,
                  uint64_t cas);
void half_outdate_all(struct repl_core *c);
const char *half_begin(struct repl_core *c, const struct link_message *m);
const char *half_add(struct repl_core *c, const struct link_message *m, bool *whole);
bool half_is_here(struct repl_core *c, struct repl_half *h);
void *half_take(struct repl_core *c, struct repl_half *h);
void half_end(struct repl_core *c, struct repl_half *h);
void half_drop_all(struct repl_core *c);
bool half_comes(const struct repl_core *c, const void *key, size_t nkey);
/* Is the value within this node's limit? */
bool half_fits(const struct repl_core *c, const struct link_change *change);

/* stream.c. begin takes over the item's reference; the stream must not be busy. send:
 * some chunks, until `enough` bytes are sent; returns how many. may_send, go_on: the same
 * by the pace of streams; the copy has its own. */
bool stream_is_large(const struct repl_core *c, const struct link_change *state);
bool stream_is_busy(const struct repl_core *c, enum link_stream by);
bool stream_carries(const struct repl_core *c, enum link_stream by, const void *key,
                    size_t nkey);
void stream_leave_out(const struct repl_core *c, struct map *buckets);
void stream_begin(struct repl_core *c, enum link_stream by, const struct repl_item *item);
size_t stream_send(struct repl_core *c, enum link_stream by, size_t enough);
bool stream_may_send(struct repl_core *c);
void stream_go_on(struct repl_core *c, enum link_stream by);
void stream_stop_all(struct repl_core *c);

/* gather.c. gather_later: move the key of this entry to the large ones. */
void gather_changes(struct repl_core *c);
bool gather_has_later(const struct repl_core *c);
struct journal_entry *gather_next_later(struct repl_core *c); /* there must be one */
bool gather_later(struct repl_core *c, struct journal_entry *e);
bool gather_is_cut(const struct repl_core *c);     /* more is due right now */
uint64_t gather_unread(const struct repl_core *c); /* changes that are to be shipped */
void gather_forget(struct repl_core *c);

/* ship.c */
bool ship_changes(struct repl_core *c);
bool ship_large(struct repl_core *c); /* some of a large value */
void ship_item(struct repl_core *c, enum link_op op, struct repl_item *item);
/* As a FILL; by this stream if it is large. False: it is not sent. */
bool ship_fill(struct repl_core *c, enum link_stream by, struct repl_item *item);
/* The key of this entry cannot be looked up: have its bucket repaired, as when the
 * journal is full. */
void ship_unknown(struct repl_core *c, const struct journal_entry *e);
/* Is the value within the peer's item limit? */
bool ship_fits(const struct repl_core *c, const struct link_change *state);
void ship_end_batch(struct repl_core *c);
bool ship_may_send(struct repl_core *c);
bool ship_may_change(struct repl_core *c); /* the same for changes */
bool ship_has_unread(struct repl_core *c); /* are unread entries in the journal? */
/* ship_note: note how far each worker has written its journal. ship_is_settled: has the
 * peer acknowledged that much, and is no copy on its way? */
void ship_note(struct repl_core *c); /* with the gate held */
bool ship_is_settled(struct repl_core *c);
bool ship_has_room(struct repl_core *c); /* for answers: does the network take more? */
void ship_acknowledged(struct repl_core *c, uint32_t batch);
void ship_flush(struct repl_core *c);
/* Spill: dirty |= changes of the journal, except those that were shipped. With the gate
 * held. */
void ship_spill(struct repl_core *c);

/* taken.c. At the receiver: a batch has come to its end; a change was taken; one was not;
 * tell the peer, if it is the one whose changes they were. */
void taken_batch(struct repl_core *c, uint32_t batch);
void taken_change(struct repl_core *c);
void taken_gap(struct repl_core *c);
void taken_tell(struct repl_core *c);
/* At the sender: of the changes that ship_spill has kept, forget what was taken, and move
 * the rest to `dirty`. With the gate held, after ship_spill. */
const char *taken_message(struct repl_core *c, const struct link_message *m);
void taken_settle(struct repl_core *c);

/* The stamp of an entry that is taken with so many changes of its batch; 0: not sent. */
static inline uint32_t taken_place(uint32_t changes)
{
    return changes + 1;
}

/* untold.c (R24). note: not LOCKED. is_smaller: this node follows one with more memory */
void untold_note(struct repl_core *c, const void *key, size_t nkey);
bool untold_is_smaller(const struct repl_core *c);
void untold_tick(struct repl_core *c);
bool untold_is_due(struct repl_core *c); /* a part of them */
void untold_repair_begins(struct repl_core *c);
const char *untold_message(struct repl_core *c, const struct link_message *m);

/* notice.c */
bool notices_ship(struct repl_core *c);
void notices_tick(struct repl_core *c);
void notices_drop(struct repl_core *c);
const char *notices_apply(struct repl_core *c, const struct link_message *m);
const char *notices_want(struct repl_core *c, const struct link_message *m);

/* apply.c */
const char *apply_change(struct repl_core *c, const struct link_message *m);
const char *apply_stream(struct repl_core *c, const struct link_message *m);
const char *apply_chunk(struct repl_core *c, const struct link_message *m);
/* A run of SETQs, and of FILLs (R12). */
const char *apply_sets(struct repl_core *c, const struct link_change *items, size_t n);
const char *apply_fills(struct repl_core *c, const struct link_change *items, size_t n);

static inline struct buffer *core_out(struct repl_core *c)
{
    return c->port_ops->out(c->port);
}

#endif
