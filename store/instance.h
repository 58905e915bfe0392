/*
 * One store: an engine handle points at it. A file calls only those below it.
 *
 *   engine.c admin.c             the rows of the interface, and of the one for operators
 *   lifecycle.c config.c         start and end; the options
 *   mirror.c meta.c              the rows of its extensions: for a mirrored store; for
 *                                meta commands
 *   maintain.c                   the work of the background thread
 *   update.c arithmetic.c touch.c    the commands
 *   core.c tap.c stats.c         allocate, get, remove; scans over all items; statistics
 *   limit.c                      another memory limit
 *   reclaim.c expire.c flush.c   reclaiming memory; expired items; flushed items
 *   spot.c notes.c cas.c seen.c  one item under its bucket's lock; notes for a mirror;
 *                                when an item was used
 *   table.h memory.h ghost.h background.h    where items are; their memory; evicted
 *                                keys; a thread
 *
 * Nothing here is static: one process may have several stores.
 */
#ifndef STORE_INSTANCE_H
#define STORE_INSTANCE_H

#include <memcached/engine.h>
#include <memcached/engine_admin.h>
#include <memcached/engine_meta.h>
#include <memcached/engine_mirror.h>

#include "base/option.h"
#include "base/siphash.h"
#include "store/background.h"
#include "store/ghost.h"
#include "store/memory.h"
#include "store/table.h"

enum { STORE_CLASS = 1 }; /* of all items: there are no slab classes */

/* The options' values, including options without effect here. */
struct config {
#define OPTION(name, type, preset, min, max, form, help) OPTION_MEMBER_##type(name)
#define OPTION_UNUSED(name, type, preset, form)          OPTION_MEMBER_##type(name)
#include "store/store_option_rows.h"
};

/* Counters of one lane; only sums over all lanes mean anything. */
struct counters {
    _Alignas(128) _Atomic int64_t curr_items;
#define STAT_COUNTER(name, help) _Atomic uint64_t name;
#include "store/store_stat_rows.h"
    _Atomic uint64_t sampled;
};

struct tap_scan;

/* The background thread's state, except for the counter `scans`. */
/* A client asks for a round for expired items, as memcached's scrubber makes one. */
enum scrub { SCRUB_NONE, SCRUB_ASKED, SCRUB_RUNS };

struct maintenance {
    _Atomic uint64_t scans; /* complete rounds for expired items */
    _Atomic enum scrub scrub;
    _Atomic uint64_t visited, cleaned;           /* items, by the last one */
    _Atomic rel_time_t scrub_began, scrub_ended; /* began 0: there was none */
    uint32_t aged;   /* next bucket whose items are aged (seen.h) */
    uint32_t cursor; /* next segment of the round */
    rel_time_t round_began;
    unsigned turns;
    bool shrinking; /* the hash table is being made smaller */
};

/* What the main queue requires of its items when memory is needed (reclaim.c). */
struct demand {
    _Atomic unsigned above; /* items with a frequency above this stay */
    _Atomic uint64_t seen;  /* bytes of the segments checked since `above` was set */
    _Atomic uint64_t kept;  /* bytes of those that stayed */
    _Atomic unsigned vain;  /* segments in a row of which nearly all items stayed */
};

struct store {
    ENGINE_HANDLE_V1 api;
    unsigned magic;
#define STORE_MAGIC 0x53544f52u
    struct config config;
    SERVER_HANDLE_V1 server;
    rel_time_t (*now)(void);
    struct siphash_secret secret; /* hashes the keys; constant once there is an item */
    struct table table;
    struct memory memory;
    struct ghost ghost;
    _Atomic size_t limit_wanted; /* limit.c; 0: the one that it started with */
    _Atomic bool follows;        /* another node decides what is evicted (mirror.h) */
    _Atomic(engine_subscriber) subscriber; /* NULL: no subscriber */
    void *subscriber_context;
    _Atomic(admin_evicted) evicted; /* who is told of evictions; NULL: nobody */
    void *_Atomic evicted_context;
    _Atomic unsigned sample_every; /* one note for this many reads; 0: none */
    struct counters *counters;     /* memory.nlanes of them */

    /* Evictions write these. */
    _Alignas(64) struct demand demand;
    _Atomic rel_time_t evicted_idle; /* of the last item evicted: since its last use */

    /* Every call reads these; a flush writes them. */
    _Alignas(64) _Atomic uint32_t epoch; /* of items stored now; up to EPOCH_MASK */
    _Atomic uint32_t flush_at;           /* when a delayed flush is due; 0: none */

    _Alignas(64) _Atomic uint64_t cas; /* the last one given */

    _Alignas(64) pthread_mutex_t flush_lock; /* guards epoch, flush_at */
    pthread_mutex_t sweep_lock; /* after flush_lock; one sweep or shrink step at a time */
    _Atomic uint32_t swept;     /* no item has an older epoch */
    pthread_mutex_t tap_lock;
    struct tap_scan *scans;
    _Atomic unsigned nwalks;
    struct background background;
    struct maintenance maintenance;
    union {
        engine_info info;
        char room[sizeof(engine_info) + 6 * sizeof(feature_info)];
    } info;
    char error[256];
};

static inline struct store *store_of(ENGINE_HANDLE *handle)
{
    return (struct store *)(void *)handle;
}

static inline struct counters *store_counters(struct store *s)
{
    return &s->counters[memory_lane(&s->memory)];
}

#define COUNT(counter, n) atomic_fetch_add_explicit(&(counter), (n), memory_order_relaxed)

/* True if an item is expired or flushed. Bucket locked. */
static inline bool store_is_stale(struct store *s, const struct item *it)
{
    uint32_t exptime = item_exptime(it);
    if (item_epoch(it) != atomic_load_explicit(&s->epoch, memory_order_relaxed))
        return true;
    return __builtin_expect(exptime != 0, 0) && exptime <= s->now();
}

/* The hash of a key in this store; other stores have different hashes. */
static inline uint32_t store_hash(const struct store *s, const void *key, size_t nkey)
{
    return (uint32_t)siphash(&s->secret, key, nkey);
}

enum { CAS_STEP = 8 };

/* A CAS higher than all before; 0 if items have none. */
static inline uint64_t store_next_cas(struct store *s)
{
    if (!s->config.use_cas)
        return 0;
    return atomic_fetch_add_explicit(&s->cas, CAS_STEP, memory_order_relaxed) + CAS_STEP;
}

/* cas.c */

/* Adopts the CAS of an item that another node sent: later ones will be higher. One that
 * is absurdly far ahead of the clock is not adopted; the item gets a new one. Returns the
 * item's CAS. */
uint64_t store_adopt_cas(struct store *s, uint64_t cas);

/* Raises the CAS to at least what the clock says: a node that was down then gives no
 * lower CAS than it, or its peer, gave before. */
void store_follow_clock(struct store *s);

/* Numbers given from now on differ from those of a node with another side: 0 or 1.
 * store_draw_side: for a node that has not met its peer; never 0 or 1. */
void store_set_side(struct store *s, unsigned side);
void store_draw_side(struct store *s);

/* spot.c: one item under its bucket's lock. */

/* Where a key is. Locked from store_lookup to store_unlock. */
struct spot {
    struct bucket *bucket;
    table_slot *slot; /* NULL: absent */
    struct item *it;  /* NULL: absent */
    uint32_t garbage; /* a large item's segment to free after unlocking, if any */
    bool grow;        /* the table asks to grow after unlocking */
};

/* Locks the bucket and finds the key. Removes an expired or flushed item; it counts as
 * absent. */
void store_lookup(struct store *s, struct spot *spot, uint32_t hash, const void *key,
                  size_t nkey);
/* Locks the bucket and finds this very item. False: it was unlinked meanwhile. */
bool store_find(struct store *s, struct spot *spot, struct item *it);
void store_unlock(struct store *s, struct spot *spot);

/* Removes the item found from the table. */
void store_unlink(struct store *s, struct spot *spot);
/* The same for a stale item; counts it. */
void store_drop_stale(struct store *s, struct spot *spot);

/* The rest of store_unlink, for a caller that empties the slot itself. */
void store_retire(struct store *s, struct spot *spot, struct item *it);

/* Replaces the item found, or adds one, with a new CAS and these meta marks. False: no
 * memory. */
bool store_link(struct store *s, struct spot *spot, struct item *it, unsigned meta);

/* The same, with this CAS and all of its marks. */
bool store_link_as(struct store *s, struct spot *spot, struct item *it, uint64_t cas,
                   unsigned mark);

/* Moves the item found, to which nobody has a reference, to a place of the same size that
 * is not in the table yet, and lets the table point there. Takes over the reference to
 * the place. Not for large items. */
void store_move(struct store *s, struct spot *spot, struct item *to, unsigned mark);

/* Returns a reference. Any thread, no lock. */
void store_release(struct store *s, struct item *it);

/* flush.c */
void store_flush(struct store *s, rel_time_t when);
void store_flush_due(struct store *s);

static inline void store_check_flush(struct store *s)
{
    uint32_t at = atomic_load_explicit(&s->flush_at, memory_order_relaxed);
    if (__builtin_expect(at != 0, 0) && at <= s->now())
        store_flush_due(s);
}

/* Removes flushed items from the table. True if there was anything to do. */
bool store_sweep(struct store *s);

/* reclaim.c: frees some memory. False if that is impossible. */
bool store_reclaim(struct store *s, const void *cookie);

/* Tries again to free segments that could not be freed because items were in use. */
void store_reclaim_parked(struct store *s);

/* expire.c: removes expired items of segments that are due, for about `budget_us`
 * microseconds. */
void store_expire(struct store *s, uint64_t budget_us);
/* Asks the background thread for a round at once. False: one that was asked for is not
 * over yet. */
bool store_scrub(struct store *s);

/* core.c */

/* The position of an item in the queues. */
struct berth {
    unsigned queue;
    uint64_t order; /* memory.h */
};

/* A fresh item with one reference and no value yet. exptime is relative time; berth NULL:
 * the position of new items. */
ENGINE_ERROR_CODE store_allocate(struct store *s, const void *cookie, struct item **it,
                                 const void *key, size_t nkey, size_t nbytes,
                                 uint32_t flags, rel_time_t exptime,
                                 const struct berth *berth);
/* The item of a key, with a reference; NULL if it is absent. */
struct item *store_get(struct store *s, const void *key, size_t nkey);
/* The same, but does not count as a read. */
struct item *store_peek(struct store *s, const void *key, size_t nkey);

ENGINE_ERROR_CODE store_remove(struct store *s, const void *key, size_t nkey,
                               uint64_t cas);

/* update.c, arithmetic.c, touch.c: as the engine interface and <memcached/engine_meta.h>
 * define them. */
ENGINE_ERROR_CODE store_update(struct store *s, const void *cookie, struct item *it,
                               uint64_t *cas, const struct meta_store *how);

ENGINE_ERROR_CODE store_arithmetic(struct store *s, const void *cookie,
                                   struct meta_arithmetic *a);
/* Changes the expiry of the item found. */
void store_set_exptime(struct store *s, struct item *it, rel_time_t exptime);
/* The same, counts a read, and takes a reference; NULL: the key is absent. The CAS does
 * not change. */
struct item *store_touch(struct store *s, const void *key, size_t nkey,
                         rel_time_t exptime);
ENGINE_ERROR_CODE store_command(struct store *s, const void *cookie,
                                protocol_binary_request_header *request,
                                ADD_RESPONSE response);

/* tap.c */
/* filter NULL: all items. */
TAP_ITERATOR store_scan_begin(struct store *s, const void *cookie,
                              const struct engine_filter *filter);
/* A step of a scan, as of the iterator; *it NULL: none. */
tap_event_t store_scan_next(struct store *s, const void *cookie, struct item **it);
void store_scan_end(struct store *s, const void *cookie);
void store_scan_end_all(struct store *s);

/* stats.c */
ENGINE_ERROR_CODE store_stats(struct store *s, const void *cookie, const char *key,
                              int nkey, ADD_STAT add);
void store_reset_stats(struct store *s);
/* Thread-safe: what those of plain `stats` are. */
void store_describe_stats(admin_describe take, void *context);
uint64_t store_count_items(struct store *s);

/* config.c: false, with s->error set, if the text is invalid. */
bool store_configure(struct store *s, const char *text);

/* limit.c: the highest limit that is possible; asks for a limit up to that; takes a step
 * towards it, true if more are to follow. */
uint64_t store_limit_most(const struct store *s);
void store_set_limit(struct store *s, size_t bytes);
bool store_follow_limit(struct store *s);

/* maintain.c: starts the background thread; background_stop ends it. False: the system
 * cannot create a thread. */
bool store_maintain(struct store *s);

/* lifecycle.c: sets up what the options ask for. If the system refuses, s->error says so.
 * Call store_end in either case. */
ENGINE_ERROR_CODE store_start(struct store *s);
void store_end(struct store *s);

/* engine.c: a new handle. */
ENGINE_ERROR_CODE store_create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                        ENGINE_HANDLE **handle);

#endif
