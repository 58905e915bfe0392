/* What the store keeps for meta commands. */
#include "store/meta.h"
#include "store/seen.h"
#include "test/unit/store_rig.h"

static ENGINE_HANDLE *handle(void)
{
    return (ENGINE_HANDLE *)engine;
}

static void start(void)
{
    rig_start("");
}

/* The CAS of the item; 0: there is none. */
static uint64_t ask(const char *key, struct meta_get *g)
{
    item_info info = { .nvalue = 1 };
    item *it;
    ENGINE_ERROR_CODE rc = meta_rows.get(handle(), cookie, &it, key, strlen(key), g);
    if (rc != ENGINE_SUCCESS)
        return 0;
    ck_assert(engine->get_item_info(handle(), cookie, it, &info));
    engine->release(handle(), cookie, it);
    return info.cas;
}

static struct meta_get look(const char *key)
{
    struct meta_get g = { .unread = true, .yields = true };
    ck_assert_uint_ne(ask(key, &g), 0);
    return g;
}

static struct meta_get read_key(const char *key)
{
    struct meta_get g = { .unread = false };
    ck_assert_uint_ne(ask(key, &g), 0);
    return g;
}

static uint64_t set(const char *key, const char *value)
{
    uint64_t cas;
    ck_assert_int_eq(rig_put(OPERATION_SET, key, value, 0, &cas), ENGINE_SUCCESS);
    return cas;
}

static ENGINE_ERROR_CODE put_overdue(const char *key, const char *value,
                                     uint64_t expected)
{
    const struct meta_store how = { .operation = OPERATION_CAS, .overdue = true };
    item_info info = { .nvalue = 1 };
    item *it;
    uint64_t cas;
    ck_assert_int_eq(
        engine->allocate(handle(), cookie, &it, key, strlen(key), strlen(value), 0, 0),
        ENGINE_SUCCESS);
    ck_assert(engine->get_item_info(handle(), cookie, it, &info));
    memcpy(info.value[0].iov_base, value, strlen(value));
    engine->item_set_cas(handle(), cookie, it, expected);
    ENGINE_ERROR_CODE rc = meta_rows.store(handle(), cookie, it, &cas, &how);
    engine->release(handle(), cookie, it);
    return rc;
}

static uint64_t invalidate(const char *key, rel_time_t exptime)
{
    struct meta_invalidate i = {
        .key = key, .nkey = strlen(key), .touches = exptime != 0, .exptime = exptime
    };
    ck_assert_int_eq(meta_rows.invalidate(handle(), cookie, &i), ENGINE_SUCCESS);
    return i.cas;
}

START_TEST(reads_are_known_and_their_times)
{
    set("k", "v");
    fake_host_advance(host, 5);
    ck_assert(!look("k").was.read);
    ck_assert_uint_eq(look("k").was.idle, 5);
    ck_assert(!read_key("k").was.read);
    ck_assert(look("k").was.read);
    ck_assert_uint_eq(look("k").was.idle, 0);
    set("k", "w");
    ck_assert(!look("k").was.read);
}
END_TEST

START_TEST(counting_is_no_read)
{
    struct meta_arithmetic a = {
        .key = "n", .nkey = 1, .increment = true, .create = true, .delta = 1
    };
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(meta_rows.arithmetic(handle(), cookie, &a), ENGINE_SUCCESS);
    ck_assert_uint_eq(a.number, 19);
    ck_assert(!look("n").was.read);
}
END_TEST

START_TEST(arithmetic_touches)
{
    rel_time_t now = fake_host_time(host);
    struct meta_arithmetic a = { .key = "n",
                                 .nkey = 1,
                                 .increment = true,
                                 .create = true,
                                 .touches = true,
                                 .initial = 9,
                                 .delta = 1,
                                 .vivify_exptime = now + 30,
                                 .exptime = now + 60 };
    ck_assert_int_eq(meta_rows.arithmetic(handle(), cookie, &a), ENGINE_SUCCESS);
    ck_assert(a.created);
    ck_assert_uint_eq(look("n").was.exptime, now + 30);
    /* in place, and then in a longer item */
    for (uint64_t i = 0; i < 2; i++) {
        a.delta = i == 0 ? 1 : UINT64_C(1000000000000);
        a.exptime = now + 60 + (rel_time_t)i;
        ck_assert_int_eq(meta_rows.arithmetic(handle(), cookie, &a), ENGINE_SUCCESS);
        ck_assert(!a.created);
        ck_assert_uint_eq(look("n").was.exptime, a.exptime);
    }
    a.expected = a.cas + 1;
    ck_assert_int_eq(meta_rows.arithmetic(handle(), cookie, &a), ENGINE_KEY_EEXISTS);
}
END_TEST

START_TEST(one_client_wins_what_it_adds)
{
    rel_time_t until = fake_host_time(host) + 30;
    struct meta_get first = { .vivifies = true, .vivify_exptime = until }, next = first;
    struct meta_get none = { .vivifies = false };
    ck_assert_uint_eq(ask("k", &none), 0);
    ck_assert_uint_ne(ask("k", &first), 0);
    ck_assert(first.created && first.wins && first.was.marks == 0);
    ck_assert_uint_ne(ask("k", &next), 0);
    ck_assert(!next.created && !next.wins && next.was.marks == META_WON);
    ck_assert_uint_eq(next.was.exptime, until);
    set("k", "v");
    ck_assert_uint_eq(look("k").was.marks, 0);
}
END_TEST

START_TEST(one_client_wins_what_is_about_to_expire)
{
    rel_time_t now = fake_host_time(host);
    struct meta_get g = { .refreshes = true, .deadline = now + 30 };
    set("k", "v");
    ck_assert_uint_ne(ask("k", &g), 0);
    ck_assert(!g.wins);
    ck_assert_int_eq(fake_touch(engine, cookie, "k", 20), ENGINE_SUCCESS);
    struct meta_get touched = g;
    touched.touches = touched.touches_first = true;
    touched.exptime = now + 40;
    ck_assert_uint_ne(ask("k", &touched), 0);
    ck_assert(!touched.wins);
    touched.touches_first = false;
    touched.deadline = now + 41;
    ck_assert_uint_ne(ask("k", &touched), 0);
    ck_assert(touched.wins);
    ck_assert_uint_ne(ask("k", &touched), 0);
    ck_assert(!touched.wins && touched.was.marks == META_WON);
}
END_TEST

START_TEST(a_stale_item_is_won_once)
{
    uint64_t cas = set("k", "v"), stale = invalidate("k", 0);
    struct meta_get yields = { .yields = true };
    ck_assert_uint_gt(stale, cas);
    ck_assert_uint_eq(ask("k", &yields), stale);
    ck_assert(yields.wins && !look("k").was.read); /* nothing has happened yet */
    ck_assert(read_key("k").wins);
    ck_assert(!read_key("k").wins);
    ck_assert_uint_eq(look("k").was.marks, META_STALE | META_WON);
    invalidate("k", fake_host_time(host) + 9);
    ck_assert_uint_eq(look("k").was.marks, META_STALE);
    ck_assert_uint_eq(look("k").was.exptime, fake_host_time(host) + 9);
}
END_TEST

START_TEST(a_number_keeps_its_marks)
{
    struct meta_arithmetic a = { .key = "n", .nkey = 1, .increment = true };
    set("n", "8");
    invalidate("n", 0);
    ck_assert(read_key("n").wins);
    for (a.delta = 1; a.delta < UINT64_C(1) << 60; a.delta <<= 30) { /* in longer items */
        ck_assert_int_eq(meta_rows.arithmetic(handle(), cookie, &a), ENGINE_SUCCESS);
        ck_assert_uint_eq(look("n").was.marks, META_STALE | META_WON);
    }
}
END_TEST

START_TEST(an_overdue_value_stays_stale)
{
    uint64_t cas = set("k", "v");
    invalidate("k", fake_host_time(host) + 9);
    ck_assert(read_key("k").wins);
    ck_assert_int_eq(put_overdue("k", "w", look("k").wins ? 0 : cas), ENGINE_SUCCESS);
    struct meta_get g = look("k");
    ck_assert_uint_eq(g.was.marks, META_STALE | META_WON);
    ck_assert_uint_eq(g.was.exptime, fake_host_time(host) + 9);
    ck_assert(fake_has(engine, cookie, "k", "w"));
    ck_assert_int_eq(put_overdue("k", "x", 0), ENGINE_KEY_EEXISTS);
    ck_assert_int_eq(put_overdue("k", "x", UINT64_MAX), ENGINE_KEY_EEXISTS);
    ck_assert_int_eq(put_overdue("none", "x", 1), ENGINE_KEY_ENOENT);
}
END_TEST

/* However long ago it was, and whenever the pass over the items comes. */
START_TEST(a_last_use_is_never_taken_for_a_later_one)
{
    enum { PASS = 3600, YEAR = 365 * 24 * 3600 };
    for (rel_time_t born = 2; born < 200000; born = born * 3 + 1) {
        unsigned seen = born & SEEN_MASK;
        for (rel_time_t now = born; now < born + YEAR; now += PASS) {
            rel_time_t idle = seen_idle(seen, now), real = now - born;
            rel_time_t off = idle > real ? idle - real : real - idle;
            ck_assert_msg(off <= 1 + real / 500, "%u for %u", idle, real);
            seen = seen_renew(seen, now);
        }
    }
}
END_TEST

START_TEST(the_pass_reaches_all_items)
{
    struct store *s = store_of(handle());
    background_stop(&s->background);
    set("k", "v");
    fake_host_advance(host, SEEN_MASK / 2 + 2);
    for (int i = 0; i < 3600 * 10; i++)
        seen_age(s, 10);
    fake_host_advance(host, SEEN_MASK / 2 + 2);
    ck_assert_uint_ge(look("k").was.idle, SEEN_MASK - 16);
}
END_TEST

/* Epochs are few: a flush waits for a sweep rather than reach an epoch of the past. */
START_TEST(many_flushes_bring_nothing_back)
{
    set("old", "v");
    for (unsigned i = 0; i < 3 * EPOCH_MASK; i++) {
        fake_flush(engine, cookie, 0);
        ck_assert(fake_has(engine, cookie, "old", NULL));
        set("k", "v");
        ck_assert(fake_has(engine, cookie, "k", "v"));
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        reads_are_known_and_their_times,
        counting_is_no_read,
        arithmetic_touches,
        one_client_wins_what_it_adds,
        one_client_wins_what_is_about_to_expire,
        a_stale_item_is_won_once,
        a_number_keeps_its_marks,
        an_overdue_value_stays_stale,
        a_last_use_is_never_taken_for_a_later_one,
        the_pass_reaches_all_items,
        many_flushes_bring_nothing_back,
    };
    return rig_run("store_meta", start, tests, N_ELEMENTS(tests));
}
