/*
 * The store under memory pressure: bounds, eviction, changing sizes, held items. Long
 * because each test fills the store in a different way before it checks.
 */
#include <sched.h>
#include <unistd.h>

#include "store/mirror.h"
#include "test/unit/store_rig.h"

#ifdef UNDER_SANITIZER
enum { CACHE_MB = 16, MEASURES_RSS = 0 };
#else
enum { CACHE_MB = 64, MEASURES_RSS = 1 };
#endif

#define MB ((size_t)1 << 20)

static void start_with(const char *rest)
{
    char config[128];
    snprintf(config, sizeof(config), "cache_size=%dm%s", CACHE_MB, rest);
    rig_start(config);
}

static void setup(void)
{
    start_with("");
}

/* Allocates and stores through the interface; the value is filled from the key. */
static ENGINE_ERROR_CODE put(const char *key, size_t nvalue, rel_time_t exptime)
{
    ENGINE_HANDLE *h = &engine->interface;
    item_info info = { .nvalue = 1 };
    uint64_t cas;
    item *it;
    ENGINE_ERROR_CODE result =
        engine->allocate(h, cookie, &it, key, strlen(key), nvalue, 0, exptime);
    if (result != ENGINE_SUCCESS)
        return result;
    CHECK(engine->get_item_info(h, cookie, it, &info));
    memset(info.value[0].iov_base, key[strlen(key) - 1], nvalue);
    result = engine->store(h, cookie, it, &cas, OPERATION_SET, 0);
    engine->release(h, cookie, it);
    return result;
}

static bool has(const char *key, size_t nvalue)
{
    ENGINE_HANDLE *h = &engine->interface;
    item_info info = { .nvalue = 1 };
    item *it;
    if (engine->get(h, cookie, &it, key, (int)strlen(key), 0) != ENGINE_SUCCESS)
        return false;
    CHECK(engine->get_item_info(h, cookie, it, &info));
    bool fine = info.nbytes == nvalue;
    for (size_t i = 0; fine && i < nvalue; i += 61)
        fine = ((char *)info.value[0].iov_base)[i] == key[strlen(key) - 1];
    engine->release(h, cookie, it);
    CHECK(fine);
    return true;
}

static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long total, pages;
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu %lu", &total, &pages), 2);
    fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Typical sizes in a cache: many small ones, few large ones. */
static size_t random_size(uint32_t *state)
{
    uint32_t r = random_next(state) % 1000;
    if (r < 900)
        return 20 + random_next(state) % 500;
    if (r < 998)
        return 500 + random_next(state) % 10000;
    return 100000 + random_next(state) % 400000;
}

START_TEST(memory_is_bounded)
{
    size_t before = resident(), written = 0;
    uint32_t state = 1;
    char key[32];
    for (unsigned i = 0; written < 5 * CACHE_MB * MB; i++) {
        size_t n = random_size(&state);
        snprintf(key, sizeof(key), "key-%u", i);
        CHECK(put(key, n, 0) == ENGINE_SUCCESS);
        CHECK(has(key, n));
        written += n;
        if (i % 1024 == 0) {
            ck_assert_uint_le(rig_stat("engine_used_bytes"), CACHE_MB * MB + MB / 4);
            if (MEASURES_RSS)
                ck_assert_uint_le(resident(), before + CACHE_MB * MB + 2 * MB);
        }
    }
    ck_assert_uint_gt(rig_stat("evictions"), 0);
    /* The background thread may be evicting right now. */
    for (int ms = 0; rig_stat("evictions") != fake_host_evictions(host); ms++) {
        ck_assert_int_lt(ms, 10000);
        usleep(1000);
    }
    ck_assert_uint_gt(rig_stat("bytes"), CACHE_MB * MB / 100 * 80);
}
END_TEST

static void shift_to(const char *name, size_t size)
{
    size_t count = 2 * CACHE_MB * MB / size, recent = CACHE_MB * MB / size / 20 + 1;
    char key[32];
    for (size_t i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "%s-%zu", name, i);
        CHECK(put(key, size, 0) == ENGINE_SUCCESS);
    }
    for (size_t i = count - recent; i < count; i++) {
        snprintf(key, sizeof(key), "%s-%zu", name, i);
        CHECK(has(key, size));
    }
    ck_assert_uint_le(rig_stat("engine_used_bytes"), CACHE_MB * MB + MB / 4);
    ck_assert_uint_gt(rig_stat("bytes"), CACHE_MB * MB / 100 * 60);
}

START_TEST(sizes_may_shift)
{
    shift_to("small", 100);
    shift_to("medium", 10 << 10);
    shift_to("large", 200 << 10);
    shift_to("again", 100);
    shift_to("medium", 5 << 10);
}
END_TEST

START_TEST(nothing_is_evicted_while_it_fits)
{
    size_t size = 500, keys = CACHE_MB * MB / 100 * 75 / (size + 60);
    uint32_t state = 7;
    char key[32];
    /* Overwritten many times, at random: space must come from dead items. */
    for (size_t i = 0; i < keys * 6; i++) {
        size_t k = i < keys ? i : random_next(&state) % keys;
        snprintf(key, sizeof(key), "key-%zu", k);
        CHECK(put(key, size, 0) == ENGINE_SUCCESS);
    }
    ck_assert_uint_eq(rig_stat("evictions"), 0);
    ck_assert_uint_eq(rig_stat("curr_items"), keys);
    for (size_t k = 0; k < keys; k++) {
        snprintf(key, sizeof(key), "key-%zu", k);
        CHECK(has(key, size));
    }
}
END_TEST

START_TEST(without_eviction_it_fills_up)
{
    size_t size = 400, stored = 0;
    char key[32];
    rig_restart(CACHE_MB == 16 ? "cache_size=16m;eviction=false"
                               : "cache_size=64m;eviction=false");
    for (;;) {
        snprintf(key, sizeof(key), "key-%zu", stored);
        ENGINE_ERROR_CODE result = put(key, size, 0);
        if (result == ENGINE_ENOMEM)
            break;
        CHECK(result == ENGINE_SUCCESS);
        stored++;
    }
    ck_assert_uint_gt(stored * (size + 48), CACHE_MB * MB / 100 * 85);
    for (size_t i = 0; i < stored; i++) {
        snprintf(key, sizeof(key), "key-%zu", i);
        CHECK(has(key, size));
        if (i % 2 == 0)
            ck_assert_int_eq(fake_delete(engine, cookie, key, 0), ENGINE_SUCCESS);
    }
    /* The space of scattered deleted items can be reused, for other sizes too. */
    for (size_t i = 0; i < stored / 10; i++) {
        snprintf(key, sizeof(key), "new-%zu", i);
        CHECK(put(key, 3 * size, 0) == ENGINE_SUCCESS);
    }
    ck_assert_uint_eq(rig_stat("evictions"), 0);
    ck_assert_uint_eq(rig_stat("curr_items"), stored / 2 + stored / 10);
}
END_TEST

enum { HELD = 500 };

static void hold(item **held, bool linked)
{
    char key[32];
    for (int i = 0; i < HELD; i++) {
        snprintf(key, sizeof(key), "held-%d", i);
        if (linked) {
            CHECK(put(key, 300, 0) == ENGINE_SUCCESS);
            ck_assert_int_eq(engine->get(&engine->interface, cookie, &held[i], key,
                                         (int)strlen(key), 0),
                             ENGINE_SUCCESS);
        } else {
            ck_assert_int_eq(engine->allocate(&engine->interface, cookie, &held[i], key,
                                              strlen(key), 300, 0, 0),
                             ENGINE_SUCCESS);
        }
        /* Spread them, so that every segment has some. */
        for (size_t n = 0; n < CACHE_MB * MB / HELD; n += 1000) {
            snprintf(key, sizeof(key), "between-%d-%zu", i, n);
            CHECK(put(key, 900, 0) == ENGINE_SUCCESS);
        }
    }
}

static void churn(unsigned rounds)
{
    char key[32];
    for (size_t i = 0; i < rounds * CACHE_MB * MB / 1000; i++) {
        snprintf(key, sizeof(key), "churn-%zu", i);
        CHECK(put(key, 900, 0) == ENGINE_SUCCESS);
        CHECK(has(key, 900));
    }
}

START_TEST(held_items_stay_readable)
{
    item *held[HELD];
    hold(held, true);
    churn(3);
    for (int i = 0; i < HELD; i++) {
        item_info info = { .nvalue = 1 };
        char key[32];
        snprintf(key, sizeof(key), "held-%d", i);
        ck_assert(engine->get_item_info(&engine->interface, cookie, held[i], &info));
        ck_assert_mem_eq(info.key, key, strlen(key));
        for (int n = 0; n < 300; n++)
            CHECK(((char *)info.value[0].iov_base)[n] == key[strlen(key) - 1]);
        engine->release(&engine->interface, cookie, held[i]);
    }
    churn(1);
}
END_TEST

START_TEST(unfinished_items_do_not_use_up_the_memory)
{
    size_t before = resident();
    item *held[HELD];
    hold(held, false);
    churn(3);
    ck_assert_uint_gt(rig_stat("bytes"), CACHE_MB * MB / 100 * 60);
    ck_assert_uint_le(rig_stat("engine_used_bytes"), CACHE_MB * MB + MB / 4);
    if (MEASURES_RSS)
        ck_assert_uint_le(resident(), before + CACHE_MB * MB + 3 * MB);
    for (int i = 0; i < HELD; i++) {
        uint64_t cas;
        ck_assert_int_eq(
            engine->store(&engine->interface, cookie, held[i], &cas, OPERATION_SET, 0),
            ENGINE_SUCCESS);
        engine->release(&engine->interface, cookie, held[i]);
    }
    churn(2);
}
END_TEST

START_TEST(deleted_items_in_use_do_not_stop_the_rest)
{
    item *held[HELD];
    char key[32];
    hold(held, true);
    for (int i = 0; i < HELD; i++) {
        snprintf(key, sizeof(key), "held-%d", i);
        ck_assert_int_eq(fake_delete(engine, cookie, key, 0), ENGINE_SUCCESS);
    }
    ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
    churn(3);
    for (int i = 0; i < HELD; i++) {
        item_info info = { .nvalue = 1 };
        snprintf(key, sizeof(key), "held-%d", i);
        ck_assert(engine->get_item_info(&engine->interface, cookie, held[i], &info));
        ck_assert_mem_eq(info.key, key, strlen(key));
        engine->release(&engine->interface, cookie, held[i]);
    }
    churn(1);
}
END_TEST

/* Large items, as a client slowly sends or reads them. The last one may be refused. */
enum { LARGE = 300000, LARGE_MAX = CACHE_MB * (1 << 20) / LARGE };

static ENGINE_ERROR_CODE hold_large(item **held, unsigned n, bool linked)
{
    char key[32];
    snprintf(key, sizeof(key), "large-%u", n);
    if (!linked)
        return engine->allocate(&engine->interface, cookie, held, key, strlen(key), LARGE,
                                0, 0);
    CHECK(put(key, LARGE, 0) == ENGINE_SUCCESS);
    return engine->get(&engine->interface, cookie, held, key, (int)strlen(key), 0);
}

static void let_go(item *const *held, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        engine->release(&engine->interface, cookie, held[i]);
}

START_TEST(large_items_in_use_do_not_stop_the_rest)
{
    item *held[LARGE_MAX / 4];
    churn(1);
    for (int linked = 0; linked < 2; linked++) {
        for (unsigned i = 0; i < LARGE_MAX / 4; i++)
            ck_assert_int_eq(hold_large(&held[i], i, linked), ENGINE_SUCCESS);
        churn(1);
        let_go(held, LARGE_MAX / 4);
    }
    ck_assert_uint_eq(rig_stat("outofmemory"), 0);
}
END_TEST

/* A client that sends more and more and finishes nothing is refused, but others are not.
 * All of the memory is available again as soon as it is released. */
START_TEST(large_items_in_use_take_half_of_the_memory)
{
    item *held[LARGE_MAX];
    unsigned n = 0;
    churn(1);
    while (hold_large(&held[n], n, false) == ENGINE_SUCCESS)
        ck_assert_uint_lt(++n, LARGE_MAX * 3 / 4);
    ck_assert_uint_gt(n, LARGE_MAX * 2 / 5);
    churn(1);
    ck_assert_uint_eq(rig_stat("outofmemory"), 1);
    let_go(held, n);
    n /= 2;
    for (unsigned i = 0; i < n; i++)
        ck_assert_int_eq(hold_large(&held[i], i, true), ENGINE_SUCCESS);
    let_go(held, n);
    ck_assert_uint_eq(rig_stat("outofmemory"), 1);
}
END_TEST

/* The background thread works in real time: waits for it with a deadline. */
static void wait_for_items(uint64_t items)
{
    for (int ms = 0; rig_stat("curr_items") != items; ms++) {
        ck_assert_int_lt(ms, 20000);
        usleep(1000);
    }
}

START_TEST(expired_items_are_reclaimed)
{
    char key[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        ck_assert_int_eq(put(key, i % 100 == 0 ? 40000 : 100, i % 2 == 0 ? 5 : 0),
                         ENGINE_SUCCESS);
    }
    ck_assert_uint_eq(rig_stat("curr_items"), 20000 - rig_stat("evictions"));
    fake_host_advance(host, 4);
    ck_assert_uint_eq(rig_stat("evictions"), 0);
    fake_host_advance(host, 1);
    wait_for_items(10000);
    ck_assert_uint_eq(rig_stat("expired_unfetched"), 10000);
}
END_TEST

START_TEST(touched_items_expire_in_the_background)
{
    for (int i = 0; i < 1000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%d", i);
        CHECK(put(key, 100, 0) == ENGINE_SUCCESS);
        ck_assert_int_eq(fake_touch(engine, cookie, key, 10), ENGINE_SUCCESS);
    }
    fake_host_advance(host, 10);
    wait_for_items(0);
}
END_TEST

START_TEST(flushed_items_are_reclaimed)
{
    char key[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        CHECK(put(key, i % 100 == 0 ? 100000 : 100, 0) == ENGINE_SUCCESS);
    }
    ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        ck_assert(!has(key, 100));
    }
    wait_for_items(0);
    ck_assert_uint_eq(rig_stat("bytes"), 0);
    ck_assert_int_eq(fake_flush(engine, cookie, 30), ENGINE_SUCCESS);
    CHECK(put("k", 100, 0) == ENGINE_SUCCESS);
    fake_host_advance(host, 30);
    wait_for_items(0);
}
END_TEST

/* ---- items that keep their age */

static struct item *move_from(struct memory *m, uint64_t order)
{
    const struct item header = { .word = 1, .nbytes = 100, .nkey = 1 };
    return memory_alloc_aged(m, QUEUE_MAIN, order, &header, MEMORY_FOR_MOVE);
}

/* Puts an item from each processor in turn; returns how many segments that opened. */
static uint64_t segments_of_all_processors(void)
{
    cpu_set_t all;
    uint64_t before = rig_stat("slab_global_page_pool");
    AZ(sched_getaffinity(0, sizeof(all), &all));
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (!CPU_ISSET(cpu, &all))
            continue;
        AZ(sched_setaffinity(0, sizeof(one), &one));
        ck_assert_int_eq(put("key", 100, 0), ENGINE_SUCCESS);
    }
    AZ(sched_setaffinity(0, sizeof(all), &all));
    return before - rig_stat("slab_global_page_pool");
}

/* Else it could not hold what the leader holds. */
START_TEST(a_follower_fills_one_segment_at_a_time)
{
    mirror_rows.follow(&engine->interface, true);
    ck_assert_uint_eq(segments_of_all_processors(), 1);
    mirror_rows.follow(&engine->interface, false);
    segments_of_all_processors();
    mirror_rows.follow(&engine->interface, true);
    ck_assert_uint_eq(segments_of_all_processors(), 0);
}
END_TEST

/* Items that are moved at the same time share a segment. */
START_TEST(a_moved_item_never_becomes_older)
{
    static const uint64_t orders[] = { ORDER_LIVE + 9, ORDER_LIVE + 1, ORDER_LIVE + 20 };
    struct store *s = store_of((ENGINE_HANDLE *)engine);
    struct item *moved[N_ELEMENTS(orders)];
    for (unsigned i = 0; i < N_ELEMENTS(orders); i++)
        moved[i] = move_from(&s->memory, orders[i]);
    for (unsigned i = 0; i < 2; i++)
        memory_seal_aged(&s->memory);
    for (unsigned i = 0; i < N_ELEMENTS(orders); i++) {
        uint64_t order = memory_segment(&s->memory, moved[i])->order;
        ck_assert_uint_ne(order, ORDER_OPEN);
        ck_assert_uint_ge(order, orders[i]);
        store_release(s, moved[i]);
    }
}
END_TEST

/* ---- large items change their queue where they are */

static unsigned queue_of(const char *key, char **at)
{
    struct store *s = store_of((ENGINE_HANDLE *)engine);
    struct item *it = store_peek(s, key, strlen(key));
    unsigned queue = memory_segment(&s->memory, it)->queue;
    *at = (char *)it;
    store_release(s, it);
    return queue;
}

START_TEST(a_large_item_is_touched_into_its_queue)
{
    char *before, *after;
    CHECK(put("k", MB / 2, 0) == ENGINE_SUCCESS);
    ck_assert_uint_eq(queue_of("k", &before), QUEUE_SMALL);
    ck_assert(mirror_rows.touch((ENGINE_HANDLE *)engine, "k", 1, 0,
                                CREDIT_GIVEN | CREDIT_PROVEN));
    ck_assert_uint_eq(queue_of("k", &after), QUEUE_MAIN);
    ck_assert_ptr_eq(before, after);
}
END_TEST

/* As the search for expired items does it. */
static void set_busy(struct store *s, const struct item *it, bool busy)
{
    AZ(pthread_mutex_lock(&s->memory.lock));
    memory_segment(&s->memory, it)->busy = busy;
    AZ(pthread_mutex_unlock(&s->memory.lock));
}

START_TEST(a_large_item_changes_its_queue_while_it_is_searched)
{
    struct store *s = store_of((ENGINE_HANDLE *)engine);
    char *at;
    CHECK(put("k", MB / 2, 0) == ENGINE_SUCCESS);
    (void)queue_of("k", &at);
    const struct item *it = (const struct item *)(const void *)at;
    set_busy(s, it, true);
    memory_renew_large(&s->memory, it, QUEUE_MAIN);
    set_busy(s, it, false);
    ck_assert_uint_eq(queue_of("k", &at), QUEUE_MAIN);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        memory_is_bounded,
        sizes_may_shift,
        nothing_is_evicted_while_it_fits,
        without_eviction_it_fills_up,
        held_items_stay_readable,
        unfinished_items_do_not_use_up_the_memory,
        deleted_items_in_use_do_not_stop_the_rest,
        large_items_in_use_do_not_stop_the_rest,
        large_items_in_use_take_half_of_the_memory,
        expired_items_are_reclaimed,
        touched_items_expire_in_the_background,
        flushed_items_are_reclaimed,
        a_follower_fills_one_segment_at_a_time,
        a_moved_item_never_becomes_older,
        a_large_item_is_touched_into_its_queue,
        a_large_item_changes_its_queue_while_it_is_searched,
    };
    return rig_run("store_memory", setup, tests, N_ELEMENTS(tests));
}
