/* Scans that are narrowed down: all that is wanted, and little else, whatever happens. */
#include "base/hash.h"
#include "store/mirror.h"
#include "test/unit/store_rig.h"

#ifdef UNDER_SANITIZER
enum { ITEMS = 5000 };
#else
enum { ITEMS = 50000 };
#endif

static ENGINE_HANDLE *handle;
static struct engine_filter filter;
static unsigned char seen[ITEMS];
static unsigned shown, stretches; /* of the last scan */

static void setup(void)
{
    rig_start("cache_size=16m");
    handle = &engine->interface;
    mirror_rows.filter_by(handle, hash_key);
}

static uint64_t hash_of(int n)
{
    char key[32];
    return hash_key(key, (size_t)snprintf(key, sizeof(key), "key-%d", n));
}

static void set(const char *format, int n)
{
    char key[32];
    snprintf(key, sizeof(key), format, n);
    ck_assert_int_eq(fake_set(engine, cookie, key, key), ENGINE_SUCCESS);
}

static void fill(int n)
{
    for (int i = 0; i < n; i++)
        set("key-%d", i);
}

/* Every one of so many buckets. */
static void want_every(unsigned bits, unsigned step)
{
    filter = (struct engine_filter){ .bits = bits };
    for (size_t b = 0; b < (size_t)1 << bits; b += step)
        filter.words[b / 64] |= UINT64_C(1) << b % 64;
}

static bool is_wanted(unsigned bits, uint64_t hash)
{
    size_t b = hash >> (64 - bits);
    size_t run = (size_t)1 << (filter.bits - bits);
    for (size_t i = b * run; i < (b + 1) * run; i++) {
        if (filter.words[i / 64] >> i % 64 & 1)
            return true;
    }
    return false;
}

static void note_item(item *it)
{
    item_info info = { .nvalue = 1 };
    char text[32];
    CHECK(engine->get_item_info(handle, cookie, it, &info));
    snprintf(text, sizeof(text), "%.*s", (int)info.nkey, (const char *)info.key);
    if (strncmp(text, "key-", 4) == 0)
        seen[atoi(text + 4)]++;
    shown++;
    engine->release(handle, cookie, it);
}

/* One step of a scan; false at the end. */
static bool step(TAP_ITERATOR next)
{
    uint16_t nspecific, flags, vbucket;
    void *specific;
    uint32_t seqno;
    uint8_t ttl;
    item *it;
    tap_event_t event =
        next(handle, cookie, &it, &specific, &nspecific, &ttl, &flags, &seqno, &vbucket);
    if (event == TAP_MUTATION)
        note_item(it);
    stretches += event == TAP_NOOP;
    return event != TAP_DISCONNECT;
}

static TAP_ITERATOR begin(void)
{
    memset(seen, 0, sizeof(seen));
    shown = stretches = 0;
    TAP_ITERATOR next = mirror_rows.scan(handle, cookie, &filter);
    ck_assert_ptr_nonnull(next);
    return next;
}

static void scan(void)
{
    TAP_ITERATOR next = begin();
    while (step(next))
        ;
}

/* Of the first n keys those are seen whose bucket is wanted, when buckets are named by so
 * many bits: the filter's own, or those of the labels. */
static void judge(int n, unsigned bits)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(seen[i], is_wanted(bits, hash_of(i)));
}

START_TEST(nothing_else_is_shown)
{
    fill(ITEMS);
    ck_assert_uint_eq(mirror_rows.items(handle), ITEMS);
    for (unsigned bits = ENGINE_FILTER_BITS_MIN; bits <= ENGINE_FILTER_BITS_MAX; bits++) {
        want_every(bits, 7);
        scan();
        judge(ITEMS, bits);
    }
}
END_TEST

/* A cache of half a terabyte leaves no more to labels. */
START_TEST(short_labels_show_their_neighbours)
{
    enum { BITS = 9 };
    store_of(handle)->table.label_bits = BITS;
    fill(ITEMS);
    want_every(12, 100);
    scan();
    judge(ITEMS, BITS);
    want_every(BITS - 1, 7);
    scan();
    judge(ITEMS, BITS - 1);
}
END_TEST

/* By all of their hash, of which labels have little. */
static bool wants_odd(const void *mask, uint64_t hash)
{
    return (hash & *(const uint64_t *)mask) != 0;
}

START_TEST(of_what_remains_each_is_asked_for)
{
    const uint64_t lowest = 1;
    fill(ITEMS);
    want_every(12, 7);
    filter.wants = wants_odd;
    filter.context = &lowest;
    scan();
    for (int i = 0; i < ITEMS; i++)
        ck_assert_int_eq(seen[i], is_wanted(12, hash_of(i)) && (hash_of(i) & 1) != 0);
}
END_TEST

START_TEST(all_or_nothing)
{
    fill(ITEMS);
    want_every(16, 1);
    scan();
    ck_assert_uint_eq(shown, ITEMS);
    filter = (struct engine_filter){ .bits = 16 };
    scan();
    ck_assert_uint_eq(shown, 0);
}
END_TEST

/* The caller has other work: a few among many take many steps, not a long one. */
START_TEST(a_stretch_without_any_is_a_step)
{
    fill(ITEMS);
    want_every(16, 1 << 15);
    scan();
    uint64_t buckets = fake_stat_number(engine, cookie, "slabs", "hash_buckets");
    ck_assert_uint_ge(stretches + shown, buckets / 200);
    ck_assert_uint_le(shown, ITEMS / 1000);
}
END_TEST

/* Labels go with the items: when a bucket is divided, when a value is replaced, when an
 * item is moved to another segment, because what lay beside it has gone. */
START_TEST(nothing_is_missed_while_all_moves)
{
    int there = ITEMS / 10, added = 0;
    char large[8000];
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    fill(there);
    want_every(10, 3);
    TAP_ITERATOR next = begin();
    for (; added < ITEMS; added++) {
        set("more-%d", added);
        set("key-%d", added % there);
        ck_assert_int_eq(fake_set(engine, cookie, "large", large), ENGINE_SUCCESS);
        if (added % 100 == 0)
            ck_assert(step(next));
    }
    /* How many it takes until segments are compacted depends on the background thread. */
    for (; rig_stat("items_moved") == 0 && added < 20 * ITEMS; added++) {
        set("key-%d", added % there);
        ck_assert_int_eq(fake_set(engine, cookie, "large", large), ENGINE_SUCCESS);
    }
    while (step(next))
        ;
    ck_assert_uint_gt(rig_stat("items_moved"), 0);
    for (int i = 0; i < there; i++)
        ck_assert(seen[i] > 0 || !is_wanted(10, hash_of(i)));
    scan();
    judge(there, 10);
}
END_TEST

/* ---- beside another thread */

static const void *helper;

static void *add_many(void *arg)
{
    char key[32];
    (void)arg;
    for (int i = 0; i < 2 * ITEMS; i++) {
        snprintf(key, sizeof(key), "more-%d", i);
        CHECK(fake_set(engine, helper, key, key) == ENGINE_SUCCESS);
    }
    return NULL;
}

/* Buckets are passed over without a lock while another thread divides them. */
START_TEST(nothing_is_missed_beside_other_threads)
{
    int there = ITEMS / 10;
    pthread_t thread;
    fill(there);
    want_every(8, 3);
    helper = fake_cookie_create(host);
    AZ(pthread_create(&thread, NULL, add_many, NULL));
    while (mirror_rows.items(handle) < 2 * ITEMS) {
        scan();
        for (int i = 0; i < there; i++)
            ck_assert_int_eq(seen[i] > 0, is_wanted(8, hash_of(i)));
    }
    AZ(pthread_join(thread, NULL));
    fake_cookie_destroy(helper);
}
END_TEST

/* Without the hash, or with one that came when there were items, a label says nothing. */
START_TEST(without_the_hash_all_is_shown)
{
    rig_restart("cache_size=16m");
    handle = &engine->interface;
    filter = (struct engine_filter){ .bits = 16 };
    fill(100);
    scan();
    ck_assert_uint_eq(shown, 100);
    mirror_rows.filter_by(handle, hash_key);
    scan();
    ck_assert_uint_eq(shown, 100);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        nothing_else_is_shown,
        short_labels_show_their_neighbours,
        of_what_remains_each_is_asked_for,
        all_or_nothing,
        a_stretch_without_any_is_a_step,
        nothing_is_missed_while_all_moves,
        nothing_is_missed_beside_other_threads,
        without_the_hash_all_is_shown,
    };
    return rig_run("store_filter", setup, tests, N_ELEMENTS(tests));
}
