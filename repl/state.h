/*
 * The core's state. `lock` guards everything except the gate, the journal's rings, the
 * maps' own atomics, the waiters, and flush.asked, which clients write.
 */
#ifndef REPL_STATE_H
#define REPL_STATE_H

#include <pthread.h>

#include "repl/clocks.h"
#include "repl/core.h"
#include "repl/gate.h"
#include "repl/journal.h"
#include "repl/known.h"
#include "repl/map.h"
#include "repl/rate.h"
#include "repl/waiters.h"

enum { REPL_CORE_MAGIC = 0x7265706c };

enum repl_lead { LEAD_NONE, LEAD_LEADER, LEAD_FOLLOWER };

/* The pace of a scan: at most twice `room` bytes are on the way, so that what is sent
 * behind them is not late. `room` is small while the peer asks for single items, and
 * grows otherwise. */
struct repl_pace {
    size_t room, sent; /* sent: since the batch `mark` */
    uint32_t mark;
};

/* One TCP connection, from HELLO on. Zeroed when the session ends. */
struct repl_session {
    bool open; /* HELLO exchanged */
    enum repl_lead lead;
    bool merged;
    bool known;        /* we merged with this run last, or with none yet */
    bool unrelated;    /* the peer has another past: it may hold anything */
    bool map_due;      /* R7: absences are being told, the maps follow them */
    bool purge_due;    /* R8: absences are being told, the purge follows them */
    bool await;        /* a purge order is out (R10) */
    bool peer_whole;   /* the peer has everything that our scan owed it */
    unsigned map_bits; /* of maps on the wire: the smaller of both nodes' */
    struct link_hello peer;
    struct repl_times times; /* agreed */
    struct peer_clock clock;
    uint32_t sent, acked;   /* batches, counted from 1 */
    uint64_t answers;       /* how many answers the peer gave of those that it owed */
    uint32_t end_batch;     /* the batch that carried END; valid while end_out */
    bool end_out;           /* END is not acknowledged yet */
    struct repl_scan *scan; /* over the buckets in `owed`; NULL if none runs */
    bool scan_due;          /* the scan is to begin, or has not come to its end */
    uint64_t scanned;       /* items that the scan has sent */
    struct repl_pace pace;  /* of the scan */
    uint64_t taken;         /* items taken from the peer's scan */
    bool refilled;          /* the peer copies, or has copied, to this leader */
};

/* The maps and the scan of a comparison. */
struct repl_naming {
    struct map unequal, absent; /* allocated when first needed */
    struct repl_scan *scan;
};

/* What a purge is for: what holds while it runs, and what to do when its scan has come
 * to the end. */
struct repl_purge_goal {
    bool merges;  /* R8: tell absences, and note in `written` what clients change */
    bool follows; /* R9: the leader has merged and may already ask questions */
    bool repairs; /* R13 */
    void (*then)(struct repl_core *c);
};

struct repl_purge {
    const struct repl_purge_goal *goal; /* NULL: no purge runs */
    struct repl_scan *scan;
    bool stalled; /* the store cannot go on now; the purge tries again now and then */
    uint64_t fence;
    uint64_t dropped, conflicts; /* items removed; those of them changed on both nodes */
};

/* Journal entries that were read for shipping, each key once. */
enum { GATHER_MAX = 256 };

struct repl_gather {
    struct journal_entry *entries[GATHER_MAX];
    uint16_t slots[2 * GATHER_MAX]; /* hash table of index + 1, to find a key again */
    unsigned n, shipped;
};

/* Who asked for the delayed flush_all that is pending here. */
enum flush_origin {
    FLUSH_NONE,
    FLUSH_OWN,    /* clients of this node, or a node that is gone for good */
    FLUSH_LED,    /* the leader of this session sent it */
    FLUSH_FOREIGN /* the leader of a session that has ended sent it */
};

/* A delayed flush_all took effect here. Did it take effect at the peer, too? */
enum flush_doubt {
    DOUBT_NONE,
    DOUBT_LEADER, /* the leader of this session has not said so yet */
    DOUBT_PEER    /* nor had it when its session ended, and no merge came since */
};

/* flush_all (flush.c). */
struct repl_flush {
    /* Written by clients: how many they have asked for, << 32, and the time at which
     * the last one takes effect by the store's clock, 0: at once. */
    _Atomic uint64_t asked;
    uint64_t seen; /* `asked`, as the replication thread saw it last */
    enum flush_origin origin;
    uint32_t at; /* the store's clock at which the pending one takes effect */
    enum flush_doubt doubt;
    bool due; /* send FLUSHQ before anything else */
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
    struct journal notices; /* room for notices, separate from that for changes */

    enum repl_part part; /* as the store was told last */
    bool active;
    /* Tells which of two active nodes was active last: a promotion makes `rank` exceed
     * the rank of the last leader known. A merge resets both ranks to 1 (leader) and 0
     * (follower), so they stay small. */
    uint32_t rank, leader_rank;
    bool resigned;   /* handed the role over: refuses writes until promoted, demoted, or
                      * the session ends */
    uint64_t now_us; /* at the last event */
    struct store_clock clock;
    uint64_t lone_since_us;          /* when the last session ended, or the first tick */
    uint64_t activity, active_at_us; /* clients' changes so far; when that grew last */
    uint64_t role_requested_us;      /* when the peer was asked for the role last */
    uint64_t term, seen;
    bool has_met;             /* a session was open, ever */
    struct run_id met;        /* the run that we merged with last; zeros if none */
    uint64_t agreed;          /* items with a CAS up to this are as the peer knew them
                               * (absent.c) */
    uint64_t agreeing;        /* the next `agreed`, once the noted part of the journal is
                               * acknowledged; 0: none */
    uint64_t agreed_activity; /* `activity` when `agreeing` was noted */
    struct map dirty;         /* buckets that clients changed here and the peer may not
                               * know */
    struct map in_flight;     /* the part of `dirty` under a purge order that is not
                               * acknowledged yet */
    struct map missing;       /* buckets of which this node may miss items */
    struct map written;       /* buckets that clients changed since the purge of a merge
                               * began */
    struct known known;       /* the same for missing buckets, key by key */
    struct rate copy_rate;    /* of FILLs */
    struct map owed;          /* buckets that our scan copies to the peer */
    struct map coming;        /* buckets that the peer's scan copies to us */
    struct map purging;       /* buckets being purged here */
    struct map spare;         /* for map arithmetic within one step */

    struct repl_session session;
    struct repl_handover handover;
    struct repl_verify verify;
    struct repl_naming naming;
    void (*progress)(void *context); /* of both jobs; NULL: nobody is told */
    void *progress_context;
    pthread_cond_t unheld; /* with `lock`: changes need not wait any more */
    struct repl_purge purge;
    struct repl_gather gather;
    struct waiters waiters; /* requests for what is missing */
    struct repl_flush flush;

    struct repl_counters count;
    char last_error[REPL_ERROR_TEXT];
};

#endif
