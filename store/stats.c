#include "store/instance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/describe.h"
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
                          uint64_t segments_free, struct plain *n)
{
    uint64_t buckets = table_count(&s->table);
    *n = (struct plain){ .curr_items = store_count_items(s),
                         .slab_global_page_pool = segments_free,
                         .lru_crawler_starts = atomic_load(&s->maintenance.scans) };
    sum_counters(s, n);
    for (int q = 0; q < QUEUES; q++) {
        n->bytes += census[q].bytes;
        n->engine_dead_bytes += census[q].dead;
    }
    n->hash_power_level = 31 - (uint64_t)__builtin_clz((unsigned)buckets);
    n->hash_bytes = (buckets + count_overflow(s)) * sizeof(struct bucket);
    n->engine_maxbytes = budget_limit(&s->memory.budget);
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
        .engine_maxbytes = budget_limit(&s->memory.budget),
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

static void emit_number(struct sink *sink, const char *name, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    emit(sink, name, text);
}

static void stats_plain(struct store *s, struct sink *sink)
{
    struct census census[QUEUES];
    uint64_t segments_free;
    struct plain n;
    memory_count(&s->memory, census, &segments_free);
    take_snapshot(s, census, segments_free, &n);
    metric_each(plain_rows, N_ELEMENTS(plain_rows), &n, false, emit, sink);
}

/* Tools expect slab classes: all items are of class 1. Its queues are shown as memcached
 * shows the queues of a class: new items are hot, those that were read are warm. */
static void stats_items(struct store *s, struct sink *sink)
{
    struct census census[QUEUES];
    uint64_t segments_free;
    struct plain n;
    memory_count(&s->memory, census, &segments_free);
    take_snapshot(s, census, segments_free, &n);
    if (n.curr_items == 0)
        return;
    emit_number(sink, "items:1:number", n.curr_items);
    emit_number(sink, "items:1:number_hot", census[QUEUE_SMALL].items);
    emit_number(sink, "items:1:number_warm", census[QUEUE_MAIN].items);
    emit_number(sink, "items:1:mem_requested", n.bytes);
    emit_number(sink, "items:1:evicted", n.evictions);
    emit_number(sink, "items:1:evicted_nonzero", n.evicted_nonzero);
    emit_number(sink, "items:1:evicted_time", atomic_load(&s->evicted_idle));
    emit_number(sink, "items:1:outofmemory", n.outofmemory);
    emit_number(sink, "items:1:reclaimed", n.reclaimed);
    emit_number(sink, "items:1:expired_unfetched", n.expired_unfetched);
    emit_number(sink, "items:1:evicted_unfetched", n.evicted_unfetched);
    emit_number(sink, "items:1:evicted_active", n.evicted_active);
    emit_number(sink, "items:1:crawler_reclaimed", n.crawler_reclaimed);
    emit_number(sink, "items:1:lrutail_reflocked", n.lrutail_reflocked);
    emit_number(sink, "items:1:direct_reclaims", n.direct_reclaims);
}

/* A page is a segment, and a chunk an item. */
static void stats_slabs(struct store *s, struct sink *sink)
{
    struct census census[QUEUES];
    uint64_t segments_free;
    struct slabs n;
    memory_count(&s->memory, census, &segments_free);
    take_slabs(s, census, segments_free, &n);
    emit_number(sink, "1:chunk_size", n.chunk_size);
    emit_number(sink, "1:total_pages", n.segments_small + n.segments_main);
    emit_number(sink, "1:used_chunks", store_count_items(s));
    emit_number(sink, "1:mem_requested",
                census[QUEUE_SMALL].bytes + census[QUEUE_MAIN].bytes);
    emit_number(sink, "1:dead_bytes", census[QUEUE_SMALL].dead + census[QUEUE_MAIN].dead);
    emit_number(sink, "active_slabs", 1);
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
        char name[16];
        snprintf(name, sizeof(name), "%d", i * SIZE_STEP);
        if (histogram[i] != 0)
            emit_number(sink, name, histogram[i]);
    }
    free(histogram);
}

static void stats_engine(struct store *s, struct sink *sink)
{
    struct setting n;
    take_settings(s, &n);
    metric_each(setting_rows, N_ELEMENTS(setting_rows), &n, false, emit, sink);
}

/* As memcached's scrubber shows itself. */
static void stats_scrub(struct store *s, struct sink *sink)
{
    struct maintenance *t = &s->maintenance;
    bool runs = atomic_load(&t->scrub) != SCRUB_NONE;
    rel_time_t began = atomic_load(&t->scrub_began), ended = atomic_load(&t->scrub_ended);
    emit(sink, "scrubber:status", runs ? "running" : "stopped");
    if (began == 0)
        return;
    if (!runs)
        emit_number(sink, "scrubber:last_run", ended - began);
    emit_number(sink, "scrubber:visited", atomic_load(&t->visited));
    emit_number(sink, "scrubber:cleaned", atomic_load(&t->cleaned));
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
    { "engine", stats_engine }, { "scrub", stats_scrub }, { "reset", stats_reset },
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

void store_describe_stats(admin_describe take, void *context)
{
    metric_describe(plain_rows, N_ELEMENTS(plain_rows), take, context);
}

void store_reset_stats(struct store *s)
{
    for (uint32_t i = 0; i < s->memory.nlanes; i++) {
        struct counters *c = &s->counters[i];
#define STAT_COUNTER(name, help) atomic_store(&c->name, 0);
#include "store/store_stat_rows.h"
    }
    atomic_store(&s->evicted_idle, 0);
}
