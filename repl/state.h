/*
 * The core's state. `lock` guards all but the gate, the journal's rings, the maps' own
 * atomics, the waiters, and what a client asks of flush.
 */
#ifndef REPL_STATE_H
#define REPL_STATE_H

#include <pthread.h>

#include "repl/core.h"
#include "repl/gate.h"
#include "repl/journal.h"
#include "repl/known.h"
#include "repl/map.h"
#include "repl/waiters.h"

enum { REPL_CORE_MAGIC = 0x7265706c };

enum repl_lead { LEAD_NONE, LEAD_LEADER, LEAD_FOLLOWER };

/* A scan has at most twice `room` bytes on the way, so that whatever is sent behind them
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
    bool unrelated;    /* the peer's past is not ours: it may hold anything */
    bool map_due;      /* R7: absences are being told, the maps come behind them */
    bool purge_due;    /* R8: absences are being told, the purge comes behind them */
    bool await;        /* a purge order is out (R10) */
    bool peer_whole;   /* the peer has all we owed it by a scan */
    unsigned map_bits; /* of maps on the wire: the smaller of both nodes' */
    struct link_hello peer;
    uint32_t sent, acked;   /* batches, counted from 1 */
    uint64_t answers;       /* that the peer gave to what it owed */
    uint32_t end_batch;     /* the batch that carried END, while */
    bool end_out;           /* it is not acknowledged */
    struct repl_scan *scan; /* over the buckets in `owed`; NULL if none runs */
    bool scan_due;          /* it waits for its turn */
    uint64_t scanned;       /* items sent by it */
    struct repl_pace pace;  /* of the scan */
    uint64_t taken;         /* items taken from the peer's scan */
    bool refilled;          /* the peer copies, or has copied, to this leader */
};

/* What a comparison works with. */
struct repl_naming {
    struct map unequal, absent; /* made when first needed */
    struct repl_scan *scan;
};

/* What a purge is for: what holds while it runs, and what comes when it has scanned to
 * its end. */
struct repl_purge_goal {
    bool merges;  /* R8: absences are told, clients' changes are noted in `written` */
    bool follows; /* R9: the leader has merged, and asks */
    bool repairs; /* R13 */
    void (*then)(struct repl_core *c);
};

struct repl_purge {
    const struct repl_purge_goal *goal; /* NULL: no purge runs */
    struct repl_scan *scan;
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

/* Whose the delayed flush_all is that is pending here. */
enum flush_origin {
    FLUSH_NONE,
    FLUSH_OWN,    /* clients here asked for it, or whoever did is gone for good */
    FLUSH_LED,    /* the leader of this session sent it */
    FLUSH_FOREIGN /* some leader did, of a session that has ended */
};

/* One has taken effect here: has it at the peer, too? */
enum flush_doubt {
    DOUBT_NONE,
    DOUBT_LEADER, /* the leader of this session has not said so yet */
    DOUBT_PEER    /* it had not, and since then this node has merged with nobody */
};

/* flush_all (flush.c). */
struct repl_flush {
    /* A client's, until the replication thread has seen it. */
    _Atomic uint64_t asked; /* count << 32 | the store's clock then, 0: at once */
    uint64_t seen;
    enum flush_origin origin;
    uint32_t at; /* the store's clock at which the pending one takes effect */
    enum flush_doubt doubt;
    bool due; /* FLUSHQ is to be sent before anything else */
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
    bool active;
    /* Who was active last, for whoever must choose between two that are: above the rank
     * of the last leader known. A merge sets it back to 1 and 0, so it stays small. */
    uint32_t rank, leader_rank;
    bool resigned;   /* handed its role over: refuses writes until promoted or alone */
    uint64_t now_us; /* at the last tick */
    uint64_t lone_since_us;          /* without a session since */
    uint64_t activity, active_at_us; /* what clients have changed; when that grew last */
    uint64_t role_requested_us;      /* when the peer was asked for the role last */
    uint64_t term, seen;
    bool has_met;      /* anybody, ever */
    struct run_id met; /* the run that we merged with last; zeros if none */
    uint64_t agreed; /* items with a CAS up to it are as the peer knew them (absent.c) */
    uint64_t agreeing; /* will be that when the journal is acknowledged so far; 0 */
    uint64_t agreed_activity; /* `activity` when that was noted */
    struct map dirty;         /* clients changed it here, the peer may not know */
    struct map in_flight; /* part of `dirty` under a purge order not acknowledged yet */
    struct map missing;   /* this node may miss items of it */
    struct map written;   /* clients changed it here since the purge of a merge began */
    struct known known;   /* what `written` would have of missing buckets, key by key */
    struct map owed;      /* buckets our scan copies to the peer */
    struct map coming;    /* buckets the peer's scan copies to us */
    struct map purging;   /* buckets being purged here */
    struct map spare;     /* for map arithmetic within one step */

    struct repl_session session;
    struct repl_handover handover;
    struct repl_verify verify;
    struct repl_naming naming;
    void (*progress)(void *context); /* of both; NULL: nobody is told */
    void *progress_context;
    pthread_cond_t unheld; /* with lock: changes need not wait any more */
    struct repl_purge purge;
    struct repl_gather gather;
    struct waiters waiters; /* requests for what is missing */
    struct repl_flush flush;

    struct repl_counters count;
    char last_error[REPL_ERROR_TEXT];
};

#endif
