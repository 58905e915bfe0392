/*
 * One store: what an engine handle points at. A file calls only those below it.
 *
 *   engine.c                     the rows of the interface
 *   lifecycle.c config.c         beginning and end; the options
 *   mirror.c                     the rows of its extension, for a store kept like another
 *   maintain.c                   what the background thread does
 *   update.c arithmetic.c touch.c    the commands
 *   core.c tap.c stats.c         allocate, get, remove; scans over all; figures
 *   reclaim.c expire.c flush.c   memory brought back; what expired, what was flushed
 *   spot.c notes.c cas.c         one item under its bucket's lock; what a mirror is told
 *   table.h memory.h ghost.h background.h    where items are; their memory; what was
 *                                evicted; a thread
 *
 * Nothing here is static: several stores live in one process.
 */
#ifndef STORE_INSTANCE_H
#define STORE_INSTANCE_H

#include <memcached/engine.h>
#include <memcached/engine_mirror.h>

#include "base/option.h"
#include "base/siphash.h"
#include "store/background.h"
#include "store/ghost.h"
#include "store/memory.h"
#include "store/table.h"

/* What the options say; those that change nothing here are read, too. */
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

/* Of the background thread, but for the scans. */
struct maintenance {
    _Atomic uint64_t scans; /* full rounds for expired items */
    uint32_t cursor;        /* next segment of the round */
    rel_time_t round_began;
    unsigned turns;
    bool shrinking; /* the hash table */
};

/* What the main queue asks of its items when memory is wanted (reclaim.c). */
struct demand {
    _Atomic unsigned above; /* those stay whose frequency is */
    _Atomic uint64_t seen;  /* bytes of the segments looked at since `above` was set */
    _Atomic uint64_t kept;  /* of them */
    _Atomic unsigned vain;  /* segments in a row that kept nearly all they had */
};

struct store {
    ENGINE_HANDLE_V1 api;
    unsigned magic;
#define STORE_MAGIC 0x53544f52u
    struct config config;
    SERVER_HANDLE_V1 server;
    rel_time_t (*now)(void);
    struct siphash_secret secret; /* places the items; constant once there is one */
    struct table table;
    struct memory memory;
    struct ghost ghost;
    _Atomic bool follows; /* another node says what is evicted (mirror.h) */
    _Atomic(engine_subscriber) subscriber; /* NULL: nobody wants to know */
    void *subscriber_context;
    _Atomic unsigned sample_every; /* reads; 0: none is sampled */
    struct demand demand;
    struct counters *counters; /* memory.nlanes of them */

    /* Read by every call, written by a flush. */
    _Alignas(64) _Atomic uint32_t epoch; /* of items stored now; EPOCH_MASK bits */
    _Atomic uint32_t flush_at;           /* when a delayed flush is due, 0: none */

    _Alignas(64) _Atomic uint64_t cas; /* last one given */

    _Alignas(64) pthread_mutex_t flush_lock; /* epoch, flush_at */
    pthread_mutex_t sweep_lock; /* after flush_lock; one sweep, or shrinking, at a time */
    _Atomic uint32_t swept;     /* no item is of an epoch before */
    pthread_mutex_t tap_lock;
    struct tap_scan *scans;
    _Atomic unsigned nwalks;
    struct background background;
    struct maintenance maintenance;
    union {
        engine_info info;
        char room[sizeof(engine_info) + 4 * sizeof(feature_info)];
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

/* Whether an item is past its time or flushed. Bucket locked. */
static inline bool store_is_stale(struct store *s, const struct item *it)
{
    uint32_t exptime = item_exptime(it);
    if (item_epoch(it) != atomic_load_explicit(&s->epoch, memory_order_relaxed))
        return true;
    return __builtin_expect(exptime != 0, 0) && exptime <= s->now();
}

/* Places a key in this store, and in no other. */
static inline uint32_t store_hash(const struct store *s, const void *key, size_t nkey)
{
    return (uint32_t)siphash(&s->secret, key, nkey);
}

enum { CAS_STEP = 256 };

/* A number higher than all before; 0 if items have none. */
static inline uint64_t store_next_cas(struct store *s)
{
    if (!s->config.use_cas)
        return 0;
    return atomic_fetch_add_explicit(&s->cas, CAS_STEP, memory_order_relaxed) + CAS_STEP;
}

/* cas.c */

/* The CAS of an item that another node gave this one: later ones will be higher. One that
 * is absurdly far ahead of the clock is not taken; the item gets a new one. */
uint64_t store_adopt_cas(struct store *s, uint64_t cas);

/* Let CAS values be at least microseconds since the epoch, times 256: a node that was
 * down gives no lower ones than it, or its peer, gave before. */
void store_follow_clock(struct store *s);

/* spot.c: one item under its bucket's lock. */

/* Where a key is. Locked from store_lookup to store_unlock. */
struct spot {
    struct bucket *bucket;
    table_slot *slot; /* NULL: not there */
    struct item *it;  /* NULL: not there */
    uint32_t garbage; /* large item's segment to be freed once unlocked, if any */
    bool grow;        /* the table asks to grow once unlocked */
};

/* Lock and find; an expired or flushed item is removed and counts as not there. */
void store_lookup(struct store *s, struct spot *spot, uint32_t hash, const void *key,
                  size_t nkey);
/* Lock, and find this very item. False: it was unlinked meanwhile. */
bool store_find(struct store *s, struct spot *spot, struct item *it);
void store_unlock(struct store *s, struct spot *spot);

/* Take the item found out of the table. */
void store_unlink(struct store *s, struct spot *spot);
/* The same for one that is stale, which is counted. */
void store_drop_stale(struct store *s, struct spot *spot);

/* The rest of store_unlink: for one who empties the slot himself. */
void store_retire(struct store *s, struct spot *spot, struct item *it);

/* Put an item in place of the one found, or add it, with a new CAS. False: no memory. */
bool store_link(struct store *s, struct spot *spot, struct item *it);

/* The same, with this CAS and these marks (but for the epoch). */
bool store_link_as(struct store *s, struct spot *spot, struct item *it, uint64_t cas,
                   unsigned mark);

/* Copy the item found, which nobody has a reference to, to a place of the same size that
 * is not in the table yet, and let the table point there. Takes over the reference to the
 * place. Not for large items. */
void store_move(struct store *s, struct spot *spot, struct item *to, unsigned mark);

/* Give a reference back. Any thread, no lock. */
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

/* Remove what was flushed from the table. True if there was anything to do. */
bool store_sweep(struct store *s);

/* reclaim.c: bring some memory back. False when nothing can be. */
bool store_reclaim(struct store *s, const void *cookie);

/* Look again at the segments that could not be freed because items were in use. */
void store_reclaim_parked(struct store *s);

/* expire.c: remove expired items of segments that are due, for about `budget_us`
 * microseconds. */
void store_expire(struct store *s, uint64_t budget_us);

/* core.c */

/* Where an item is to stand in the queues. */
struct berth {
    unsigned queue;
    uint64_t order; /* memory.h */
};

/* A fresh item with one reference, value not filled in. exptime is relative time; berth
 * NULL: where new items go. */
ENGINE_ERROR_CODE store_allocate(struct store *s, const void *cookie, struct item **it,
                                 const void *key, size_t nkey, size_t nbytes,
                                 uint32_t flags, rel_time_t exptime,
                                 const struct berth *berth);
/* The item of a key with a reference, NULL if there is none. */
struct item *store_get(struct store *s, const void *key, size_t nkey);
/* The same, but nobody has read it. */
struct item *store_peek(struct store *s, const void *key, size_t nkey);

ENGINE_ERROR_CODE store_remove(struct store *s, const void *key, size_t nkey,
                               uint64_t cas);

/* update.c, arithmetic.c, touch.c: as the engine interface has them. */
ENGINE_ERROR_CODE store_update(struct store *s, const void *cookie, struct item *it,
                               uint64_t *cas, ENGINE_STORE_OPERATION operation);

struct arithmetic {
    const void *key;
    size_t nkey;
    bool increment, create;
    uint64_t delta, initial;
    rel_time_t exptime;
};
ENGINE_ERROR_CODE store_arithmetic(struct store *s, const void *cookie,
                                   const struct arithmetic *a, uint64_t *cas,
                                   uint64_t *result);
ENGINE_ERROR_CODE store_command(struct store *s, const void *cookie,
                                protocol_binary_request_header *request,
                                ADD_RESPONSE response);

/* tap.c */
TAP_ITERATOR store_scan_begin(struct store *s, const void *cookie);
void store_scan_end(struct store *s, const void *cookie);
void store_scan_end_all(struct store *s);

/* stats.c */
ENGINE_ERROR_CODE store_stats(struct store *s, const void *cookie, const char *key,
                              int nkey, ADD_STAT add);
void store_reset_stats(struct store *s);
uint64_t store_count_items(struct store *s);

/* config.c: false, with s->error, when the text cannot be used. */
bool store_configure(struct store *s, const char *text);

/* maintain.c: start the background thread; background_stop ends it. False: the system
 * gives none. */
bool store_maintain(struct store *s);

/* lifecycle.c: bring up what the options ask for. If the system does not give it,
 * s->error says so; store_end is due in either case. */
ENGINE_ERROR_CODE store_start(struct store *s);
void store_end(struct store *s);

/* engine.c: a new handle. */
ENGINE_ERROR_CODE store_create_instance(uint64_t interface, GET_SERVER_API get_server_api,
                                        ENGINE_HANDLE **handle);

#endif
