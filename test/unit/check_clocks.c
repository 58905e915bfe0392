/* Moments: the store's clock, the peer's, and what travels in their seconds. */
#include "test/unit/core_rig.h"

enum { SECOND = 1000000 };

/* ---- this node's store */

START_TEST(test_a_clock_that_is_looked_at)
{
    struct store_clock s = { 0 };
    const uint64_t zero = 500 * (uint64_t)SECOND + 123456;
    for (uint64_t now = zero + 7 * SECOND + 900000; now < zero + 200 * SECOND;
         now += 77777)
        store_clock_look(&s, now, (uint32_t)((now - zero) / SECOND));
    ck_assert_int_ge(s.zero_us, (int64_t)zero);
    ck_assert_int_le(s.zero_us, (int64_t)zero + 78000);
}
END_TEST

/* The process stands still; when it goes on, the clock is late for a moment. */
START_TEST(test_a_clock_that_stood_still)
{
    struct store_clock s = { 0 };
    for (uint64_t ms = 5000; ms < 9000; ms += 10)
        store_clock_look(&s, ms * 1000, (uint32_t)(ms / 1000));
    store_clock_look(&s, 19500000, 8);
    ck_assert_int_eq(s.zero_us, 0);
    store_clock_look(&s, 19505000, 19);
    ck_assert_int_eq(s.zero_us, 0);
    ck_assert_uint_eq(store_clock_us(&s, 20000000), 20000000);
}
END_TEST

/* A host that is late with some seconds, because it gets no processor, has the same
 * zero. */
START_TEST(test_a_clock_that_is_late_at_times)
{
    struct store_clock s = { 0 };
    for (uint64_t ms = 5000; ms < 60000; ms += 10) {
        uint64_t late = ms / 1000 % 3 == 0 ? 0 : 900;
        store_clock_look(&s, ms * 1000,
                         (uint32_t)((ms - (ms % 1000 < late ? 1000 : 0)) / 1000));
    }
    ck_assert_int_ge(s.zero_us, 0);
    ck_assert_int_le(s.zero_us, 10000);
}
END_TEST

/* One that is 300 ms slower from now on is followed. */
START_TEST(test_a_clock_that_goes_late)
{
    struct store_clock s = { 0 };
    for (uint64_t ms = 5000; ms < 9000; ms += 10)
        store_clock_look(&s, ms * 1000, (uint32_t)(ms / 1000));
    for (uint64_t ms = 9000; ms < 13000; ms += 10)
        store_clock_look(&s, ms * 1000, (uint32_t)((ms - 300) / 1000));
    ck_assert_int_ge(s.zero_us, 290000);
    ck_assert_int_le(s.zero_us, 300000);
}
END_TEST

/* Until it serves, memcached's server with storage engines shows a date for its clock. */
START_TEST(test_a_clock_that_begins_anew)
{
    struct store_clock s = { 0 };
    for (uint64_t ms = 5000; ms < 5100; ms += 10)
        store_clock_look(&s, ms * 1000, 1790000000);
    store_clock_look(&s, 5100000, 2);
    ck_assert_int_ge(s.zero_us, 3000000);
    ck_assert_int_le(s.zero_us, 3100000);
}
END_TEST

/* ---- the peer's */

/* A PING that was so long on its way, after the echo's way; the peer is 77 s ahead. */
static void exchange(struct peer_clock *c, uint64_t now, uint64_t out_us,
                     uint64_t back_us)
{
    const struct link_clocks told = { .machine = now - back_us + UINT64_C(77) * SECOND,
                                      .store = now - back_us + UINT64_C(30) * SECOND,
                                      .echo = now - back_us - out_us };
    peer_clock_hear(c, &told, now);
}

static int64_t error_of(const struct peer_clock *c)
{
    return c->ahead_us - INT64_C(77) * SECOND;
}

START_TEST(test_the_quickest_exchange_counts)
{
    struct peer_clock c = { 0 };
    const struct link_clocks first = { .machine = UINT64_C(177) * SECOND,
                                       .store = UINT64_C(130) * SECOND };
    peer_clock_greet(&c, &first, 103 * SECOND); /* it took three seconds */
    ck_assert_int_eq(error_of(&c), -3 * SECOND);
    exchange(&c, 110 * SECOND, 300000, 500000);
    ck_assert_int_eq(error_of(&c), -100000);
    exchange(&c, 111 * SECOND, 1000, 900);
    ck_assert_int_le(llabs(error_of(&c)), 50);
    exchange(&c, 112 * SECOND, 100, 2 * SECOND); /* behind much else */
    ck_assert_int_le(llabs(error_of(&c)), 50);
    ck_assert_int_eq(c.zero_us, INT64_C(47) * SECOND);
    ck_assert_uint_eq(peer_clock_echo(&c, 113 * SECOND),
                      (uint64_t)(113 + 77) * SECOND - 2 * SECOND);
}
END_TEST

/* What was measured long ago gives way; what cannot be true does so at once. */
START_TEST(test_clocks_that_drift_and_jump)
{
    struct peer_clock c = { 0 };
    exchange(&c, 110 * SECOND, 500, 500);
    exchange(&c, 111 * SECOND, 1000, 20000); /* twenty times worse, a second later */
    ck_assert_int_eq(error_of(&c), 0);
    exchange(&c, 211 * SECOND, 20000, 20000);
    ck_assert_uint_eq(c.doubt_us, 20000);
    const struct link_clocks later = { .machine = UINT64_C(400) * SECOND,
                                       .store = UINT64_C(300) * SECOND,
                                       .echo = UINT64_C(211) * SECOND };
    peer_clock_hear(&c, &later, 212 * SECOND);
    ck_assert_int_eq(c.ahead_us, INT64_C(188) * SECOND + SECOND / 2);
    const struct link_clocks lies = { .machine = LINK_CLOCK_MAX - 1,
                                      .echo = LINK_CLOCK_MAX - 1 };
    peer_clock_hear(&c, &lies, 213 * SECOND); /* an echo of no clock of ours */
    ck_assert_int_eq(c.ahead_us, INT64_C(188) * SECOND + SECOND / 2);
}
END_TEST

START_TEST(test_seconds)
{
    struct peer_clock c = { .ahead_us = INT64_C(77) * SECOND, .zero_us = 50 * SECOND };
    struct store_clock mine = { .zero_us = -27 * SECOND - 300000 };
    ck_assert_uint_eq(peer_clock_second(&c, &mine, 0), 0);
    ck_assert_uint_eq(peer_clock_second(&c, &mine, 10),
                      10); /* 0.3 s before it begins there */
    mine.zero_us = -27 * SECOND + 300000;
    ck_assert_uint_eq(peer_clock_second(&c, &mine, 10), 9);
    mine.zero_us = -27 * SECOND + 30; /* the same, but for what one does not know */
    ck_assert_uint_eq(peer_clock_second(&c, &mine, 10), 10);
    mine.zero_us = 27 * (int64_t)SECOND;
    ck_assert_uint_eq(peer_clock_second(&c, &mine, 10), 1); /* long ago is not never */
    mine.zero_us = -INT64_C(1) * UINT32_MAX * SECOND;
    ck_assert_uint_eq(peer_clock_second(&c, &mine, 10000), UINT32_MAX);
    ck_assert_uint_eq(peer_clock_second(&c, &mine, UINT32_MAX), UINT32_MAX);
}
END_TEST

START_TEST(test_numbers_at_the_ends)
{
    const uint64_t ends[] = { 0, LINK_CLOCK_MAX - 1 };
    for (unsigned i = 0; i < 16; i++) {
        struct peer_clock c = { 0 };
        struct store_clock mine = { .zero_us = (int64_t)ends[i / 8] };
        const struct link_clocks told = { ends[i % 2], ends[i / 2 % 2], 0 };
        peer_clock_greet(&c, &told, ends[i / 4 % 2]);
        peer_clock_hear(&c, &told, ends[i / 4 % 2]);
        ck_assert_uint_ge(peer_clock_second(&c, &mine, 1), 1);
        ck_assert_uint_ge(peer_clock_second(&c, &mine, UINT32_MAX - 1), 1);
    }
}
END_TEST

/* ---- what travels */

static void restart_apart(void)
{
    struct pair_config config = p.config;
    config.store_ahead = 4000;
    config.machine_ahead_us = UINT64_C(987654) * SECOND;
    restart_pair(&config);
    link_up();
}

static void set_for(struct node *n, const char *key, uint32_t ttl)
{
    const struct link_change c = { .key = key,
                                   .nkey = (uint16_t)strlen(key),
                                   .value = "v",
                                   .nvalue = 1,
                                   .exptime = ttl };
    ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
}

START_TEST(test_a_change_on_its_way)
{
    restart_apart();
    set_for(a, "k", 10);
    set_for(a, "for long", 90 * 24 * 3600);
    set_for(a, "short", 3);
    node_work(a);
    pair_advance(&p, 7);
    settle_in_sync();
    both_have("k", "v");
    both_have("for long", "v");
    both_have("short", NULL);
    pair_advance(&p, 2);
    both_have("k", "v");
    pair_advance(&p, 1);
    both_have("k", NULL);
}
END_TEST

/* The first exchange is no measure: one node stood still, with the other's messages in
 * its buffers. */
START_TEST(test_a_node_that_stood_still_at_the_handshake)
{
    for (unsigned still = 0; still < 2; still++) {
        restart_apart();
        wire_cut(&p.wire);
        wire_connect(&p.wire);
        for (unsigned i = 0; i < 5; i++) {
            wire_deliver(&p.wire, 1 - still, true);
            node_work(&p.node[1 - still]);
        }
        pair_advance(&p, 8);
        settle_in_sync();
        set_for(a, "k", 10);
        settle_in_sync();
        pair_advance(&p, 8);
        both_have("k", "v");
        pair_advance(&p, 2);
        both_have("k", NULL);
    }
}
END_TEST

/* An expiry travels in a copy, and back again. */
START_TEST(test_a_copy)
{
    restart_apart();
    node_crash(b);
    set_for(a, "k", 30);
    pair_advance(&p, 5);
    node_start(b);
    settle_in_sync();
    pair_advance(&p, 5);
    node_crash(a);
    node_promote(b);
    node_start(a);
    settle_in_sync();
    pair_advance(&p, 19);
    both_have("k", "v");
    pair_advance(&p, 1);
    both_have("k", NULL);
}
END_TEST

/* The link breaks before it takes effect, so each node goes by its own clock. */
START_TEST(test_a_delayed_flush)
{
    restart_apart();
    set(a, "k", "v");
    settle_in_sync();
    node_flush(a, 10);
    node_work(a);
    pair_advance(&p, 6);
    ck_assert(pair_run(&p));
    wire_cut(&p.wire);
    pair_advance(&p, 3);
    both_have("k", "v");
    pair_advance(&p, 1);
    both_have("k", NULL);
    settle_in_sync();
}
END_TEST

START_TEST(test_a_delayed_flush_that_comes_too_late)
{
    restart_apart();
    set(a, "k", "v");
    settle_in_sync();
    node_flush(a, 3);
    node_work(a);
    pair_advance(&p, 6);
    settle_in_sync();
    both_have("k", NULL);
    set(a, "k", "w");
    settle_in_sync();
    both_have("k", "w");
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_clock_that_is_looked_at,
        test_a_clock_that_stood_still,
        test_a_clock_that_is_late_at_times,
        test_a_clock_that_goes_late,
        test_a_clock_that_begins_anew,
        test_the_quickest_exchange_counts,
        test_clocks_that_drift_and_jump,
        test_seconds,
        test_numbers_at_the_ends,
        test_a_node_that_stood_still_at_the_handshake,
        test_a_change_on_its_way,
        test_a_copy,
        test_a_delayed_flush,
        test_a_delayed_flush_that_comes_too_late,
    };
    return unit_run_with("clocks", setup, teardown, tests, N_ELEMENTS(tests));
}
