/* Every call of the store through the engine interface, and its results. */
#include "test/unit/store_rig.h"

static void setup(void)
{
    rig_start("cache_size=8m");
}

START_TEST(set_and_get)
{
    struct fake_value v;
    uint64_t cas = 0;

    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "value", 0, &cas), ENGINE_SUCCESS);
    ck_assert_uint_ne(cas, 0);
    ck_assert_int_eq(fake_get(engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.nbytes, 5);
    ck_assert_str_eq(v.bytes, "value");
    ck_assert_uint_eq(v.flags, 0xfedcba98);
    ck_assert_uint_eq(v.cas, cas);
    ck_assert_uint_eq(v.exptime, 0);
    fake_value_fini(&v);
    ck_assert_int_eq(fake_get(engine, cookie, "K", &v), ENGINE_KEY_ENOENT);
}
END_TEST

START_TEST(store_operations)
{
    uint64_t cas, second;

    ck_assert_int_eq(rig_put(OPERATION_REPLACE, "k", "a", 0, &cas), ENGINE_NOT_STORED);
    ck_assert_int_eq(rig_put(OPERATION_APPEND, "k", "a", 0, &cas), ENGINE_NOT_STORED);
    ck_assert_int_eq(rig_put(OPERATION_PREPEND, "k", "a", 0, &cas), ENGINE_NOT_STORED);
    ck_assert_int_eq(rig_put(OPERATION_CAS, "k", "a", 7, &cas), ENGINE_KEY_ENOENT);
    ck_assert_int_eq(rig_put(OPERATION_ADD, "k", "a", 0, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(rig_put(OPERATION_ADD, "k", "b", 0, &second), ENGINE_NOT_STORED);
    ck_assert(fake_has(engine, cookie, "k", "a"));
    ck_assert_int_eq(rig_put(OPERATION_CAS, "k", "b", cas + 1, &second),
                     ENGINE_KEY_EEXISTS);
    ck_assert_int_eq(rig_put(OPERATION_CAS, "k", "b", cas, &second), ENGINE_SUCCESS);
    ck_assert_uint_gt(second, cas);
    ck_assert_int_eq(rig_put(OPERATION_CAS, "k", "c", cas, &second), ENGINE_KEY_EEXISTS);
    ck_assert_int_eq(rig_put(OPERATION_REPLACE, "k", "c", 0, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "", 0, &cas), ENGINE_SUCCESS);
    ck_assert(fake_has(engine, cookie, "k", ""));
}
END_TEST

START_TEST(joins_keep_flags_and_time)
{
    struct fake_store old = {
        .op = OPERATION_SET, .key = "k", .value = "mid", .flags = 5, .exptime = 100
    };
    struct fake_value v;
    uint64_t cas, second;

    ck_assert_int_eq(fake_store(engine, cookie, &old, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(rig_put(OPERATION_APPEND, "k", "-end", cas + 1, &second),
                     ENGINE_KEY_EEXISTS);
    ck_assert_int_eq(rig_put(OPERATION_APPEND, "k", "-end", cas, &second),
                     ENGINE_SUCCESS);
    ck_assert_uint_gt(second, cas);
    ck_assert_int_eq(rig_put(OPERATION_PREPEND, "k", "start-", 0, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_get(engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_str_eq(v.bytes, "start-mid-end");
    ck_assert_uint_eq(v.flags, 5);
    ck_assert_uint_eq(v.exptime, fake_host_time(host) + 100);
    ck_assert_uint_eq(v.cas, cas);
    fake_value_fini(&v);
}
END_TEST

START_TEST(too_large)
{
    size_t n = 1 << 20;
    char *value = calloc(1, n + 1);
    struct fake_store what = { .op = OPERATION_SET, .key = "k", .value = value };

    memset(value, 'x', n);
    what.nvalue = n;
    ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_E2BIG);
    what.nvalue = n - 512;
    ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_SUCCESS);
    what.op = OPERATION_APPEND;
    what.nvalue = 512;
    ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_E2BIG);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "curr_items"), 1);
    free(value);
}
END_TEST

START_TEST(delete_with_and_without_cas)
{
    uint64_t cas;

    ck_assert_int_eq(fake_delete(engine, cookie, "k", 0), ENGINE_KEY_ENOENT);
    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_delete(engine, cookie, "k", cas + 256), ENGINE_KEY_EEXISTS);
    ck_assert(fake_has(engine, cookie, "k", "v"));
    ck_assert_int_eq(fake_delete(engine, cookie, "k", cas), ENGINE_SUCCESS);
    ck_assert(fake_has(engine, cookie, "k", NULL));
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "curr_items"), 0);
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "bytes"), 0);
}
END_TEST

static uint64_t arith_ok(const char *key, bool decrement, uint64_t delta)
{
    struct fake_arith what = { .key = key, .decrement = decrement, .delta = delta };
    uint64_t result = 0, cas;

    ck_assert_int_eq(fake_arith(engine, cookie, &what, &result, &cas), ENGINE_SUCCESS);
    return result;
}

START_TEST(arithmetic_values)
{
    fake_set(engine, cookie, "n", "18446744073709551615");
    ck_assert_uint_eq(arith_ok("n", false, 2), 1);
    ck_assert(fake_has(engine, cookie, "n", "1                   "));
    fake_set(engine, cookie, "n", "10");
    ck_assert_uint_eq(arith_ok("n", true, 1), 9);
    ck_assert(fake_has(engine, cookie, "n", "9 "));
    ck_assert_uint_eq(arith_ok("n", true, 100), 0);
    ck_assert_uint_eq(arith_ok("n", false, 123456789012), 123456789012);
    ck_assert(fake_has(engine, cookie, "n", "123456789012"));
    fake_set(engine, cookie, "n", "  7  ");
    ck_assert_uint_eq(arith_ok("n", false, 1), 8);
    ck_assert(fake_has(engine, cookie, "n", "8    "));
}
END_TEST

static ENGINE_ERROR_CODE arith_of(const char *value)
{
    struct fake_arith what = { .key = "n", .delta = 1 };
    uint64_t result, cas;

    fake_set(engine, cookie, "n", value);
    return fake_arith(engine, cookie, &what, &result, &cas);
}

START_TEST(arithmetic_refuses)
{
    ck_assert_int_eq(arith_of("x"), ENGINE_EINVAL);
    ck_assert_int_eq(arith_of(""), ENGINE_EINVAL);
    ck_assert_int_eq(arith_of(" "), ENGINE_EINVAL);
    ck_assert_int_eq(arith_of("-1"), ENGINE_EINVAL);
    ck_assert_int_eq(arith_of("1x"), ENGINE_EINVAL);
    ck_assert_int_eq(arith_of("18446744073709551616"), ENGINE_EINVAL);
    ck_assert_int_eq(arith_of("18446744073709551615"), ENGINE_SUCCESS);
}
END_TEST

START_TEST(arithmetic_creates)
{
    struct fake_arith what = { .key = "n", .delta = 3, .initial = 40, .exptime = 50 };
    struct fake_value v;
    uint64_t result = 0, cas = 0;

    ck_assert_int_eq(fake_arith(engine, cookie, &what, &result, &cas), ENGINE_KEY_ENOENT);
    what.create = true;
    ck_assert_int_eq(fake_arith(engine, cookie, &what, &result, &cas), ENGINE_SUCCESS);
    ck_assert_uint_eq(result, 40);
    ck_assert_int_eq(fake_arith(engine, cookie, &what, &result, &cas), ENGINE_SUCCESS);
    ck_assert_uint_eq(result, 43);
    ck_assert_int_eq(fake_get(engine, cookie, "n", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.cas, cas);
    ck_assert_uint_eq(v.exptime, fake_host_time(host) + 50);
    fake_value_fini(&v);
}
END_TEST

START_TEST(arithmetic_keeps_flags_and_held_value)
{
    struct fake_store what = {
        .op = OPERATION_SET, .key = "n", .value = "5", .flags = 77, .exptime = 60
    };
    item_info info = { .nvalue = 1 };
    struct fake_value v;
    item *held;

    ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_SUCCESS);
    ck_assert_int_eq(engine->get(&engine->interface, cookie, &held, "n", 1, 0),
                     ENGINE_SUCCESS);
    ck_assert_uint_eq(arith_ok("n", false, 1), 6);
    ck_assert(engine->get_item_info(&engine->interface, cookie, held, &info));
    ck_assert_mem_eq(info.value[0].iov_base, "5", 1);
    engine->release(&engine->interface, cookie, held);
    ck_assert_int_eq(fake_get(engine, cookie, "n", &v), ENGINE_SUCCESS);
    ck_assert_str_eq(v.bytes, "6");
    ck_assert_uint_eq(v.flags, 77);
    ck_assert_uint_eq(v.exptime, fake_host_time(host) + 60);
    fake_value_fini(&v);
}
END_TEST

START_TEST(expiry)
{
    struct fake_store what = {
        .op = OPERATION_SET, .key = "k", .value = "v", .exptime = 5
    };

    ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_SUCCESS);
    fake_host_advance(host, 4);
    ck_assert(fake_has(engine, cookie, "k", "v"));
    fake_host_advance(host, 1);
    ck_assert(fake_has(engine, cookie, "k", NULL));
    ck_assert_int_eq(rig_put(OPERATION_REPLACE, "k", "w", 0, NULL), ENGINE_NOT_STORED);
    what.op = OPERATION_ADD;
    what.exptime = FAKE_STARTED - 1000;
    what.exptime = what.exptime + 0; /* absolute, long past */
    ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_SUCCESS);
    ck_assert(fake_has(engine, cookie, "k", NULL));
}
END_TEST

START_TEST(touch_and_gat)
{
    struct fake_value v;
    uint64_t cas;

    ck_assert_int_eq(fake_touch(engine, cookie, "k", 10), ENGINE_KEY_ENOENT);
    ck_assert_int_eq(fake_gat(engine, cookie, "k", 10, &v), ENGINE_KEY_ENOENT);
    ck_assert_int_eq(rig_put(OPERATION_SET, "k", "v", 0, &cas), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_touch(engine, cookie, "k", 10), ENGINE_SUCCESS);
    fake_host_advance(host, 9);
    ck_assert_int_eq(fake_gat(engine, cookie, "k", 20, &v), ENGINE_SUCCESS);
    ck_assert_str_eq(v.bytes, "v");
    ck_assert_uint_eq(v.flags, 0xfedcba98);
    ck_assert_uint_eq(v.cas, cas);
    fake_value_fini(&v);
    fake_host_advance(host, 19);
    ck_assert(fake_has(engine, cookie, "k", "v"));
    fake_host_advance(host, 1);
    ck_assert(fake_has(engine, cookie, "k", NULL));
}
END_TEST

START_TEST(unknown_packets)
{
    unsigned char packet[64] = { 0x80, 0x7f };
    ENGINE_ERROR_CODE error;

    ck_assert_int_eq(fake_packet(engine, cookie, packet, &error),
                     PROTOCOL_BINARY_RESPONSE_UNKNOWN_COMMAND);
    packet[1] = PROTOCOL_BINARY_CMD_TOUCH; /* no key, no extras */
    ck_assert_int_eq(fake_packet(engine, cookie, packet, &error),
                     PROTOCOL_BINARY_RESPONSE_EINVAL);
}
END_TEST

START_TEST(references_outlive_the_key)
{
    item_info info = { .nvalue = 1 };
    item *it[3];

    for (int i = 0; i < 3; i++) {
        fake_set(engine, cookie, "k", i == 0 ? "zero" : i == 1 ? "one." : "two.");
        ck_assert_int_eq(engine->get(&engine->interface, cookie, &it[i], "k", 1, 0),
                         ENGINE_SUCCESS);
    }
    ck_assert_int_eq(fake_delete(engine, cookie, "k", 0), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_flush(engine, cookie, 0), ENGINE_SUCCESS);
    for (int i = 0; i < 3; i++) {
        ck_assert(engine->get_item_info(&engine->interface, cookie, it[i], &info));
        ck_assert_mem_eq(info.value[0].iov_base,
                         i == 0   ? "zero"
                         : i == 1 ? "one."
                                  : "two.",
                         4);
        engine->release(&engine->interface, cookie, it[i]);
    }
}
END_TEST

static ENGINE_ERROR_CODE store_again(item *it, uint64_t *cas, ENGINE_STORE_OPERATION op)
{
    return engine->store(&engine->interface, cookie, it, cas, op, 0);
}

START_TEST(an_item_may_be_stored_again_while_it_is_there)
{
    uint64_t first = 0, second = 0;
    item *it;

    ck_assert_int_eq(engine->allocate(&engine->interface, cookie, &it, "k", 1, 0, 0, 0),
                     ENGINE_SUCCESS);
    ck_assert_int_eq(store_again(it, &first, OPERATION_SET), ENGINE_SUCCESS);
    ck_assert_int_eq(store_again(it, &second, OPERATION_SET), ENGINE_SUCCESS);
    ck_assert_uint_lt(first, second);
    ck_assert_int_eq(store_again(it, &second, OPERATION_ADD), ENGINE_NOT_STORED);
    ck_assert_int_eq(engine->remove(&engine->interface, cookie, "k", 1, 0, 0),
                     ENGINE_SUCCESS);
    ck_assert_int_eq(store_again(it, &second, OPERATION_SET), ENGINE_EINVAL);
    engine->release(&engine->interface, cookie, it);
}
END_TEST

/* Hosts take keys of up to 250 bytes. */
START_TEST(keys_of_any_length)
{
    char key[257];
    item *it;

    memset(key, 'k', sizeof(key));
    for (size_t n = 1; n < sizeof(key) - 1; n++) {
        struct fake_store what = {
            .op = OPERATION_SET, .key = key, .nkey = n, .value = "v"
        };
        ck_assert_int_eq(fake_store(engine, cookie, &what, NULL), ENGINE_SUCCESS);
    }
    ck_assert_uint_eq(fake_stat_number(engine, cookie, NULL, "curr_items"), UINT8_MAX);
    ck_assert_int_eq(engine->allocate(&engine->interface, cookie, &it, key, 256, 0, 0, 0),
                     ENGINE_EINVAL);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        set_and_get,
        store_operations,
        joins_keep_flags_and_time,
        too_large,
        delete_with_and_without_cas,
        arithmetic_values,
        arithmetic_refuses,
        arithmetic_creates,
        arithmetic_keeps_flags_and_held_value,
        expiry,
        touch_and_gat,
        unknown_packets,
        references_outlive_the_key,
        an_item_may_be_stored_again_while_it_is_there,
        keys_of_any_length,
    };
    return rig_run("store", setup, tests, N_ELEMENTS(tests));
}
