/*
 * The journal: rings of chunks from one pool, read, acknowledged and spilled. Long
 * because all tests share one ring, and the helpers that fill it and check its content.
 */
#include "repl/journal.h"

#include <sched.h>
#include <string.h>

#include "config.h"
#include "test/unit/quick.h"
#include "test/unit/unit.h"

enum { SMALL = 4096 }; /* bytes: four chunks of a kilobyte */

static struct journal j;
static struct ring r;
static unsigned seen; /* entries that an acknowledgement or a spill has shown */

static void setup(void)
{
    ck_assert(journal_init(&j, SMALL));
    ring_init(&r);
    seen = 0;
}

static void teardown(void)
{
    journal_fini(&j);
}

/* Keys of varying length that contain their number. */
static size_t key_of(unsigned i, char key[256])
{
    int n = snprintf(key, 256, "%u:", i);
    size_t nkey = (size_t)n + i * 7 % 60;
    memset(key + n, 'a' + (int)(i % 26), nkey - (size_t)n);
    return nkey;
}

/* One in three has a delta. */
static bool append(struct ring *ring, unsigned i)
{
    const struct delta delta = { .base = i, .cas = i + 1, .npiece = i, .before = i % 2 };
    char key[256];
    size_t nkey = key_of(i, key);
    bool has_delta = i % 3 == 0;
    return journal_append(&j, ring, has_delta ? JOURNAL_DELTA : JOURNAL_CHANGE, i, key,
                          nkey, i, has_delta ? &delta : NULL);
}

static bool is_delta(struct journal_entry *e, unsigned i)
{
    const struct delta *d = journal_delta(e);
    return e->kind == JOURNAL_DELTA && d->base == i && d->cas == i + 1 &&
           d->npiece == i && d->before == i % 2;
}

static bool is_entry(const struct journal_entry *e, unsigned i)
{
    char key[256];
    size_t nkey = key_of(i, key);
    return e->hash == i && e->stamp == i && e->nkey == nkey &&
           memcmp(e->key, key, nkey) == 0 &&
           (i % 3 == 0 ? is_delta((struct journal_entry *)(uintptr_t)e, i)
                       : e->kind == JOURNAL_CHANGE && !e->has_delta);
}

static void count_seen(void *context, const struct journal_entry *e)
{
    struct ring *ring = context;
    (void)ring, (void)e;
    seen++;
}

/* The next entry shown must have the number `seen`. */
static void in_order(void *context, const struct journal_entry *e)
{
    (void)context;
    ck_assert(is_entry(e, seen));
    seen++;
}

static bool count_spilled(void *context, struct journal_entry *e)
{
    count_seen(context, e);
    return false;
}

static bool spill_in_order(void *context, struct journal_entry *e)
{
    in_order(context, e);
    return false;
}

static unsigned chunks_out(void)
{
    size_t out = j.fresh / j.chunk_size;
    for (const char *c = (const char *)j.free; c != NULL;
         c = *(const char *const *)(const void *)c)
        out--;
    return (unsigned)out;
}

START_TEST(test_empty_ring)
{
    ck_assert_ptr_null(ring_read(&r));
    ck_assert(!ring_has_unread(&r));
    ck_assert_uint_eq(ring_pending(&r), 0);
    ring_acknowledge(&j, &r, 7, count_seen, &r);
    ring_spill(&j, &r, count_spilled, &r);
    ck_assert_uint_eq(seen, 0);
    ck_assert_uint_eq(chunks_out(), 0);
}
END_TEST

START_TEST(test_entries_come_in_order)
{
    for (unsigned i = 0; i < 30; i++)
        ck_assert(append(&r, i));
    ck_assert(ring_has_unread(&r));
    ck_assert_uint_eq(ring_pending(&r), 30);
    for (unsigned i = 0; i < 30; i++) {
        struct journal_entry *e = ring_read(&r);
        ck_assert_ptr_nonnull(e);
        ck_assert(is_entry(e, i));
        e->batch = 1;
    }
    ck_assert_ptr_null(ring_read(&r));
    ck_assert(!ring_has_unread(&r));
    ck_assert_uint_eq(ring_pending(&r), 30);
    ring_acknowledge(&j, &r, 1, in_order, NULL);
    ck_assert_uint_eq(seen, 30);
    ck_assert_uint_eq(ring_pending(&r), 0);
}
END_TEST

/* Only entries shipped in acknowledged batches are freed, from the head on. */
START_TEST(test_acknowledge_by_batches)
{
    for (unsigned i = 0; i < 12; i++) {
        ck_assert(append(&r, i));
        if (i < 9)
            ring_read(&r)->batch = 1 + i / 3;
    }
    ring_acknowledge(&j, &r, 0, in_order, NULL);
    ck_assert_uint_eq(seen, 0);
    ring_acknowledge(&j, &r, 2, in_order, NULL);
    ck_assert_uint_eq(seen, 6);
    ck_assert_uint_eq(ring_pending(&r), 6);
    ring_acknowledge(&j, &r, 100, in_order, NULL);
    ck_assert_uint_eq(seen, 9); /* the rest was never read */
    ck_assert(is_entry(ring_read(&r), 9));
}
END_TEST

START_TEST(test_batches_wrap_around)
{
    uint32_t batch = UINT32_MAX - 2;
    for (unsigned i = 0; i < 6; i++) {
        ck_assert(append(&r, i));
        ring_read(&r)->batch = batch + i;
    }
    ring_acknowledge(&j, &r, batch - 1, in_order, NULL);
    ck_assert_uint_eq(seen, 0);
    ring_acknowledge(&j, &r, UINT32_MAX, in_order, NULL);
    ck_assert_uint_eq(seen, 3);
    ring_acknowledge(&j, &r, 1, in_order, NULL);
    ck_assert_uint_eq(seen, 5);
    ring_acknowledge(&j, &r, 2, in_order, NULL);
    ck_assert_uint_eq(seen, 6);
}
END_TEST

START_TEST(test_many_rounds_through_few_chunks)
{
    unsigned next = 0, read = 0;
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < round % 11; i++)
            ck_assert(append(&r, next++));
        while (ring_has_unread(&r)) {
            struct journal_entry *e = ring_read(&r);
            ck_assert(is_entry(e, read++));
            e->batch = round;
        }
        if (round % 3 == 0)
            ring_acknowledge(&j, &r, round, in_order, NULL);
    }
    ring_acknowledge(&j, &r, 2000, in_order, NULL);
    ck_assert_uint_eq(seen, next);
    ck_assert_uint_le(chunks_out(), 1);
}
END_TEST

static unsigned append_until_full(struct ring *ring, unsigned from)
{
    unsigned n = 0;
    while (append(ring, from + n))
        n++;
    return n;
}

START_TEST(test_full_journal)
{
    unsigned n = append_until_full(&r, 0);
    ck_assert_uint_gt(n, 20);
    ck_assert_uint_eq(chunks_out(), 4);
    ck_assert_uint_eq(ring_pending(&r), n);
    for (unsigned i = 0; i < n; i++) {
        struct journal_entry *e = ring_read(&r);
        ck_assert(is_entry(e, i));
        e->batch = i;
    }
    ring_acknowledge(&j, &r, n / 2, in_order, NULL);
    ck_assert(append(&r, n)); /* a chunk is free again */
    ck_assert(is_entry(ring_read(&r), n));
}
END_TEST

/* If everything is acknowledged, a ring continues although others use up the pool. */
START_TEST(test_no_ring_starves_on_its_last_chunk)
{
    struct ring rings[4];
    for (unsigned i = 0; i < 4; i++) {
        ring_init(&rings[i]);
        ck_assert(append(&rings[i], 0));
    }
    ck_assert_uint_eq(chunks_out(), 4);
    for (unsigned i = 1; i < 500; i++) {
        ck_assert_msg(append(&rings[2], i), "full at entry %u", i);
        for (struct journal_entry *e; (e = ring_read(&rings[2])) != NULL;) {
            ck_assert(is_entry(e, i == 1 && e->hash == 0 ? 0 : i));
            e->batch = i;
        }
        ring_acknowledge(&j, &rings[2], i, in_order, NULL);
    }
    ck_assert_uint_eq(seen, 500);
    for (unsigned i = 0; i < 4; i++)
        ring_spill(&j, &rings[i], count_spilled, NULL);
    ck_assert_uint_eq(chunks_out(), 0);
}
END_TEST

/* But not while a single entry remains. */
START_TEST(test_full_means_full)
{
    struct ring other;
    ring_init(&other);
    append_until_full(&other, 0);
    ck_assert(!append(&r, 0));
    ring_spill(&j, &other, count_spilled, NULL);
    seen = 0;
    unsigned n = append_until_full(&r, 0);
    for (unsigned i = 0; i < n; i++)
        ring_read(&r)->batch = i < n - 1 ? 1 : 2;
    struct ring third;
    ring_init(&third);
    ring_acknowledge(&j, &r, 1, in_order, NULL);
    append_until_full(&third, 0);
    ck_assert(!append(&r, n));
    ring_acknowledge(&j, &r, 2, in_order, NULL);
    ck_assert_uint_eq(seen, n);
    ck_assert(append(&r, n));
    ck_assert(is_entry(ring_read(&r), n));
}
END_TEST

START_TEST(test_spill_gives_all_back)
{
    unsigned n = append_until_full(&r, 0);
    for (unsigned i = 0; i < n / 2; i++)
        ring_read(&r)->batch = 1;
    ring_acknowledge(&j, &r, 0, in_order, NULL);
    ring_spill(&j, &r, spill_in_order, NULL);
    ck_assert_uint_eq(seen, n);
    ck_assert_uint_eq(chunks_out(), 0);
    ck_assert_uint_eq(ring_pending(&r), 0);
    ck_assert_ptr_null(ring_read(&r));
    seen = 0;
    for (unsigned i = 0; i < 50; i++)
        ck_assert(append(&r, i));
    ring_spill(&j, &r, spill_in_order, NULL);
    ck_assert_uint_eq(seen, 50);
    ck_assert_uint_eq(chunks_out(), 0);
}
END_TEST

static bool keep_every_third(void *context, struct journal_entry *e)
{
    in_order(context, e);
    return e->hash % 3 == 0;
}

static void next_is(unsigned i)
{
    struct journal_entry *e = ring_read(&r);
    ck_assert_ptr_nonnull(e);
    ck_assert(is_entry(e, i));
    e->batch = 1;
}

/* They stay in order and are unread again; new entries are appended behind them. */
START_TEST(test_spill_keeps_some)
{
    unsigned n = append_until_full(&r, 0), kept = (n + 2) / 3;
    for (unsigned i = 0; i < n / 2; i++)
        ring_read(&r)->batch = 1;
    ring_spill(&j, &r, keep_every_third, NULL);
    ck_assert_uint_eq(seen, n);
    ck_assert_uint_eq(ring_pending(&r), kept);
    unsigned more = append_until_full(&r, n);
    ck_assert_uint_gt(more, n / 2);
    for (unsigned i = 0; i < n; i += 3)
        next_is(i);
    for (unsigned i = n; i < n + more; i++)
        next_is(i);
    ck_assert_ptr_null(ring_read(&r));
    ring_acknowledge(&j, &r, 1, count_seen, &r);
    ck_assert_uint_eq(ring_pending(&r), 0);
    ring_spill(&j, &r, count_spilled, NULL);
    ck_assert_uint_eq(chunks_out(), 0);
}
END_TEST

/* This also works repeatedly, and in a ring that has restarted its only chunk. */
START_TEST(test_spill_keeps_some_again)
{
    struct ring rings[3];
    unsigned first = 0;
    for (unsigned i = 0; i < 3; i++) {
        ring_init(&rings[i]);
        ck_assert(append(&rings[i], 0));
    }
    for (; first < 200 || first % 3 != 0 || r.used > 300; first++) {
        ck_assert(append(&r, first));
        next_is(first);
        ring_acknowledge(&j, &r, 1, count_seen, &r);
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert(append(&r, first + i));
    for (unsigned i = 0; i < 3; i++) {
        seen = first;
        ring_spill(&j, &r, keep_every_third, NULL);
        ck_assert_uint_eq(ring_pending(&r), 1);
        next_is(first);
    }
}
END_TEST

START_TEST(test_rings_share_the_pool)
{
    struct ring rings[3];
    unsigned written[3] = { 0 }, total = 0;
    for (unsigned i = 0; i < 3; i++)
        ring_init(&rings[i]);
    for (unsigned i = 0; append(&rings[i % 3], written[i % 3]); i++) {
        written[i % 3]++;
        total++;
    }
    ck_assert_uint_eq(chunks_out(), 4);
    for (unsigned i = 0; i < 3; i++) {
        seen = 0;
        ring_spill(&j, &rings[i], spill_in_order, NULL);
        ck_assert_uint_eq(seen, written[i]);
    }
    ck_assert_uint_gt(total, 30);
    ck_assert_uint_eq(chunks_out(), 0);
}
END_TEST

START_TEST(test_longest_key_fits_smallest_chunk)
{
    char key[250];
    const struct delta delta = { .base = 1, .cas = 2 };
    memset(key, 'k', sizeof(key));
    ck_assert_uint_eq(j.chunk_size, 1024);
    for (unsigned i = 0; i < 8; i++)
        ck_assert(journal_append(&j, &r, JOURNAL_DELTA, i, key, sizeof(key), 0, &delta));
    for (unsigned i = 0; i < 8; i++) {
        struct journal_entry *e = ring_read(&r);
        ck_assert_uint_eq(e->hash, i);
        ck_assert(memcmp(e->key, key, sizeof(key)) == 0);
    }
}
END_TEST

/* ---- a worker and the replication thread */

#ifdef UNDER_SANITIZER
enum { ENTRIES = 40000 };
#else
enum { ENTRIES = 300000 };
#endif
enum { ENTRIES_QUICK = 40000 };

static void *produce(void *arg)
{
    const unsigned *entries = arg;
    for (unsigned i = 0; i < *entries;) {
        if (append(&r, i))
            i++;
        else
            sched_yield();
    }
    return NULL;
}

/* The consumer acknowledges all but the newest `lag` entries, unless no more arrive. */
static void produce_and_consume(size_t bytes, unsigned lag)
{
    pthread_t worker;
    unsigned read = 0, entries = (unsigned)quick(ENTRIES, ENTRIES_QUICK);
    journal_fini(&j);
    ck_assert(journal_init(&j, bytes));
    AZ(pthread_create(&worker, NULL, produce, &entries));
    while (read < entries) {
        struct journal_entry *e = ring_read(&r);
        if (e == NULL) {
            ring_acknowledge(&j, &r, read, in_order, NULL);
            sched_yield();
            continue;
        }
        ck_assert(is_entry(e, read));
        e->batch = ++read;
        if (read % 16 == 0)
            ring_acknowledge(&j, &r, read - lag, in_order, NULL);
    }
    AZ(pthread_join(worker, NULL));
    ring_acknowledge(&j, &r, read, in_order, NULL);
    ck_assert_uint_eq(seen, entries);
    ck_assert_uint_eq(ring_pending(&r), 0);
    ring_spill(&j, &r, spill_in_order, NULL);
    ck_assert_uint_eq(chunks_out(), 0);
}

START_TEST(test_two_threads)
{
    produce_and_consume(1 << 20, 0);
}
END_TEST

START_TEST(test_two_threads_with_one_chunk)
{
    produce_and_consume(1 << 10, 0);
}
END_TEST

START_TEST(test_two_threads_with_few_chunks)
{
    produce_and_consume(SMALL, 5);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_empty_ring,
        test_entries_come_in_order,
        test_acknowledge_by_batches,
        test_batches_wrap_around,
        test_many_rounds_through_few_chunks,
        test_full_journal,
        test_no_ring_starves_on_its_last_chunk,
        test_full_means_full,
        test_spill_gives_all_back,
        test_spill_keeps_some,
        test_spill_keeps_some_again,
        test_rings_share_the_pool,
        test_longest_key_fits_smallest_chunk,
        test_two_threads,
        test_two_threads_with_one_chunk,
        test_two_threads_with_few_chunks,
    };
    return unit_run_with("journal", setup, teardown, tests, N_ELEMENTS(tests));
}
