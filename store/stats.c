#include "store/instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/metric.h"

/* A snapshot of the numbers. */
struct plain {
#define STAT_COUNTER(name, help)      METRIC_MEMBER_COUNTER(name)
#define STAT_FIGURE(kind, name, help) METRIC_MEMBER_##kind(name)
#include "store/store_stat_rows.h"
};

struct slabs {
#define STAT_SLABS(kind, name, help) METRIC_MEMBER_##kind(name)
#include "store/store_stat_rows.h"
};

struct setting {
#define STAT_SETTING(kind, name, help) METRIC_MEMBER_##kind(name)
#include "store/store_stat_rows.h"
};

#define ROW(group, kind, name, help)                                                     \
    METRIC_ROW(kind, #name, struct group, name, FULL, help),

static const struct metric_row plain_rows[] = {
#define STAT_COUNTER(name, help)      ROW(plain, COUNTER, name, help)
#define STAT_FIGURE(kind, name, help) ROW(plain, kind, name, help)
#include "store/store_stat_rows.h"
};

static const struct metric_row slab_rows[] = {
#define STAT_SLABS(kind, name, help) ROW(slabs, kind, name, help)
#include "store/store_stat_rows.h"
};

static const struct metric_row setting_rows[] = {
#define STAT_SETTING(kind, name, help) ROW(setting, kind, name, help)
#include "store/store_stat_rows.h"
};

#define STAT_COUNTER(name, help)       METRIC_WHOLE(name, help)
#define STAT_FIGURE(kind, name, help)  METRIC_WHOLE(name, help)
#define STAT_SLABS(kind, name, help)   METRIC_WHOLE(name, help)
#define STAT_SETTING(kind, name, help) METRIC_WHOLE(name, help)
#include "store/store_stat_rows.h"

static void sum_counters(struct store *s, struct plain *n)
{
    for (uint32_t i = 0; i < s->memory.nlanes; i++) {
        struct counters *c = &s->counters[i];
#define STAT_COUNTER(name, help) n->name += atomic_load(&c->name);
#include "store/store_stat_rows.h"
    }
}

uint64_t store_count_items(struct store *s)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < s->memory.nlanes; i++)
        n += atomic_load_explicit(&s->counters[i].curr_items, memory_order_relaxed);
    return n > 0 ? (uint64_t)n : 0;
}

static uint64_t count_overflow(struct store *s)
{
    return atomic_load(&s->table.pool_used);
}

static void take_snapshot(struct store *s, const struct census census[QUEUES],
                          struct plain *n)
{
    uint64_t buckets = table_count(&s->table);
    *n = (struct plain){ .curr_items = store_count_items(s) };
    sum_counters(s, n);
    for (int q = 0; q < QUEUES; q++) {
        n->bytes += census[q].bytes;
        n->engine_dead_bytes += census[q].dead;
    }
    n->hash_power_level = 31 - (uint64_t)__builtin_clz((unsigned)buckets);
    n->hash_bytes = (buckets + count_overflow(s)) * sizeof(struct bucket);
    n->engine_maxbytes = s->config.cache_size;
    n->engine_used_bytes = atomic_load(&s->memory.budget.charged);
}

static void take_slabs(struct store *s, const struct census census[QUEUES],
                       uint64_t segments_free, struct slabs *n)
{
    *n = (struct slabs){
        .chunk_size = s->memory.segment_size,
        .segments_small = census[QUEUE_SMALL].segments,
        .segments_main = census[QUEUE_MAIN].segments,
        .segments_free = segments_free,
        .large_items = census[QUEUE_SMALL].large + census[QUEUE_MAIN].large,
        .hash_buckets = table_count(&s->table),
        .hash_overflow_buckets = count_overflow(s),
        .expiry_scans = atomic_load(&s->maintenance.scans),
        .total_malloced = atomic_load(&s->memory.budget.charged),
    };
}

static void take_settings(struct store *s, struct setting *n)
{
    *n = (struct setting){
        .engine_maxbytes = s->config.cache_size,
        .item_size_max = s->config.item_size_max,
        .evictions = s->config.eviction ? "on" : "off",
        .cas_enabled = s->config.use_cas ? "yes" : "no",
        .eviction_policy = "s3fifo",
    };
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

static void stats_plain(struct store *s, struct sink *sink)
{
    struct census census[QUEUES];
    uint64_t segments_free;
    struct plain n;
    memory_count(&s->memory, census, &segments_free);
    take_snapshot(s, census, &n);
    metric_each(plain_rows, N_ELEMENTS(plain_rows), &n, false, emit, sink);
}

/* Tools expect slab classes: the two queues are shown as two classes. */
static void stats_items(struct store *s, struct sink *sink)
{
    struct census census[QUEUES];
    uint64_t segments_free;
    struct plain n;
    memory_count(&s->memory, census, &segments_free);
    take_snapshot(s, census, &n);
    for (int q = 0; q < QUEUES; q++) {
        bool small = q == QUEUE_SMALL; /* it shows the counts of both queues */
        if (census[q].items == 0)
            continue;
        emit_number(sink, census[q].items, "items:%d:number", q + 1);
        emit_number(sink, census[q].bytes, "items:%d:mem_requested", q + 1);
        emit_number(sink, small ? n.evictions : 0, "items:%d:evicted", q + 1);
        emit_number(sink, small ? n.evicted_unfetched : 0, "items:%d:evicted_unfetched",
                    q + 1);
        emit_number(sink, small ? n.reclaimed : 0, "items:%d:reclaimed", q + 1);
        emit_number(sink, small ? n.expired_unfetched : 0, "items:%d:expired_unfetched",
                    q + 1);
        emit_number(sink, small ? n.outofmemory : 0, "items:%d:outofmemory", q + 1);
    }
}

/* memcached counts these by slab class; here plain `stats` counts them for the whole
 * cache. Exporters consider the server dead if the names are missing. */
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
    struct census census[QUEUES];
    uint64_t segments_free;
    struct slabs n;
    memory_count(&s->memory, census, &segments_free);
    take_slabs(s, census, segments_free, &n);
    for (int q = 0; q < QUEUES; q++) {
        emit_number(sink, n.chunk_size, "%d:chunk_size", q + 1);
        emit_number(sink, census[q].segments, "%d:total_pages", q + 1);
        emit_number(sink, census[q].items, "%d:used_chunks", q + 1);
        emit_number(sink, census[q].bytes, "%d:mem_requested", q + 1);
        emit_number(sink, census[q].dead, "%d:dead_bytes", q + 1);
        stats_not_by_queue(sink, q + 1);
    }
    emit_number(sink, QUEUES, "active_slabs", 0);
    metric_each(slab_rows, N_ELEMENTS(slab_rows), &n, false, emit, sink);
}

enum { SIZE_STEP = 32, SIZE_STEPS = 32768 };

static void count_sizes(struct store *s, uint32_t *histogram)
{
    struct bucket *b;
    for (uint32_t i = 0; (b = table_lock_index(&s->table, i)) != NULL; i++) {
        for (struct bucket *c = b; c != NULL; c = bucket_next(&s->table, c)) {
            for (int k = 0; k < BUCKET_SLOTS; k++) {
                struct item *it = slot_item(&s->table, slot_load(&c->slot[k]));
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
    struct setting n;
    take_settings(s, &n);
    metric_each(setting_rows, N_ELEMENTS(setting_rows), &n, false, emit, sink);
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
#define STAT_COUNTER(name, help) atomic_store(&c->name, 0);
#include "store/store_stat_rows.h"
    }
}
