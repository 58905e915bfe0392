/*
 * What the core's files offer each other. All LOCKED, unless it is said. The state is in
 * repl/state.h.
 *
 * Floors, from the ground: a file calls those above it in this list, never one below.
 *
 *   gate, journal, map, known, waiters   tables, each with a header of its own
 *   log.c access.c exchange.c   the log; the store's answers; maps on the wire
 *   hold.c      the gate's flags, from the state
 *   flush.c     flush_all
 *   ship.c      journal to frames
 *   notice.c    what the store does on its own
 *   absent.c    what clients were told is not here
 *   resync.c    purge, scan, repair
 *   fetch.c     what is missing and asked for
 *   verify.c    comparison of both nodes
 *   session.c   its states, and its end
 *   merge.c     MAP to PURGED
 *   apply.c     frames to store
 *   sync.c      how much of it all the peer has
 *   health.c    may this node hold the clients' address?
 *   status.c    figures
 *   role.c      promote, demote, step down
 *   handover.c  planned change of roles
 *   hello.c     HELLO, ROLE: who leads
 *   role_request.c  the role follows the clients
 *   change.c    what clients do
 *   dispatch.c  messages, time and work, each to its part
 *   life.c      life
 */
#ifndef REPL_INTERNAL_H
#define REPL_INTERNAL_H

#include <errno.h>
#include <pthread.h>

#include "base/check.h"
#include "repl/state.h"

/* Somebody holds the lock: us, if all is well. */
#define ASSERT_LOCKED(c) CHECK(pthread_mutex_trylock(&(c)->lock) == EBUSY)

/* life.c: of one that lies in other memory */
bool repl_core_init(struct repl_core *c, const struct repl_config *config,
                    const struct repl_store_ops *store_ops, void *store,
                    const struct repl_port_ops *port_ops, void *port);
void repl_core_fini(struct repl_core *c);

/* ---- sync.c */

/* Changes in the journals that are not acknowledged; and how often there was no room. */
uint64_t core_pending(struct repl_core *c, uint64_t *overflows);

/* ---- log.c */

void core_log(struct repl_core *c, enum repl_log level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- access.c */

/* The store's lookup, and the next item of a scan; counted when they fail. */
enum repl_answer core_lookup(struct repl_core *c, const void *key, size_t nkey,
                             struct repl_item *out);
enum repl_answer core_scan_next(struct repl_core *c, struct repl_scan *scan,
                                struct repl_item *out);
/* The store could not do something, which is done later: it is counted, and said. */
void core_store_failed(struct repl_core *c, const char *what);

/* ---- exchange.c: all maps of a message. take: false, it has not these maps, or more */

void core_put_maps(struct repl_core *c, enum link_op op, const struct map *const *maps,
                   size_t n);
bool core_take_maps(struct repl_core *c, const struct link_message *m,
                    struct map *const *maps, size_t n);

/* ---- hold.c */

void core_hold(struct repl_core *c);          /* the gate, exclusively */
void core_release(struct repl_core *c);       /* with the flags that the state asks for */
void core_refresh_flags(struct repl_core *c); /* what they depend on has changed */

/* No change of clients is taken here for want of a peer (lone=reject). */
static inline bool core_is_barred(const struct repl_core *c)
{
    return c->config.lone_rejects && !c->session.open;
}

/* Does a purge run, and a merge as a leader follow it? */
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

/* How often clients have asked for one. */
static inline uint64_t flush_count(const struct repl_core *c)
{
    return atomic_load(&c->flush.asked) >> 32;
}

/* A client asks for one, within a bracket, not LOCKED. True: all that is here may be
 * flushed by now. */
bool flush_ask(struct repl_core *c, uint32_t delay);
/* Learn of it, and of one that takes effect now. It must be known before any map with its
 * dirt is sent, so that the peer flushes before it is filled, not after. NULL, or why the
 * session has to end: not that of a leader. */
const char *flush_take(struct repl_core *c);
/* The leader's; the same answer. */
const char *flush_obey(struct repl_core *c, uint32_t delay);
bool flush_is_near(struct repl_core *c);   /* in this second, or the next */
uint32_t flush_delay(struct repl_core *c); /* of what is to be sent: seconds, 0 at once */
void flush_unmerge(struct repl_core *c);   /* nothing is agreed with the peer any more */
void flush_outlive(struct repl_core *c);   /* whose it was is gone for good */
void flush_merge(struct repl_core *c);

/* role_request.c */
bool role_request_send(
    struct repl_core *c); /* a client's change was refused; true: it asks */
void role_request_note_activity(struct repl_core *c); /* at each tick */
const char *role_request_message(struct repl_core *c, const struct link_message *m);

/* resync.c */
void resync_stop(struct repl_core *c); /* drop scan and purge */
void resync_owe(struct repl_core *c);  /* scan the buckets in c->owed */
/* Of c->purging; the goal stays. */
void purge_start(struct repl_core *c, const struct repl_purge_goal *goal);
bool resync_work(struct repl_core *c);
void resync_give_way(struct repl_core *c); /* the peer waits for something else */
bool purge_work(struct repl_core *c);
void resync_repair(struct repl_core *c);       /* R13, if it may run now */
void resync_acknowledged(struct repl_core *c); /* more than before, maybe the END */

/* fetch.c */
void fetch_send(struct repl_core *c);
void fetch_found(struct repl_core *c, const struct link_change *change);
void fetch_check_time(struct repl_core *c); /* requests may have waited for too long */
const char *fetch_message(struct repl_core *c, const struct link_message *m);

/* handover.c */
void handover_work(struct repl_core *c);
void handover_check_time(struct repl_core *c); /* it may have taken too long */
void handover_role_moved(struct repl_core *c); /* the peer is active, we stepped down */
uint64_t handover_due_us(const struct repl_core *c); /* 0: nothing is under way */
void handover_check_session(struct repl_core *c);    /* it may have ended */
const char *handover_message(struct repl_core *c, const struct link_message *m);

/* Do clients' changes wait for it? */
static inline bool handover_holds(const struct repl_core *c)
{
    return c->handover.state == HANDOVER_HELD || c->handover.state == HANDOVER_OFFERED;
}

/* A step of a handover or a comparison. */
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

/* Is this node the leader in a comparison, so that `written` must be kept? Has it got so
 * far that a repair would make the nodes differ for a while? */
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
void session_unmerge(struct repl_core *c, enum repl_lead lead); /* gate held */
void session_close(struct repl_core *c); /* its connection is gone (R3) */
void core_end_session(struct repl_core *c, const char *why); /* and closes it */

/* role.c */
void core_step_down(struct repl_core *c);
void core_send_role(struct repl_core *c);
void role_demote(struct repl_core *c, const char *why); /* R5 */

/* hello.c */
const char *hello_on_role(struct repl_core *c, const struct link_message *m);

/* merge.c: a follower has told its absences; a leader has, of what it is to purge */
void merge_send_map(struct repl_core *c);
void merge_purge(struct repl_core *c);
const char *merge_on_map(struct repl_core *c, const struct link_message *m);
const char *merge_on_merge(struct repl_core *c, const struct link_message *m);
const char *merge_on_purged(struct repl_core *c, const struct link_message *m);
const char *merge_on_resync(struct repl_core *c, const struct link_message *m);
const char *merge_on_end(struct repl_core *c, const struct link_message *m);

/* absent.c: while the nodes meet, absences are told. Is that due, and some left? */
bool absent_is_due(struct repl_core *c);
void absent_tell(struct repl_core *c);      /* some */
void absent_tell_rest(struct repl_core *c); /* all, gate held */
void absent_forget(struct repl_core *c);    /* the peer has them; gate held */
const char *absent_message(struct repl_core *c, const struct link_message *m);
void absent_agree(struct repl_core *c); /* a session ends; gate held */
void absent_tick(struct repl_core *c);

/* ship.c */
bool ship_changes(struct repl_core *c);
void ship_item(struct repl_core *c, enum link_op op, struct repl_item *item);
/* An entry whose key cannot be looked up: its bucket is repaired, as when the journal is
 * full. */
void ship_unknown(struct repl_core *c, const struct journal_entry *e);
bool ship_fits(const struct repl_core *c, const struct link_change *state); /* there */
void ship_end_batch(struct repl_core *c);
bool ship_may_send(struct repl_core *c);
bool ship_has_unread(struct repl_core *c); /* anything in the journals */
/* Note how far the journals are; has the peer that much, and no copy is on its way? */
void ship_note(struct repl_core *c); /* gate held */
bool ship_is_settled(struct repl_core *c);
bool ship_may_ask(struct repl_core *c);  /* FETCH */
bool ship_has_room(struct repl_core *c); /* for answers: the network takes more */
void ship_acknowledged(struct repl_core *c, uint32_t batch);
void ship_flush(struct repl_core *c);
void ship_spill(struct repl_core *c); /* dirty |= journal | in_flight; gate held */

/* notice.c */
bool notices_ship(struct repl_core *c);
void notices_drop(struct repl_core *c);
const char *notices_apply(struct repl_core *c, const struct link_message *m);
const char *notices_want(struct repl_core *c, const struct link_message *m);

/* apply.c */
const char *apply_change(struct repl_core *c, const struct link_message *m);
/* A run of FILLs (R12). */
const char *apply_fills(struct repl_core *c, const struct link_change *items, size_t n);

/* Do we answer the peer's questions: have both nodes agreed, but for a purge here? */
static inline bool core_answers(const struct repl_core *c)
{
    return c->session.merged || (c->purge.goal != NULL && c->purge.goal->follows);
}

static inline struct buffer *core_out(struct repl_core *c)
{
    return c->port_ops->out(c->port);
}

#endif
