#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/metric.h"

/* One moment's numbers. */
struct snapshot {
    uint64_t curr_items, total_items, bytes, evictions, evicted_unfetched, reclaimed,
        expired_unfetched, moved, outofmemory, ghost_hits;
    uint64_t maxbytes, charged, dead, segment_size, segments_free, segments_small,
        segments_main, large, hash_bytes, hash_buckets, hash_overflow, hash_power,
        hash_expanding, scans, item_size_max;
    const char *eviction, *cas, *policy;
    struct census census[QUEUES];
};

#define ROW(kind, name, member, help)                                                    \
    {                                                                                    \
        name, METRIC_##kind, offsetof(struct snapshot, member), false, help              \
    }

static const struct metric_row plain_rows[] = {
    ROW(GAUGE, "curr_items", curr_items, "items stored now"),
    ROW(COUNTER, "total_items", total_items, "items ever stored"),
    ROW(GAUGE, "bytes", bytes, "bytes of items, headers included"),
    ROW(COUNTER, "evictions", evictions, "live items removed to make room"),
    ROW(COUNTER, "evicted_unfetched", evicted_unfetched, "of those, never read"),
    ROW(COUNTER, "reclaimed", reclaimed, "expired or flushed items removed"),
    ROW(COUNTER, "expired_unfetched", expired_unfetched, "of those, never read"),
    ROW(COUNTER, "items_moved", moved, "items copied to keep them while making room"),
    ROW(COUNTER, "outofmemory", outofmemory, "items refused for want of memory"),
    ROW(COUNTER, "ghost_hits", ghost_hits, "sets of keys evicted shortly before"),
    ROW(GAUGE, "hash_power_level", hash_power, "binary logarithm of the hash buckets"),
    ROW(GAUGE, "hash_bytes", hash_bytes, "bytes of the hash table"),
    ROW(GAUGE, "hash_is_expanding", hash_expanding,
        "always 0: it grows bucket by bucket"),
    ROW(GAUGE, "engine_maxbytes", maxbytes, "the memory limit"),
    ROW(GAUGE, "engine_used_bytes", charged, "bytes of it in use, overhead included"),
    ROW(GAUGE, "engine_dead_bytes", dead, "bytes of overwritten and deleted items"),
};

static const struct metric_row slab_rows[] = {
    ROW(GAUGE, "chunk_size", segment_size, "bytes of a segment"),
    ROW(GAUGE, "segments_small", segments_small, "segments of the small queue"),
    ROW(GAUGE, "segments_main", segments_main, "segments of the main queue"),
    ROW(GAUGE, "segments_free", segments_free, "segments that could be opened"),
    ROW(GAUGE, "large_items", large, "items with memory of their own"),
    ROW(GAUGE, "hash_buckets", hash_buckets, "hash buckets"),
    ROW(GAUGE, "hash_overflow_buckets", hash_overflow, "overflow buckets in use"),
    ROW(COUNTER, "expiry_scans", scans, "rounds of the search for expired items"),
    ROW(GAUGE, "total_malloced", charged, "bytes in use, overhead included"),
};

static const struct metric_row setting_rows[] = {
    ROW(GAUGE, "engine_maxbytes", maxbytes, "cache_size"),
    ROW(GAUGE, "item_size_max", item_size_max, "item_size_max"),
    ROW(TEXT, "evictions", eviction, "eviction"),
    ROW(TEXT, "cas_enabled", cas, "use_cas"),
    ROW(TEXT, "eviction_policy", policy, "how memory is made"),
};

static void sum_counters(struct store *s, struct snapshot *n)
{
    for (uint32_t i = 0; i < s->memory.nlanes; i++) {
        struct counters *c = &s->counters[i];
        n->total_items += atomic_load(&c->total_items);
        n->evictions += atomic_load(&c->evictions);
        n->evicted_unfetched += atomic_load(&c->evicted_unfetched);
        n->reclaimed += atomic_load(&c->reclaimed);
        n->expired_unfetched += atomic_load(&c->expired_unfetched);
        n->moved += atomic_load(&c->moved);
        n->outofmemory += atomic_load(&c->outofmemory);
        n->ghost_hits += atomic_load(&c->ghost_hits);
    }
}

uint64_t store_count_items(struct store *s)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < s->memory.nlanes; i++)
        n += atomic_load_explicit(&s->counters[i].curr_items, memory_order_relaxed);
    return n > 0 ? (uint64_t)n : 0;
}

static void take_snapshot(struct store *s, struct snapshot *n)
{
    struct memory *m = &s->memory;
    *n = (struct snapshot){ .curr_items = store_count_items(s) };
    sum_counters(s, n);
    memory_count(m, n->census, &n->segments_free);
    n->segments_small = n->census[QUEUE_SMALL].segments;
    n->segments_main = n->census[QUEUE_MAIN].segments;
    for (int q = 0; q < QUEUES; q++) {
        n->bytes += n->census[q].bytes;
        n->dead += n->census[q].dead;
        n->large += n->census[q].large;
    }
    n->maxbytes = s->config.cache_size;
    n->item_size_max = s->config.item_size_max;
    n->charged = atomic_load(&m->budget.charged);
    n->segment_size = m->segment_size;
    n->hash_buckets = table_count(&s->table);
    n->hash_power = 31 - (uint64_t)__builtin_clz((unsigned)n->hash_buckets);
    n->hash_overflow = atomic_load(&s->table.pool_used);
    n->hash_bytes = (n->hash_buckets + n->hash_overflow) * sizeof(struct bucket);
    n->scans = atomic_load(&s->maintenance.scans);
    n->eviction = s->config.eviction ? "on" : "off";
    n->cas = s->config.use_cas ? "yes" : "no";
    n->policy = "s3fifo";
}

struct sink {
    ADD_STAT add;
    const void *cookie;
};

static void emit(void *context, const char *name, const char *value)
{
    const struct sink *sink = context;
    sink->add(name, (uint16_t)strlen(name), value, (uint32_t)strlen(value), sink->cookie);
}

static void emit_number(struct sink *sink, uint64_t value, const char *format, int a)
{
    char name[64], text[32];
    snprintf(name, sizeof(name), format, a);
    snprintf(text, sizeof(text), "%" PRIu64, value);
    emit(sink, name, text);
}

static void emit_rows(struct sink *sink, const struct metric_row *rows, size_t n,
                      const struct snapshot *snapshot)
{
    metric_each(rows, n, snapshot, false, emit, sink);
}

static void stats_plain(struct store *s, struct sink *sink)
{
    struct snapshot n;
    take_snapshot(s, &n);
    emit_rows(sink, plain_rows, N_ELEMENTS(plain_rows), &n);
}

/* Tools expect slab classes: the two queues stand for two. */
static void stats_items(struct store *s, struct sink *sink)
{
    struct snapshot n;
    take_snapshot(s, &n);
    for (int q = 0; q < QUEUES; q++) {
        if (n.census[q].items == 0)
            continue;
        emit_number(sink, n.census[q].items, "items:%d:number", q + 1);
        emit_number(sink, n.census[q].bytes, "items:%d:mem_requested", q + 1);
        emit_number(sink, q == QUEUE_SMALL ? n.evictions : 0, "items:%d:evicted", q + 1);
        emit_number(sink, q == QUEUE_SMALL ? n.evicted_unfetched : 0,
                    "items:%d:evicted_unfetched", q + 1);
        emit_number(sink, q == QUEUE_SMALL ? n.reclaimed : 0, "items:%d:reclaimed",
                    q + 1);
        emit_number(sink, q == QUEUE_SMALL ? n.expired_unfetched : 0,
                    "items:%d:expired_unfetched", q + 1);
        emit_number(sink, q == QUEUE_SMALL ? n.outofmemory : 0, "items:%d:outofmemory",
                    q + 1);
    }
}

/* What memcached counts by slab class is counted for the whole cache here, in plain
 * `stats`; exporters take the server for dead where the names are missing. */
static void stats_not_by_queue(struct sink *sink, int queue)
{
    static const char *const names[] = { "get_hits",   "cmd_set",   "delete_hits",
                                         "incr_hits",  "decr_hits", "cas_hits",
                                         "cas_badval", "touch_hits" };
    for (size_t i = 0; i < N_ELEMENTS(names); i++) {
        char name[32];
        snprintf(name, sizeof(name), "%%d:%s", names[i]);
        emit_number(sink, 0, name, queue);
    }
}

static void stats_slabs(struct store *s, struct sink *sink)
{
    struct snapshot n;
    take_snapshot(s, &n);
    for (int q = 0; q < QUEUES; q++) {
        emit_number(sink, n.segment_size, "%d:chunk_size", q + 1);
        emit_number(sink, n.census[q].segments, "%d:total_pages", q + 1);
        emit_number(sink, n.census[q].items, "%d:used_chunks", q + 1);
        emit_number(sink, n.census[q].bytes, "%d:mem_requested", q + 1);
        emit_number(sink, n.census[q].dead, "%d:dead_bytes", q + 1);
        stats_not_by_queue(sink, q + 1);
    }
    emit_number(sink, QUEUES, "active_slabs", 0);
    emit_rows(sink, slab_rows, N_ELEMENTS(slab_rows), &n);
}

enum { SIZE_STEP = 32, SIZE_STEPS = 32768 };

static void count_sizes(struct store *s, uint32_t *histogram)
{
    struct bucket *b;
    for (uint32_t i = 0; (b = table_lock_index(&s->table, i)) != NULL; i++) {
        for (struct bucket *c = b; c != NULL; c = bucket_next(&s->table, c)) {
            for (int k = 0; k < BUCKET_SLOTS; k++) {
                struct item *it = slot_item(slot_load(&c->slot[k]));
                size_t step =
                    it == NULL ? 0 : (item_size(it) + SIZE_STEP - 1) / SIZE_STEP;
                if (it != NULL && !store_is_stale(s, it))
                    histogram[step < SIZE_STEPS ? step : SIZE_STEPS - 1]++;
            }
        }
        table_unlock(b);
    }
}

static void stats_sizes(struct store *s, struct sink *sink)
{
    uint32_t *histogram = calloc(SIZE_STEPS, sizeof(*histogram));
    if (histogram == NULL)
        return;
    count_sizes(s, histogram);
    for (int i = 0; i < SIZE_STEPS; i++) {
        if (histogram[i] != 0)
            emit_number(sink, histogram[i], "%d", i * SIZE_STEP);
    }
    free(histogram);
}

static void stats_engine(struct store *s, struct sink *sink)
{
    struct snapshot n;
    take_snapshot(s, &n);
    emit_rows(sink, setting_rows, N_ELEMENTS(setting_rows), &n);
}

static void stats_reset(struct store *s, struct sink *sink)
{
    (void)sink;
    store_reset_stats(s);
}

static const struct {
    const char *name;
    void (*report)(struct store *s, struct sink *sink);
} groups[] = {
    { "items", stats_items },   { "slabs", stats_slabs }, { "sizes", stats_sizes },
    { "engine", stats_engine }, { "reset", stats_reset },
};

ENGINE_ERROR_CODE store_stats(struct store *s, const void *cookie, const char *key,
                              int nkey, ADD_STAT add)
{
    struct sink sink = { add, cookie };
    if (key == NULL || nkey == 0) {
        stats_plain(s, &sink);
        return ENGINE_SUCCESS;
    }
    for (size_t i = 0; i < N_ELEMENTS(groups); i++) {
        if (strlen(groups[i].name) == (size_t)nkey &&
            memcmp(groups[i].name, key, (size_t)nkey) == 0) {
            groups[i].report(s, &sink);
            return ENGINE_SUCCESS;
        }
    }
    return ENGINE_KEY_ENOENT;
}

void store_reset_stats(struct store *s)
{
    for (uint32_t i = 0; i < s->memory.nlanes; i++) {
        struct counters *c = &s->counters[i];
        atomic_store(&c->total_items, 0);
        atomic_store(&c->evictions, 0);
        atomic_store(&c->evicted_unfetched, 0);
        atomic_store(&c->reclaimed, 0);
        atomic_store(&c->expired_unfetched, 0);
        atomic_store(&c->moved, 0);
        atomic_store(&c->outofmemory, 0);
        atomic_store(&c->ghost_hits, 0);
    }
}
