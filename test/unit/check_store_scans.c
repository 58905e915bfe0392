/* Scans: no item hidden, none shown twice, whatever happens meanwhile. */
#include <unistd.h>

#include "test/unit/store_rig.h"

#ifdef UNDER_SANITIZER
enum { ITEMS = 5000 };
#else
enum { ITEMS = 50000 };
#endif

static void setup(void)
{
    rig_start("cache_size=16m");
}

static void note_key(void *context, const void *key, size_t nkey,
                     const struct fake_value *value)
{
    unsigned char *seen = context;
    char text[32];

    (void)value;
    snprintf(text, sizeof(text), "%.*s", (int)nkey, (const char *)key);
    if (strncmp(text, "key-", 4) == 0)
        seen[atoi(text + 4)] = 1;
}

static void fill(int n)
{
    char key[32];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        ck_assert_int_eq(fake_set(engine, cookie, key, key), ENGINE_SUCCESS);
    }
}

START_TEST(scan_meets_everything_once)
{
    unsigned char *seen = calloc(ITEMS, 1);

    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 0);
    fill(ITEMS);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), ITEMS);
    for (int i = 0; i < ITEMS; i++)
        ck_assert_int_eq(seen[i], 1);
    free(seen);
}
END_TEST

/* ---- a shortage of memory: the linker redirects these calls to here */

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static _Thread_local int fails_in; /* which allocation fails: 1, the next; 0: none */

static bool fails_now(void)
{
    return fails_in > 0 && --fails_in == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

/* Scans to the end, asking as often as needed; returns how many items there were. */
static unsigned scan_through(unsigned *refusals)
{
    ENGINE_HANDLE *h = &engine->interface;
    uint16_t nspecific, flags, vbucket;
    unsigned n = 0;
    TAP_ITERATOR next;
    void *specific;
    uint32_t seqno;
    uint8_t ttl;

    while ((next = engine->get_tap_iterator(h, cookie, "x", 1, 0, NULL, 0)) == NULL)
        ++*refusals;
    for (;;) {
        item *it;
        switch (
            next(h, cookie, &it, &specific, &nspecific, &ttl, &flags, &seqno, &vbucket)) {
        case TAP_MUTATION:
            engine->release(h, cookie, it);
            n++;
            break;
        case TAP_PAUSE:
            ++*refusals;
            break;
        case TAP_NOOP:
            break;
        default:
            return n;
        }
    }
}

START_TEST(a_scan_short_of_memory_is_no_end)
{
    unsigned refusals = 1;

    fill(ITEMS / 10);
    for (int nth = 1; refusals > 0; nth++) {
        refusals = 0;
        fails_in = nth;
        ck_assert_uint_eq(scan_through(&refusals), ITEMS / 10);
        ck_assert(refusals > 0 || nth > 2); /* the scan's own and the first bucket's */
        fails_in = 0;
    }
}
END_TEST

START_TEST(scan_skips_expired_and_flushed)
{
    struct fake_store brief = {
        .op = OPERATION_SET, .key = "brief", .value = "v", .exptime = 5
    };
    unsigned char seen[10] = { 0 };

    ck_assert_int_eq(fake_store(engine, cookie, &brief, NULL), ENGINE_SUCCESS);
    fake_set(engine, cookie, "key-1", "v");
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 2);
    fake_host_advance(host, 5);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 1);
    fake_flush(engine, cookie, 0);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 0);
    fake_set(engine, cookie, "key-2", "v");
    fake_flush(engine, cookie, 5);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 1);
    fake_host_advance(host, 5);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 0);
}
END_TEST

struct scan {
    const void *cookie;
    TAP_ITERATOR next;
    unsigned char *seen;
};

static void scan_start(struct scan *w)
{
    w->seen = calloc(ITEMS, 1);
    w->next = engine->get_tap_iterator(&engine->interface, w->cookie, "c", 1, 0, NULL, 0);
    ck_assert_ptr_nonnull(w->next);
}

/* False at the end. */
static bool scan_one(struct scan *w)
{
    item_info info = { .nvalue = 1 };
    uint16_t nengine, flags, vbucket;
    uint32_t seqno;
    uint8_t ttl;
    void *es;
    tap_event_t event;
    item *it;

    do {
        event = w->next(&engine->interface, w->cookie, &it, &es, &nengine, &ttl, &flags,
                        &seqno, &vbucket);
    } while (event == TAP_NOOP);
    if (event != TAP_MUTATION)
        return false;
    CHECK(engine->get_item_info(&engine->interface, w->cookie, it, &info));
    note_key(w->seen, info.key, info.nkey, NULL);
    engine->release(&engine->interface, w->cookie, it);
    return true;
}

/* Items that existed before the scan and do not change must be met, though the table
 * grows severalfold and items are moved in memory meanwhile. */
START_TEST(scans_miss_nothing_while_the_table_grows)
{
    struct scan scans[3];
    char key[32];
    int there = ITEMS / 10, added = 0;

    fill(there);
    for (int w = 0; w < 3; w++) {
        scans[w].cookie = fake_cookie_create(host);
        scan_start(&scans[w]);
    }
    for (; added < ITEMS; added++) {
        scan_one(&scans[added % 3]);
        snprintf(key, sizeof(key), "more-%d", added);
        fake_set(engine, cookie, key, key);
        snprintf(key, sizeof(key), "over-%d", added % 100);
        fake_set(engine, cookie, key, key);
    }
    for (int w = 0; w < 3; w++) {
        while (scan_one(&scans[w]))
            ;
        for (int i = 0; i < there; i++)
            ck_assert_int_eq(scans[w].seen[i], 1);
        free(scans[w].seen);
        fake_cookie_destroy(scans[w].cookie);
    }
}
END_TEST

START_TEST(the_table_shrinks_again)
{
    uint64_t grown, most = 0;
    char key[32];

    fill(ITEMS);
    grown = fake_stat_number(engine, cookie, "slabs", "hash_buckets");
    ck_assert_uint_gt(grown, ITEMS / 7);
    for (int i = 0; i < ITEMS; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        if (i % 20 != 0)
            fake_delete(engine, cookie, key, 0);
    }
    for (int ms = 0; most == 0 || most > grown / 4; ms++) {
        ck_assert_int_lt(ms, 20000);
        usleep(1000);
        most = fake_stat_number(engine, cookie, "slabs", "hash_buckets");
    }
    for (int i = 0; i < ITEMS; i += 20) {
        snprintf(key, sizeof(key), "key-%d", i);
        CHECK(fake_has(engine, cookie, key, key));
    }
}
END_TEST

START_TEST(an_abandoned_scan_is_freed)
{
    struct scan w = { .cookie = fake_cookie_create(host) };

    fill(1000);
    scan_start(&w);
    ck_assert(scan_one(&w));
    fake_cookie_destroy(w.cookie);
    free(w.seen);
    w.cookie = &w; /* the host does not know it: the engine frees the scan at its end */
    scan_start(&w);
    ck_assert(scan_one(&w));
    free(w.seen);
    fake_flush(engine, cookie, 0);
}
END_TEST

/* An item exists at the moment when a scan shows it: replication sends it behind all
 * changes that it has sent already. */
START_TEST(a_scan_shows_nothing_that_was_removed_meanwhile)
{
    struct scan w = { .cookie = fake_cookie_create(host) };
    char key[32];

    fill(1000);
    scan_start(&w);
    ck_assert(scan_one(&w));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        fake_delete(engine, cookie, key, 0);
    }
    ck_assert(!scan_one(&w));
    fake_cookie_destroy(w.cookie);
    free(w.seen);
}
END_TEST

START_TEST(a_scan_carries_out_a_flush_that_is_due)
{
    unsigned char seen[10] = { 0 };

    fake_set(engine, cookie, "key-1", "v");
    fake_flush(engine, cookie, 5);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 1);
    fake_host_advance(host, 5);
    ck_assert_uint_eq(fake_scan(engine, cookie, note_key, seen), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        scan_meets_everything_once,
        a_scan_short_of_memory_is_no_end,
        scan_skips_expired_and_flushed,
        scans_miss_nothing_while_the_table_grows,
        the_table_shrinks_again,
        an_abandoned_scan_is_freed,
        a_scan_shows_nothing_that_was_removed_meanwhile,
        a_scan_carries_out_a_flush_that_is_due,
    };
    return rig_run("store_scans", setup, tests, N_ELEMENTS(tests));
}
