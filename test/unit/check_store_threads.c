/* Many threads: no torn values, no lost updates. */
#include "store/mirror.h"
#include "test/unit/store_rig.h"

#ifdef UNDER_SANITIZER
enum { ROUNDS = 30000 };
#else
enum { ROUNDS = 400000 };
#endif

static void setup(void)
{
    rig_start("cache_size=16m");
}

/* ---- torture: a value starts with its key and counts up from there. Uses CHECK, since
 * libcheck writes to a file at every assertion. */

enum { WORKERS = 4, KEYS = 2000 };

struct worker {
    pthread_t thread;
    const void *cookie;
    uint32_t state;
    unsigned rounds;
    unsigned hits, misses;
    bool growing;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 9;
}

static void fill(char *value, size_t n, const char *key, size_t nkey, uint32_t stamp)
{
    for (size_t i = 0; i < n; i++)
        value[i] = i < nkey ? key[i] : (char)(stamp + i);
}

static void check_value(const item_info *info, const char *key, size_t nkey)
{
    const unsigned char *value = info->value[0].iov_base;
    size_t n = info->nbytes;

    CHECK(info->nkey == nkey && memcmp(info->key, key, nkey) == 0);
    CHECK(n >= nkey && memcmp(value, key, nkey) == 0);
    for (size_t i = nkey; i + 1 < n; i++)
        CHECK((unsigned char)(value[i] + 1) == value[i + 1]);
}

static void worker_set(struct worker *w, const char *key, size_t nkey)
{
    ENGINE_HANDLE *h = &engine->interface;
    item_info info = { .nvalue = 1 };
    uint32_t r = next_random(&w->state);
    size_t n = nkey + (r % 200 == 0 ? 40000 : r % 10 == 0 ? 3000 : r % 500);
    ENGINE_STORE_OPERATION op = r % 7 == 0 ? OPERATION_ADD : OPERATION_SET;
    rel_time_t exptime = r % 5 == 0 ? 1 + r % 3 : 0;
    uint64_t cas;
    item *it;

    CHECK(engine->allocate(h, w->cookie, &it, key, nkey, n, 0, exptime) ==
          ENGINE_SUCCESS);
    CHECK(engine->get_item_info(h, w->cookie, it, &info));
    fill(info.value[0].iov_base, n, key, nkey, r);
    ENGINE_ERROR_CODE result = engine->store(h, w->cookie, it, &cas, op, 0);
    CHECK(result == ENGINE_SUCCESS ||
          (op == OPERATION_ADD && result == ENGINE_NOT_STORED));
    engine->release(h, w->cookie, it);
}

static void worker_get(struct worker *w, const char *key, size_t nkey)
{
    ENGINE_HANDLE *h = &engine->interface;
    item_info info = { .nvalue = 1 };
    item *it;

    if (engine->get(h, w->cookie, &it, key, (int)nkey, 0) != ENGINE_SUCCESS) {
        w->misses++;
        return;
    }
    w->hits++;
    CHECK(engine->get_item_info(h, w->cookie, it, &info));
    check_value(&info, key, nkey);
    engine->release(h, w->cookie, it);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct fake_arith count = { .key = "counter", .delta = 1, .create = true };

    for (unsigned i = 0; i < w->rounds; i++) {
        uint32_t r = next_random(&w->state);
        uint64_t result, cas;
        char key[32];
        size_t nkey = (size_t)snprintf(key, sizeof(key), "k%u",
                                       w->growing ? r % (KEYS * 40) : r % KEYS);
        switch (r / 64 % 16) {
        case 0:
            engine->remove(&engine->interface, w->cookie, key, nkey, 0, 0);
            break;
        case 1:
            fake_arith(engine, w->cookie, &count, &result, &cas);
            break;
        case 2:
            fake_touch(engine, w->cookie, key, r % 3 == 0 ? 2 : 0);
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            worker_set(w, key, nkey);
            break;
        default:
            worker_get(w, key, nkey);
        }
        if (r % 50000 == 0)
            fake_flush(engine, w->cookie, 0);
        if (r % 5000 == 0)
            fake_host_advance(host, 1);
    }
    return NULL;
}

static void count_one(void *context, const void *key, size_t nkey,
                      const struct fake_value *value)
{
    (void)key;
    (void)nkey;
    (void)value;
    ++*(size_t *)context;
}

static void torture(bool growing)
{
    struct worker workers[WORKERS] = { 0 };
    unsigned hits = 0;
    size_t scanned = 0;

    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .cookie = fake_cookie_create(host),
                                      .state = (uint32_t)i + 1,
                                      .rounds = ROUNDS,
                                      .growing = growing };
        AZ(pthread_create(&workers[i].thread, NULL, work, &workers[i]));
    }
    for (int i = 0; i < 5; i++)
        fake_scan(engine, cookie, count_one, &scanned);
    for (int i = 0; i < WORKERS; i++) {
        AZ(pthread_join(workers[i].thread, NULL));
        fake_cookie_destroy(workers[i].cookie);
        hits += workers[i].hits;
    }
    ck_assert_uint_gt(hits, 0);
    scanned = 0;
    fake_flush(engine, cookie, 0);
    fake_scan(engine, cookie, count_one, &scanned);
    ck_assert_uint_eq(scanned, 0);
}

START_TEST(torture_in_place)
{
    torture(false);
}
END_TEST

START_TEST(torture_under_pressure)
{
    rig_restart("cache_size=4m");
    torture(true);
    ck_assert_uint_gt(rig_stat("evictions"), 0);
}
END_TEST

struct adder {
    pthread_t thread;
    const void *cookie;
};

static void *add_many(void *arg)
{
    struct adder *a = arg;
    struct fake_arith count = { .key = "n", .delta = 1, .create = true, .initial = 1 };
    uint64_t result, cas;

    for (int i = 0; i < ROUNDS / 10; i++) {
        struct fake_store piece = { .op = OPERATION_APPEND, .key = "list", .value = "x" };
        CHECK(fake_arith(engine, a->cookie, &count, &result, &cas) == ENGINE_SUCCESS);
        if (i % 100 == 0)
            CHECK(fake_store(engine, a->cookie, &piece, NULL) == ENGINE_SUCCESS);
    }
    return NULL;
}

START_TEST(no_change_is_lost)
{
    struct adder adders[WORKERS];
    struct fake_value v;
    char text[32];

    fake_set(engine, cookie, "list", "");
    for (int i = 0; i < WORKERS; i++) {
        adders[i].cookie = fake_cookie_create(host);
        AZ(pthread_create(&adders[i].thread, NULL, add_many, &adders[i]));
    }
    for (int i = 0; i < WORKERS; i++) {
        AZ(pthread_join(adders[i].thread, NULL));
        fake_cookie_destroy(adders[i].cookie);
    }
    snprintf(text, sizeof(text), "%d", WORKERS * (ROUNDS / 10));
    ck_assert(fake_has(engine, cookie, "n", text));
    ck_assert_int_eq(fake_get(engine, cookie, "list", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.nbytes, WORKERS * ((ROUNDS / 10 + 99) / 100));
    fake_value_fini(&v);
}
END_TEST

/* ---- a mirror: another node's state arrives with its CAS */

static void mirror_set(const void *from, uint64_t cas)
{
    ENGINE_HANDLE *h = &engine->interface;
    item_info info = { .nvalue = 1 };
    item *it;
    CHECK(mirror_rows.allocate(h, from, &it, "k", 1, sizeof(cas), 0, 0, 0) ==
          ENGINE_SUCCESS);
    CHECK(engine->get_item_info(h, from, it, &info));
    memcpy(info.value[0].iov_base, &cas, sizeof(cas));
    CHECK(mirror_rows.store(h, from, it, cas, 0, OPERATION_SET) == ENGINE_SUCCESS);
    engine->release(h, from, it);
}

static void *mirror_many(void *arg)
{
    struct adder *a = arg;
    for (uint64_t i = 1; i <= ROUNDS; i++)
        mirror_set(a->cookie, i * CAS_STEP);
    return NULL;
}

/* Else a client of the standby gets a token that no cas command can ever match. */
START_TEST(no_reader_sees_a_value_without_its_cas)
{
    ENGINE_HANDLE *h = &engine->interface;
    struct adder a = { .cookie = fake_cookie_create(host) };
    uint64_t cas = 0;
    mirror_set(cookie, CAS_STEP);
    AZ(pthread_create(&a.thread, NULL, mirror_many, &a));
    while (cas < (uint64_t)ROUNDS * CAS_STEP) {
        item_info info = { .nvalue = 1 };
        item *it;
        CHECK(engine->get(h, cookie, &it, "k", 1, 0) == ENGINE_SUCCESS);
        CHECK(engine->get_item_info(h, cookie, it, &info));
        memcpy(&cas, info.value[0].iov_base, sizeof(cas));
        CHECK(info.cas == cas);
        engine->release(h, cookie, it);
    }
    AZ(pthread_join(a.thread, NULL));
    fake_cookie_destroy(a.cookie);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        torture_in_place,
        torture_under_pressure,
        no_change_is_lost,
        no_reader_sees_a_value_without_its_cas,
    };
    return rig_run("store_threads", setup, tests, N_ELEMENTS(tests));
}
