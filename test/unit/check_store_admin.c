/* The extension for operators: scans that end early, and another memory limit. */
#include <memcached/engine_admin.h>
#include <unistd.h>

#include "base/feature.h"
#include "test/unit/store_rig.h"

static const struct engine_admin *admin;
static char value[1001];

static void setup(void)
{
    rig_start("cache_size=32m");
    admin = (const void *)feature_find(engine->get_info(&engine->interface),
                                       ENGINE_FEATURE_ADMIN, ENGINE_ADMIN_NAME);
    ck_assert_ptr_nonnull(admin);
    memset(value, 'v', sizeof(value) - 1);
}

static void fill(int from, int to)
{
    char key[32];
    for (int i = from; i < to; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        ck_assert_int_eq(fake_set(engine, cookie, key, value), ENGINE_SUCCESS);
    }
}

/* How many items a scan shows, up to `most`. */
static int scan(const void *for_cookie, int most, struct admin_facts *facts)
{
    ENGINE_HANDLE *h = &engine->interface;
    int n = 0;
    while (n < most) {
        item *it;
        tap_event_t event = admin->scan_next(h, for_cookie, &it, facts);
        if (event == TAP_DISCONNECT)
            break;
        if (event != TAP_MUTATION)
            continue;
        engine->release(h, for_cookie, it);
        n++;
    }
    return n;
}

START_TEST(a_scan_can_be_ended_and_begun_again)
{
    ENGINE_HANDLE *h = &engine->interface;
    const void *other = fake_cookie_create(host);
    struct admin_facts facts;
    fill(0, 1000);
    ck_assert_int_eq(scan(cookie, 10, &facts), 0); /* none was begun */
    ck_assert(admin->scan_begin(h, cookie));
    ck_assert_int_eq(scan(cookie, 10, &facts), 10);
    ck_assert(admin->scan_begin(h, other)); /* at the same time */
    admin->scan_end(h, cookie);
    ck_assert_int_eq(scan(cookie, 10, &facts), 0);
    ck_assert_int_eq(scan(other, INT32_MAX, &facts), 1000);
    admin->scan_end(h, other);
    ck_assert(admin->scan_begin(h, cookie));
    ck_assert_int_eq(scan(cookie, INT32_MAX, &facts), 1000);
    ck_assert(admin->scan_begin(h, cookie));
    ck_assert_int_eq(scan(cookie, 3, &facts), 3);
    fake_cookie_destroy(other); /* and the fixture's disconnect ends the last one */
}
END_TEST

START_TEST(facts_tell_of_reads_and_sizes)
{
    ENGINE_HANDLE *h = &engine->interface;
    struct admin_facts facts;
    item *it;
    ck_assert_int_eq(fake_set(engine, cookie, "k", value), ENGINE_SUCCESS);
    ck_assert(admin->scan_begin(h, cookie));
    ck_assert_int_eq(scan(cookie, 1, &facts), 1);
    ck_assert(!facts.read && facts.knows_idle && facts.idle == 0);
    fake_host_advance(host, 7);
    ck_assert_uint_eq(facts.size, item_size_of(1, 1000));
    ck_assert_int_eq(engine->get(h, cookie, &it, "k", 1, 0), ENGINE_SUCCESS);
    engine->release(h, cookie, it);
    ck_assert(admin->scan_begin(h, cookie));
    ck_assert_int_eq(scan(cookie, 1, &facts), 1);
    ck_assert(facts.read);
}
END_TEST

static void wait_for_use(uint64_t most)
{
    for (int i = 0; rig_stat("engine_used_bytes") > most; i++) {
        ck_assert_int_lt(i, 20000);
        usleep(1000);
    }
}

START_TEST(a_lower_limit_is_reached_while_clients_store)
{
    char why[200];
    ENGINE_HANDLE *h = &engine->interface;
    fill(0, 40000); /* more than fits */
    ck_assert_uint_gt(rig_stat("engine_used_bytes"), 28 << 20);
    ck_assert(admin->set_limit(h, 8 << 20, why, sizeof(why)));
    for (int i = 0; rig_stat("engine_used_bytes") > 8 << 20; i++) {
        uint64_t before = rig_stat("evictions");
        fill(i, i + 1);
        /* A step and what the background thread does meanwhile, not all at once. */
        ck_assert_uint_lt(rig_stat("evictions") - before, 20000);
        ck_assert_int_lt(i, 10000000);
    }
    fill(0, 40000);
    wait_for_use(8 << 20);
    ck_assert_uint_eq(rig_stat("engine_maxbytes"), 8 << 20);
    ck_assert_uint_gt(rig_stat("curr_items"), 5000);
    ck_assert(admin->set_limit(h, 24 << 20, why, sizeof(why)));
    for (int i = 0; rig_stat("engine_maxbytes") != 24 << 20; i++) {
        ck_assert_int_lt(i, 20000);
        usleep(1000);
    }
    fill(0, 40000);
    ck_assert_uint_gt(rig_stat("engine_used_bytes"), 20 << 20);
}
END_TEST

START_TEST(limits_that_cannot_be_are_refused)
{
    char why[200] = "";
    ENGINE_HANDLE *h = &engine->interface;
    ck_assert(!admin->set_limit(h, UINT64_C(1) << 50, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "the limit must be from 2m to "));
    ck_assert(!admin->set_limit(h, 1 << 20, why, sizeof(why)));
    ck_assert(admin->set_limit(h, 64 << 20, why, sizeof(why)));
    ck_assert(admin->set_limit(h, 2 << 20, why, sizeof(why)));
}
END_TEST

START_TEST(a_glance_is_no_read)
{
    ENGINE_HANDLE *h = &engine->interface;
    struct admin_glimpse seen;
    ck_assert(!admin->glance(h, "k", 1, &seen));
    ck_assert_int_eq(fake_set(engine, cookie, "k", value), ENGINE_SUCCESS);
    fake_host_advance(host, 5);
    for (int i = 0; i < 2; i++) {
        ck_assert(admin->glance(h, "k", 1, &seen));
        ck_assert_uint_eq(seen.nbytes, 1000);
        ck_assert_uint_eq(seen.clsid, 1);
        ck_assert_uint_eq(seen.exptime, 0);
        ck_assert(!seen.facts.read && seen.facts.idle == 5);
    }
}
END_TEST

/* ---- evictions */

static _Atomic uint64_t told;

static void hear(void *context, const void *key, size_t nkey,
                 const struct admin_glimpse *was)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert_uint_gt(nkey, 4);
    ck_assert_mem_eq(key, "key-", 4);
    ck_assert_uint_eq(was->nbytes, 1000);
    ck_assert(!was->facts.read && was->facts.knows_idle);
    atomic_fetch_add(&told, 1);
}

START_TEST(each_eviction_is_told_while_somebody_listens)
{
    ENGINE_HANDLE *h = &engine->interface;
    told = 0;
    admin->watch(h, hear, &told);
    fill(0, 60000);
    for (int i = 0; told != rig_stat("evictions"); i++) {
        ck_assert_int_lt(i, 20000);
        usleep(1000);
    }
    ck_assert_uint_gt(told, 0);
    admin->watch(h, NULL, NULL);
    uint64_t before = told;
    fill(0, 60000);
    ck_assert_uint_lt(told - before, 2000); /* a segment that was being evicted */
}
END_TEST

/* How long an item is kept although nobody uses it: the figure that sizes a cache. */
START_TEST(the_idle_time_of_what_was_evicted_is_shown)
{
    int n = 0;
    ck_assert_int_eq(fake_set(engine, cookie, "k", value), ENGINE_SUCCESS);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, "items", "items:1:evicted_time"),
                      0);
    while (rig_stat("engine_used_bytes") < 24 << 20)
        fill(n, n + 100), n += 100;
    ck_assert_uint_eq(rig_stat("evictions"), 0);
    fake_host_advance(host, 50);
    while (rig_stat("evictions") == 0)
        fill(n, n + 1), n++;
    for (int i = 0;
         fake_stat_number(engine, cookie, "items", "items:1:evicted_time") != 50; i++) {
        ck_assert_int_lt(i, 20000);
        usleep(1000);
    }
    ck_assert_uint_eq(
        fake_stat_number(engine, cookie, "items", "items:1:evicted_nonzero"), 0);
}
END_TEST

static int scrub(void)
{
    protocol_binary_request_header packet = { .request.magic = PROTOCOL_BINARY_REQ,
                                              .request.opcode =
                                                  PROTOCOL_BINARY_CMD_SCRUB };
    ENGINE_ERROR_CODE rc;
    int status = fake_packet(engine, cookie, &packet, &rc);
    ck_assert_int_eq(rc, ENGINE_SUCCESS);
    return status;
}

static bool scrubber_is(const char *wanted)
{
    char text[16];
    ck_assert(fake_stat(engine, cookie, "scrub", "scrubber:status", text, sizeof(text)));
    return strcmp(text, wanted) == 0;
}

START_TEST(a_scrub_is_a_round_for_expired_items)
{
    struct store *s = store_of((ENGINE_HANDLE *)engine);
    background_stop(&s->background);
    ck_assert(scrubber_is("stopped"));
    fake_set(engine, cookie, "stays", "v");
    ck_assert_int_eq(fake_touch(engine, cookie, "stays", 100), ENGINE_SUCCESS);
    fake_set(engine, cookie, "goes", "v");
    ck_assert_int_eq(fake_touch(engine, cookie, "goes", 1), ENGINE_SUCCESS);
    fake_host_advance(host, 2);
    ck_assert_int_eq(scrub(), PROTOCOL_BINARY_RESPONSE_SUCCESS);
    ck_assert_int_eq(scrub(), PROTOCOL_BINARY_RESPONSE_EBUSY);
    ck_assert(scrubber_is("running"));
    store_expire(s, 1000000);
    ck_assert(scrubber_is("stopped"));
    ck_assert_uint_eq(fake_stat_number(engine, cookie, "scrub", "scrubber:visited"), 2);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, "scrub", "scrubber:cleaned"), 1);
    fake_host_advance(host, 2);
    store_expire(s, 1000000);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, "scrub", "scrubber:visited"), 2);
    ck_assert_int_eq(scrub(), PROTOCOL_BINARY_RESPONSE_SUCCESS);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        a_scan_can_be_ended_and_begun_again,
        facts_tell_of_reads_and_sizes,
        a_lower_limit_is_reached_while_clients_store,
        limits_that_cannot_be_are_refused,
        a_scrub_is_a_round_for_expired_items,
        a_glance_is_no_read,
        each_eviction_is_told_while_somebody_listens,
        the_idle_time_of_what_was_evicted_is_shown,
    };
    return rig_run("store_admin", setup, tests, N_ELEMENTS(tests));
}
