/*
 * Compares what eviction keeps with a simulated LRU list of the same bytes: the value of
 * a cache is its hits.
 */
#include "test/unit/quick.h"
#include "test/unit/store_rig.h"
#include "test/unit/zipf.h"

#ifdef UNDER_SANITIZER
enum { REQUESTS = 1000000 };
#else
enum { REQUESTS = 1500000 };
#endif
enum { CACHE_MB = 16, KEYS = 200000, NKEY = 12, LRU_OVERHEAD = 64 };

static void setup(void)
{
    rig_start("cache_size=16m");
}

/* ---- the LRU */

struct lru {
    uint32_t *prev, *next; /* 0 is the head of the ring; key k is k + 1 */
    bool *there;
    size_t bytes, limit;
    uint64_t hits;
};

static size_t size_of(uint32_t key)
{
    return 40 + key * 2654435761u % 400;
}

static void lru_init(struct lru *l, uint32_t keys)
{
    *l = (struct lru){ .limit = (size_t)CACHE_MB << 20 };
    l->prev = calloc(keys + 1, sizeof(uint32_t));
    l->next = calloc(keys + 1, sizeof(uint32_t));
    l->there = calloc(keys + 1, sizeof(bool));
}

static void lru_fini(struct lru *l)
{
    free(l->prev);
    free(l->next);
    free(l->there);
}

static void lru_unlink(struct lru *l, uint32_t at)
{
    l->next[l->prev[at]] = l->next[at];
    l->prev[l->next[at]] = l->prev[at];
}

static void lru_push(struct lru *l, uint32_t at)
{
    l->next[at] = l->next[0];
    l->prev[at] = 0;
    l->prev[l->next[0]] = at;
    l->next[0] = at;
}

static void lru_request(struct lru *l, uint32_t key)
{
    uint32_t at = key + 1;

    if (l->there[at]) {
        l->hits++;
        lru_unlink(l, at);
    } else {
        l->there[at] = true;
        l->bytes += size_of(key) + NKEY + LRU_OVERHEAD;
    }
    lru_push(l, at);
    while (l->bytes > l->limit) {
        uint32_t last = l->prev[0];
        lru_unlink(l, last);
        l->there[last] = false;
        l->bytes -= size_of(last - 1) + NKEY + LRU_OVERHEAD;
    }
}

/* ---- the store, used as a cache: a miss is filled */

static bool store_request(uint32_t key)
{
    ENGINE_HANDLE *h = &engine->interface;
    char text[NKEY + 1];
    uint64_t cas;
    item *it;

    snprintf(text, sizeof(text), "key-%08u", key);
    if (engine->get(h, cookie, &it, text, NKEY, 0) == ENGINE_SUCCESS) {
        engine->release(h, cookie, it);
        return true;
    }
    CHECK(engine->allocate(h, cookie, &it, text, NKEY, size_of(key), 0, 0) ==
          ENGINE_SUCCESS);
    CHECK(engine->store(h, cookie, it, &cas, OPERATION_SET, 0) == ENGINE_SUCCESS);
    engine->release(h, cookie, it);
    return false;
}

/* ---- traces */

/* Requests, of which every scan-th is for a key that never returns (0: none). Sets the
 * hits of both, as shares of the requests that could hit. */
static void compare(double skew, unsigned scan, double *ours, double *lru)
{
    uint32_t keys = KEYS + (scan == 0 ? 0 : REQUESTS / scan + 1);
    uint64_t hits = 0, counted = 0;
    struct zipf z;
    struct lru l;

    zipf_init(&z, skew, KEYS);
    lru_init(&l, keys);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint32_t key = scan != 0 && i % scan == 0 ? KEYS + i / scan : zipf_next(&z);
        bool hit = store_request(key);
        lru_request(&l, key);
        if (i == REQUESTS / 5)
            hits = counted = l.hits = 0;
        hits += hit;
        counted += key < KEYS;
    }
    *ours = (double)hits / (double)counted;
    *lru = (double)l.hits / (double)counted;
    printf("skew %.2f, scan 1/%u: hits %.4f, LRU %.4f\n", skew, scan, *ours, *lru);
    lru_fini(&l);
    zipf_fini(&z);
}

START_TEST(as_good_as_lru)
{
    double ours, lru;

    compare(0.9, 0, &ours, &lru);
    ck_assert(ours >= lru);
}
END_TEST

START_TEST(as_good_as_lru_when_nearly_flat)
{
    double ours, lru;

    compare(0.6, 0, &ours, &lru);
    ck_assert(ours >= lru);
}
END_TEST

START_TEST(as_good_as_lru_when_steep)
{
    double ours, lru;

    compare(1.1, 0, &ours, &lru);
    ck_assert(ours >= lru - 0.002); /* nearly all hits for both */
}
END_TEST

START_TEST(scans_do_little_harm)
{
    double ours, lru;

    compare(0.9, 2, &ours, &lru);
    ck_assert(ours >= lru + 0.02);
}
END_TEST

/* A hot set that changes: the old one must not stay. */
START_TEST(a_new_hot_set_is_taken_in)
{
    uint32_t state = 3, hits = 0;

    for (uint32_t set = 0; set < 5; set++)
        for (uint32_t i = 0; i < REQUESTS / 5; i++) {
            state = state * 1664525u + 1013904223u;
            bool hit = store_request(set * 20000 + (state >> 8) % 20000);
            if (i > REQUESTS / 5 * 4 / 5)
                hits += hit;
        }
    ck_assert_uint_gt(hits, REQUESTS / 5 / 100 * 95);
}
END_TEST

/* A few keys are requested all the time. Others pass by, and each returns after three
 * times as many as fit. Some of these are remembered and stay in the main queue, which
 * does not change when it has them. Then different keys pass by, and the main queue
 * changes. The hot keys lie close together there, and must not be evicted because their
 * neighbours are as hot. */
START_TEST(hot_keys_outlive_passers_by)
{
    enum { HOT = 5000, PASSERS = 150000, WINDOW = 20000 };
    uint32_t state = 5, passer = 0, hits = 0, least = WINDOW;

    for (uint32_t i = 1; i <= 2 * REQUESTS; i++) {
        state = state * 1664525u + 1013904223u;
        if (i % 2 == 0)
            hits += store_request((state >> 8) % HOT);
        else
            store_request(HOT + passer++ % PASSERS + (i > REQUESTS) * PASSERS);
        if (i % (2 * WINDOW) == 0) {
            if (i > REQUESTS && hits < least)
                least = hits;
            hits = 0;
        }
    }
    printf("hot keys: at least %u hits of %d\n", least, WINDOW);
    ck_assert_uint_gt(least, WINDOW / 1000 * 995);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        as_good_as_lru,
        scans_do_little_harm,
        as_good_as_lru_when_nearly_flat,
        as_good_as_lru_when_steep,
        a_new_hot_set_is_taken_in,
        hot_keys_outlive_passers_by,
    };
    return rig_run("store_eviction", setup, tests, quick(N_ELEMENTS(tests), 2));
}
