/* The store as a whole: flushes, CAS numbers, statistics, configuration. */
#include "store/mirror.h"
#include "test/unit/store_rig.h"

static void setup(void)
{
    rig_start("cache_size=8m");
}

START_TEST(flush_in_one_second)
{
    fake_set(engine, cookie, "before", "v");
    ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
    ck_assert(fake_has(engine, cookie, "before", NULL));
    fake_set(engine, cookie, "after", "v");
    ck_assert(fake_has(engine, cookie, "after", "v"));
    ck_assert_int_eq(rig_put(OPERATION_ADD, "before", "w", 0, NULL), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
    ck_assert(fake_has(engine, cookie, "before", NULL));
    ck_assert(fake_has(engine, cookie, "after", NULL));
}
END_TEST

START_TEST(flush_delayed)
{
    fake_set(engine, cookie, "a", "v");
    ck_assert_int_eq(fake_flush(engine, cookie, 10), ENGINE_SUCCESS);
    fake_host_advance(host, 9);
    fake_set(engine, cookie, "b", "v");
    ck_assert(fake_has(engine, cookie, "a", "v"));
    fake_host_advance(host, 1);
    ck_assert(fake_has(engine, cookie, "a", NULL));
    ck_assert(fake_has(engine, cookie, "b", NULL));
    fake_set(engine, cookie, "c", "v");
    ck_assert_int_eq(fake_flush(engine, cookie, 5), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_flush(engine, cookie, 50), ENGINE_SUCCESS);
    fake_host_advance(host, 10);
    ck_assert(fake_has(engine, cookie, "c", "v"));
    ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
    fake_set(engine, cookie, "d", "v");
    fake_host_advance(host, 100);
    ck_assert(fake_has(engine, cookie, "d", "v"));
}
END_TEST

START_TEST(flush_epochs_never_wrap)
{
    fake_set(engine, cookie, "old", "v");
    for (int i = 0; i < 3 * (int)(EPOCH_MASK + 1) + 1; i++) {
        ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
        ck_assert(fake_has(engine, cookie, "old", NULL));
        if (i % 1000 == 0)
            fake_set(engine, cookie, "new", "v");
    }
    fake_set(engine, cookie, "new", "v");
    ck_assert(fake_has(engine, cookie, "new", "v"));
}
END_TEST

START_TEST(cas_is_adopted)
{
    struct fake_value v;
    uint64_t cas, high = 1ull << 51;
    item *it;

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(engine->get(&engine->interface, cookie, &it, "k", 1, 0),
                     ENGINE_SUCCESS);
    engine->item_set_cas(&engine->interface, cookie, it, high + 3);
    engine->release(&engine->interface, cookie, it);
    ck_assert_int_eq(fake_get(engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.cas, high + 3);
    fake_value_fini(&v);
    ck_assert_int_eq(rig_put(OPERATION_SET, "other", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert_uint_gt(cas, high + 3);
    ck_assert_int_eq(rig_put(OPERATION_CAS, "k", "w", high + 3, &cas), ENGINE_SUCCESS);
}
END_TEST

/* Nothing could follow such a CAS. */
START_TEST(cas_at_the_end_is_not_adopted)
{
    static const uint64_t absurd[] = { UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 62 };
    struct fake_value v;
    uint64_t before, cas;
    item *it;

    for (size_t i = 0; i < N_ELEMENTS(absurd); i++) {
        ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &before), ENGINE_SUCCESS);
        ck_assert_int_eq(engine->get(&engine->interface, cookie, &it, "k", 1, 0),
                         ENGINE_SUCCESS);
        engine->item_set_cas(&engine->interface, cookie, it, absurd[i]);
        engine->release(&engine->interface, cookie, it);
        ck_assert_int_eq(fake_get(engine, cookie, "k", &v), ENGINE_SUCCESS);
        ck_assert_uint_gt(v.cas, before);
        fake_value_fini(&v);
        ck_assert_int_eq(rig_put(OPERATION_SET, "other", "v", 0, &cas), ENGINE_SUCCESS);
        ck_assert_uint_gt(cas, v.cas);
        ck_assert_uint_lt(cas, UINT64_C(1) << 53);
    }
}
END_TEST

/* The lowest CAS of this second. */
static uint64_t number_at(time_t t)
{
    return ((uint64_t)t - 1735689600) * 1000000 * 8;
}

START_TEST(cas_starts_at_the_clock)
{
    uint64_t cas, before = number_at(time(NULL));

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert_uint_ge(cas, before);
    ck_assert_uint_lt(cas, number_at(time(NULL) + 10));
    ck_assert_uint_lt(number_at(2840140800), UINT64_C(1) << 53); /* 2060-01-01 */
}
END_TEST

static uint64_t cas_of(const char *key)
{
    struct fake_value v;
    ck_assert_int_eq(fake_get(engine, cookie, key, &v), ENGINE_SUCCESS);
    uint64_t cas = v.cas;
    fake_value_fini(&v);
    return cas;
}

/* Stores an item with a CAS from the other node; returns the CAS that it gets. */
static uint64_t adopt(const char *key, uint64_t cas)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    item *it;
    ck_assert_int_eq(
        mirror_rows.allocate(handle, cookie, &it, key, strlen(key), 1, 0, 0, 0),
        ENGINE_SUCCESS);
    ck_assert_int_eq(mirror_rows.store(handle, cookie, it, cas, 0, OPERATION_SET),
                     ENGINE_SUCCESS);
    engine->release(handle, cookie, it);
    return cas_of(key);
}

START_TEST(both_sides_give_different_numbers_that_rise)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    uint64_t last = 0, cas;
    for (unsigned i = 0; i < 12; i++) {
        uint64_t fence = mirror_rows.fence(handle);
        if (i >= 4)
            mirror_rows.side(handle, i / 4 % 2);
        ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
        ck_assert_uint_gt(cas, last);
        ck_assert_uint_gt(cas, fence);
        ck_assert(i < 4 ? cas % 8 > 1 : cas % 8 == i / 4 % 2);
        ck_assert_uint_eq(adopt("l", cas + 5), cas + 5); /* the peer's */
        last = cas + 5;
    }
}
END_TEST

/* The last byte of a CAS differs between nodes: an adopted CAS may have a higher one. */
START_TEST(a_fence_is_above_all_that_is_there)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    struct fake_value v;
    item *it;

    fake_set(engine, cookie, "k", "v");
    uint64_t cas = (mirror_rows.fence(handle) | 0xff) + 0x100;
    ck_assert_int_eq(mirror_rows.allocate(handle, cookie, &it, "k", 1, 1, 0, 0, 0),
                     ENGINE_SUCCESS);
    ck_assert_int_eq(mirror_rows.store(handle, cookie, it, cas, 0, OPERATION_SET),
                     ENGINE_SUCCESS);
    engine->release(handle, cookie, it);
    uint64_t fence = mirror_rows.fence(handle);
    ck_assert_uint_ge(fence, cas);
    fake_set(engine, cookie, "k", "w");
    ck_assert_int_eq(fake_get(engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_uint_gt(v.cas, fence);
    fake_value_fini(&v);
}
END_TEST

static rel_time_t expiry_of(const char *key)
{
    struct fake_value v;
    ck_assert_int_eq(fake_get(engine, cookie, key, &v), ENGINE_SUCCESS);
    rel_time_t exptime = v.exptime;
    fake_value_fini(&v);
    return exptime;
}

static item_credit credit_of(const char *key)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    item *it;
    ck_assert_int_eq(mirror_rows.peek(handle, cookie, &it, key, strlen(key)),
                     ENGINE_SUCCESS);
    item_credit credit = mirror_rows.credit(handle, it, true);
    engine->release(handle, cookie, it);
    return credit;
}

static item_credit marks_of(const char *key)
{
    return credit_of(key) & CREDIT_MARKS;
}

START_TEST(the_mirror_repeats_a_touch)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    rel_time_t now = fake_host_time(host);
    struct fake_value v;
    uint64_t cas;

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert(mirror_rows.touch(handle, "k", 1, 100, CREDIT_MARKS));
    ck_assert(!mirror_rows.touch(handle, "l", 1, 50, 0));
    ck_assert_uint_eq(expiry_of("k"), now + 100);
    ck_assert_uint_eq(marks_of("k"), CREDIT_MARKS);
    ck_assert(mirror_rows.touch(handle, "k", 1, 0, 0));
    ck_assert_uint_eq(marks_of("k"), 0);
    ck_assert_uint_eq(expiry_of("k"), 0);
    ck_assert_int_eq(fake_get(engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.cas, cas);
    fake_value_fini(&v);
}
END_TEST

/* What it has earned at the other node is what it has earned here; but an item of another
 * queue cannot stay where it is. */
START_TEST(a_touch_brings_the_credit)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    const item_credit uses = CREDIT_USES | CREDIT_FETCHED;
    uint64_t cas;

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert(mirror_rows.touch(handle, "k", 1, 0, CREDIT_GIVEN | 2 | CREDIT_FETCHED));
    ck_assert_uint_eq(credit_of("k") & uses, 2 | CREDIT_FETCHED);
    ck_assert(mirror_rows.touch(handle, "k", 1, 0, CREDIT_MARKS));
    ck_assert_uint_eq(credit_of("k") & uses, 2 | CREDIT_FETCHED);
    ck_assert(mirror_rows.touch(handle, "k", 1, 0, CREDIT_GIVEN));
    ck_assert_uint_eq(credit_of("k") & uses, 0);
    ck_assert(!mirror_rows.touch(handle, "k", 1, 100, CREDIT_GIVEN | CREDIT_PROVEN));
    ck_assert_uint_eq(expiry_of("k"), 0);
}
END_TEST

/* A piece tells what it was joined to. */
static void join_tells_its_base(ENGINE_STORE_OPERATION operation)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)engine;
    item_info info = { .nvalue = 1 };
    uint64_t base, cas;
    item *it;

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &base), ENGINE_SUCCESS);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(engine->allocate(handle, cookie, &it, "k", 1, 2, 0, 0),
                         ENGINE_SUCCESS);
        ck_assert_int_eq(engine->store(handle, cookie, it, &cas, operation, 0),
                         ENGINE_SUCCESS);
        ck_assert(engine->get_item_info(handle, cookie, it, &info));
        ck_assert_uint_eq(info.cas, base);
        ck_assert_uint_eq(info.nbytes, 2);
        engine->release(handle, cookie, it);
        ck_assert_uint_gt(cas, base);
        base = cas;
    }
}

START_TEST(a_piece_tells_what_it_was_joined_to)
{
    join_tells_its_base(OPERATION_APPEND);
    join_tells_its_base(OPERATION_PREPEND);
}
END_TEST

START_TEST(an_expected_cas_moves_nothing)
{
    uint64_t first, second;

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &first), ENGINE_SUCCESS);
    ck_assert_int_eq(rig_put(OPERATION_CAS, "k", "v", UINT64_MAX - 5, &second),
                     ENGINE_KEY_EEXISTS);
    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &second), ENGINE_SUCCESS);
    ck_assert_uint_lt(second, UINT64_MAX / 2);
}
END_TEST

START_TEST(stats_groups)
{
    char text[64];

    fake_set(engine, cookie, "k", "v");
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "curr_items"), 1);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "total_items"), 1);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "bytes"), 40);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "engine_maxbytes"), 8 << 20);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, "items", "items:1:number"), 1);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, "slabs", "1:used_chunks"), 1);
    ck_assert(fake_stat(engine, cookie, "sizes", "64", text, sizeof(text)));
    ck_assert(!fake_stat(engine, cookie, "nonsense", "x", text, sizeof(text)));
    engine->reset_stats(&engine->interface, cookie);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "total_items"), 0);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "curr_items"), 1);
}
END_TEST

static void refused(const char *config)
{
    ENGINE_ERROR_CODE error = ENGINE_SUCCESS;

    ck_assert_ptr_null(fake_engine_create(host, store_create_instance, config, &error));
    ck_assert_int_eq(error, ENGINE_EINVAL);
}

START_TEST(configuration)
{
    refused("cache_size=1k");
    refused("cache_size=8m;item_size_max=5m");
    refused("item_size_max=10");
    refused("nonsense=1");
    refused("cache_size=many");
}
END_TEST

START_TEST(two_engines_in_one_process)
{
    struct fake_host *other = fake_host_create();
    ENGINE_HANDLE_V1 *second = fake_engine_create(
        other, store_create_instance,
        "cache_size=1m;use_cas=true;verbose=1;preallocate=false;factor="
        "1.5;chunk_size=64;ignore_vbucket=true;vb0=true;eviction=true",
        NULL);

    ck_assert_ptr_nonnull(second);
    fake_set(second, cookie, "k", "other");
    fake_set(engine, cookie, "k", "mine");
    ck_assert(fake_has(second, cookie, "k", "other"));
    ck_assert(fake_has(engine, cookie, "k", "mine"));
    fake_flush(second, cookie, 0);
    ck_assert(fake_has(engine, cookie, "k", "mine"));
    fake_engine_destroy(second);
    fake_host_destroy(other);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        flush_in_one_second,
        flush_delayed,
        flush_epochs_never_wrap,
        cas_is_adopted,
        cas_at_the_end_is_not_adopted,
        cas_starts_at_the_clock,
        both_sides_give_different_numbers_that_rise,
        a_fence_is_above_all_that_is_there,
        the_mirror_repeats_a_touch,
        a_touch_brings_the_credit,
        a_piece_tells_what_it_was_joined_to,
        an_expected_cas_moves_nothing,
        stats_groups,
        configuration,
        two_engines_in_one_process,
    };
    return rig_run("store_engine", setup, tests, N_ELEMENTS(tests));
}
