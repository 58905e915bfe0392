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
#include "repl/history.h"
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

/* A large value on its way to the peer (stream.c). */
struct repl_stream {
    struct repl_item item; /* its `item` NULL: none is */
    uint32_t sent;         /* bytes */
};

/* The pace of the streams of changes and fetched items: as repl_pace. */
struct repl_stream_pace {
    size_t room, sent, beside; /* beside: what other changes sent in this round */
    uint32_t mark;
    uint64_t since_us,
        least_us; /* when `mark` was sent; how soon the quickest was answered */
};

/* A large value on its way in (half.c). */
struct repl_half {
    bool open;
    bool outdated;             /* what the peer has said since is newer */
    bool fits;                 /* within this node's limit */
    struct link_change change; /* as this node's store counts time; without the value */
    char key[LINK_KEY_MAX];
    void *made, *room; /* the item; NULL: the store has no room, or it is not wanted */
    void *here;       /* an item that is the same as far as has come; then none is made */
    const char *same; /* its value */
    uint32_t got;     /* bytes that have come */
    uint64_t since_us;
};

/* What a part of a copy is made of (resync.c). */
enum copy_origin {
    COPY_NONE,
    COPY_DIRTY,
    COPY_OWED,
    COPY_RENEW,
    COPY_UNTOLD,
    COPY_ORIGINS
};

/* The copy to the peer, and its part under way, the buckets in `in_flight`. */
struct repl_copy {
    bool under_way;          /* the first part has begun, and the last one is not done */
    uint64_t since_us;       /* when the first part began */
    uint64_t sum;            /* items sent since */
    uint64_t part_sum;       /* of these, in the part under way */
    enum copy_origin origin; /* of the part; NONE: none is under way */
    enum copy_origin last;   /* of the one before */
    size_t dirty_at;         /* where the next part of `dirty` begins */
    uint64_t lap_from_us;    /* since when it goes over `dirty` once more */
    uint64_t lap_us;         /* how long the lap before took */
    struct repl_scan *scan;
    uint64_t begun_us; /* when the part began */
    size_t renew_from; /* where a part of `renew` began */
    bool ended;        /* END is out */
    bool waits;        /* it is owed as soon as the peer knows of the merge */
};

/* Once over all that is owed, and the pause before what the peer had no room for is tried
 * again. */
struct repl_round {
    size_t at;    /* the next bucket */
    bool refused; /* something was, in this round */
    uint64_t pause_us, again_us;
};

/* How the peer says that it is (report.c). */
struct repl_peer_report {
    struct link_report told;
    char health[REPL_HEALTH_TEXT];
    uint64_t at_us; /* 0: it has not said anything */
};

/* The last error (fault.c). */
struct repl_fault {
    char text[REPL_ERROR_TEXT]; /* empty: there is none, or it is cured */
    uint64_t at_us;
    enum repl_cure cure;
    uint64_t merges; /* so far */
    bool was_apart;  /* the nodes were not in sync, then or since */
};

/* Automatic moves are paused (pause.c). */
struct repl_pause {
    uint64_t since_us; /* 0: they are not */
    uint64_t until_us; /* 0: until an operator resumes them */
};

/* One TCP connection, from HELLO on. Zeroed when the session ends. */
struct repl_session {
    bool open; /* HELLO exchanged */
    enum repl_lead lead;
    bool merged;
    struct run_id met; /* which run we merged with last, as both know it */
    bool known;        /* we merged with this run last, or with none yet */
    bool unrelated;    /* the peer has another past: it may hold anything */
    bool map_due;      /* R7: absences are being told, the maps follow them */
    bool purge_due;    /* R8: absences are being told, the purge follows them */
    unsigned map_bits; /* of maps on the wire: the smaller of both nodes' */
    struct link_hello peer;
    struct repl_times times; /* agreed */
    struct peer_clock clock;
    unsigned pings;        /* that were answered */
    uint32_t sent, acked;  /* batches; they are counted on over sessions */
    uint32_t changes;      /* in the batch that is not ended yet */
    uint64_t answers;      /* how many answers the peer gave of those that it owed */
    uint64_t sent_us[512]; /* when the batches were sent that are not acknowledged */
    uint32_t merge_batch;  /* it carried the leader's MERGE */
    uint32_t noticed;      /* it carries the notices that were sent last */
    struct repl_copy copy;
    struct repl_round round;
    struct repl_pace pace; /* of the copy */
    uint64_t taken;        /* items taken from the peer's copy */
    bool refilled;         /* the peer copies, or has copied, to this leader */
    bool replacing;        /* a part that replaces comes: what arrives is noted */
    bool told;             /* the peer has said how far it had taken our changes: */
    struct link_taken there;
    struct repl_peer_report report;
    bool gap; /* since the merge this node could not take a change */
};

/* The maps and the scan of a comparison. */
struct repl_naming {
    struct map unequal, absent; /* allocated when first needed */
    struct repl_scan *scan;
};

/* What a purge is for: what holds while it runs, and what to do when its scan has come
 * to the end. */
struct repl_purge_goal {
    bool merges; /* R8: tell absences, and note in `written` what clients change */
    void (*then)(struct repl_core *c);
};

struct repl_purge {
    const struct repl_purge_goal *goal; /* NULL: no purge runs */
    struct repl_scan *scan;
    bool stalled; /* the store cannot go on now; the purge tries again now and then */
    uint64_t fence;
    uint64_t dropped, conflicts; /* items removed; those of them changed on both nodes */
};

/* Journal entries that were read for shipping, each key once: many, so that keys which
 * change again and again while the link is slow are sent once for many changes.
 * NOT_SHIPPED is added to batch numbers that no answer may reach. */
enum { GATHER_MAX = 4096, NOT_SHIPPED = 1 << 30 };

struct repl_gather {
    struct journal_entry *entries[GATHER_MAX];
    /* A hash table of index + 1, to find a key again. Of its slots mask + 1 are in use:
     * as few as what there is to gather needs, because they are cleared each time. */
    uint16_t slots[2 * GATHER_MAX];
    size_t mask;
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

/* A row of overflows of the journal (keep_up.c). */
struct repl_keep_up {
    uint64_t overflows;         /* seen */
    uint64_t since_us, said_us; /* since_us: 0, the peer keeps up */
    bool hopeless;
};

/* Evictions that the peer was not told of (untold.c). */
struct repl_untold {
    struct map map;    /* their buckets; any thread adds to it */
    uint64_t n;        /* how many there were, at the last tick */
    uint64_t told;     /* as n, when this leader was told of the buckets */
    uint64_t since_us; /* when one was seen last */
    uint64_t shipped;  /* changes, when the last repair began */
    bool repaired;     /* none was seen since then */
    unsigned row;      /* of repairs, of which each was followed by more */
};

/* How far this node has taken the changes of a peer (taken.c). */
struct repl_took {
    struct run_id from;
    uint32_t batch, changes;
};

struct repl_core {
    unsigned magic;
    struct repl_config config;
    const struct repl_store_ops *store_ops;
    const struct repl_port_ops *port_ops;
    void *store, *port;

    _Alignas(64) struct gate gate; /* clients' threads read it with each get */
    struct journal journal;
    struct journal notices; /* room for notices, separate from that for changes */

    _Alignas(64) pthread_mutex_t lock; /* taken in each round of replication */
    enum repl_part part;               /* as the store was told last */
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
    bool has_met;         /* a session was open, ever */
    uint8_t side;         /* among CAS numbers, link_message.h; for as long as it lives */
    struct run_id met;    /* the run that we merged with last; zeros if none */
    struct run_id former; /* while the peer may not know of that merge, the run before;
                           * else as met */
    struct repl_took took;
    uint64_t shipped;  /* changes in the journal of which nobody knows whether the peer
                        * has taken them */
    uint64_t agreed;   /* items with a CAS up to this are as the peer knew them
                        * (absent.c) */
    uint64_t agreeing; /* the next `agreed`, once the noted part of the journal is
                        * acknowledged; 0: none */
    uint64_t agreed_activity; /* `activity` when `agreeing` was noted */
    struct map dirty;         /* buckets that clients changed here and the peer may not
                               * know */
    uint64_t spilled;         /* changes that came to `dirty` otherwise than by clients */
    uint64_t settled;         /* all changes that had come to it when it was empty last */
    uint64_t dirty_since_us;  /* when it was first seen not to be empty; 0: it is */
    struct map owed;          /* buckets of which the peer misses items; they stay known
                               * when the session ends */
    size_t part_size[COPY_ORIGINS]; /* of the next part of each: buckets; 0: of the first.
                                     * It outlives a link that is cut too often. */
    size_t renew_at;       /* where an operator's copy goes on; MAP_END: there is none */
    struct map in_flight;  /* the part of a copy that the peer does not have yet */
    struct map missing;    /* buckets of which this node may miss items */
    struct map refused;    /* of these the store had no room for an item, since their
                            * part began */
    struct map written;    /* buckets that clients changed since the purge of a merge
                            * began */
    struct known known;    /* the same for missing buckets, key by key */
    struct known arrived;  /* keys that came since a part that replaces began */
    struct rate copy_rate; /* of FILLs */
    struct map purging;    /* buckets being purged here */
    struct map spare;      /* for map arithmetic within one step */

    struct repl_session session;
    struct repl_handover handover;
    struct repl_verify verify;
    struct repl_naming naming;
    void (*progress)(void *context); /* of both jobs; NULL: nobody is told */
    void *progress_context;
    struct repl_purge purge;
    struct repl_gather gather, gather_later;
    /* Whose ring was read last, of changes and of notices; NULL: none was. */
    struct repl_worker *gathered, *noticed;
    struct repl_worker *later; /* its ring has the keys with large values (gather.c) */
    uint64_t later_since_us;   /* when that ring was empty last */
    struct repl_stream streams[LINK_STREAMS]; /* in this session, as what follows */
    struct journal_entry *streamed;           /* whose value the stream of changes has */
    struct repl_stream_pace stream_pace;
    struct repl_half halves[LINK_STREAMS];
    struct waiters waiters; /* requests that are put off */
    struct repl_flush flush;
    struct repl_keep_up keep_up;
    struct repl_untold untold;

    struct repl_counters count;
    struct repl_fault fault;
    struct repl_pause pause;
    struct history history;
};

#endif
