/* Large values on the link, in chunks. Long because the stories share a few steps. */
#include <stdlib.h>

#include "base/hash.h"
#include "test/unit/core_rig.h"

enum { LARGE = 5000, CHUNK = 100 };

static const struct pair_config config = {
    .map_bits = { 10, 10 },
    .journal_bytes = 64 << 10,
    .fetch_wait_ms = 20,
    .whole_max = 1000,
    .chunk = CHUNK,
};

static char value[LARGE];

static void set_large(struct node *n, const char *key, char what)
{
    struct link_change c = { .key = key, .value = value, .nvalue = LARGE };
    c.nkey = (uint16_t)strlen(key);
    memset(value, what, LARGE);
    ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
}

/* 0: it is not here. All of it must be alike. */
static char look(struct node *n, const char *key)
{
    struct repl_item it;
    if (toy_store_ops.lookup(&n->store, key, strlen(key), &it) != REPL_YES)
        return 0;
    const char *found = it.state.value;
    char what = found[0];
    for (uint32_t i = 0; i < it.state.nvalue; i++)
        ck_assert_int_eq(found[i], what);
    toy_store_ops.release(&n->store, it.item);
    return what;
}

static void begin(void)
{
    restart_pair(&config);
    link_up();
}

static struct repl_half *half(enum link_stream by)
{
    return &b->core.halves[by];
}

/* Each node works a little, and gets what is there. */
static void move(void)
{
    node_work(a);
    node_work(b);
    for (unsigned n = 0; n < 2; n++) {
        wire_deliver(&p.wire, n, true);
        while (wire_deliver(&p.wire, n, false))
            continue;
    }
}

/* Until b has some of it, and not all. */
static void come_halfway(enum link_stream by)
{
    while (!half(by)->open || half(by)->got < LARGE / 2)
        move();
}

static void all_is(char what)
{
    settle_in_sync();
    ck_assert_int_eq(look(a, "k"), what);
    ck_assert_int_eq(look(b, "k"), what);
}

/* ---- changes */

START_TEST(test_small_changes_pass_by)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    set(a, "small", "1");
    while (!node_has(b, "small", "1"))
        move();
    ck_assert(half(STREAM_CHANGES)->open);
    ck_assert_int_eq(look(b, "k"), 0);
    settle_in_sync();
    all_is('x');
    ck_assert_uint_eq(a->core.count.shipped, 2);
}
END_TEST

/* The acknowledgement of what passes by does not acknowledge the large value. */
START_TEST(test_at_risk_until_it_is_whole)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    pair_pass(&p, 700);
    set(a, "small", "1");
    for (unsigned i = 0; i < 20; i++) {
        wire_deliver(&p.wire, 0, false);
        struct repl_status s = figures_of(a);
        ck_assert(!s.in_sync && s.at_risk >= 1 && s.lag_us >= 700000);
    }
    all_is('x');
    ck_assert_uint_eq(figures_of(a).lag_us, 0);
}
END_TEST

/* What was noted is not settled because its key has left the worker's ring. */
START_TEST(test_what_was_noted_is_waited_for)
{
    begin();
    set_large(a, "k", 'x');
    AZ(pthread_mutex_lock(&a->core.lock));
    core_hold(&a->core);
    ship_note(&a->core);
    core_release(&a->core);
    AZ(pthread_mutex_unlock(&a->core.lock));
    come_halfway(STREAM_CHANGES);
    ck_assert(!ship_is_settled(&a->core));
    all_is('x');
    ck_assert(ship_is_settled(&a->core));
}
END_TEST

/* ---- pace */

enum { HUGE = 16 << 20, WINDOW_LEAST = 32 << 10 };

static void set_huge(void)
{
    struct link_change c = { .key = "k", .nkey = 1, .nvalue = HUGE };
    char *zeros = calloc(1, HUGE);
    c.value = zeros;
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    free(zeros);
}

static size_t on_the_way(void)
{
    for (unsigned i = 0; i < 1000; i++)
        node_work(a);
    return buffer_length(&p.wire.connections[p.wire.end[0].session].pipe[1]);
}

/* Without an answer two windows are on the way. Quick answers widen the window, late ones
 * make it narrow again. */
START_TEST(test_the_window)
{
    begin();
    a->core.config.chunk = 4096;
    set_huge();
    ck_assert_uint_lt(on_the_way(), 2 * WINDOW_LEAST + 4096);
    while (a->core.stream_pace.room < 16 * WINDOW_LEAST) {
        pair_pass(&p, 1);
        move();
    }
    ck_assert_uint_gt(on_the_way(), 16 * WINDOW_LEAST);
    for (unsigned i = 0; i < 20 && a->core.stream_pace.room > WINDOW_LEAST; i++) {
        on_the_way();
        pair_pass(&p, 300);
        move();
    }
    ck_assert_uint_eq(a->core.stream_pace.room, WINDOW_LEAST);
    settle_in_sync();
}
END_TEST

/* What fills the link does not keep a large value from it. */
START_TEST(test_the_share_of_a_large_value)
{
    begin();
    a->core.config.chunk = 32 << 10;
    set_huge();
    while (!stream_is_busy(&a->core, STREAM_CHANGES))
        node_work(a);
    wire_hold(&p.wire, 0, true);
    for (unsigned i = 0; i < 2000; i++) {
        memset(value, 'v', 900);
        struct link_change c = { .key = numbered(i), .value = value, .nvalue = 900 };
        c.nkey = (uint16_t)strlen(c.key);
        ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    }
    size_t all = on_the_way(), large = a->core.streams[STREAM_CHANGES].sent;
    ck_assert_uint_gt(all, 1 << 20);
    ck_assert_uint_lt(all, 3 << 20);
    ck_assert_uint_gt(large, all / 8);
    wire_hold(&p.wire, 0, false);
    settle_in_sync();
}
END_TEST

START_TEST(test_a_cut_in_the_middle)
{
    begin();
    set_large(a, "k", 'x');
    settle_in_sync();
    set_large(a, "k", 'y');
    come_halfway(STREAM_CHANGES);
    wire_cut(&p.wire);
    ck_assert_uint_eq(b->store.references, 0);
    ck_assert_uint_eq(a->store.references, 0);
    ck_assert_int_eq(look(b, "k"), 'x');
    all_is('y');
}
END_TEST

/* The chunks that are on the way to a node when it is promoted are for nobody. */
START_TEST(test_a_promotion_in_the_middle)
{
    begin();
    set_large(a, "k", 'x');
    settle_in_sync();
    set_large(a, "k", 'y');
    come_halfway(STREAM_CHANGES);
    node_promote(b);
    ck_assert_int_eq(look(b, "k"), 'x');
    all_is('y'); /* nobody changed it at b */
    set_large(b, "k", 'z');
    all_is('z');
}
END_TEST

START_TEST(test_changes_of_it_come_behind)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    for (unsigned i = 0; i < 50; i++) {
        ck_assert_int_eq(node_touch(a, "k", 100 + i), CHANGE_OK);
        node_work(a);
    }
    ck_assert(half(STREAM_CHANGES)->open && !half(STREAM_CHANGES)->outdated);
    all_is('x');
    ck_assert_uint_eq(a->core.count.resent, 0);
    set_large(a, "k", 'y');
    come_halfway(STREAM_CHANGES);
    ck_assert_int_eq(node_delete(a, "k"), CHANGE_OK);
    all_is(0);
}
END_TEST

START_TEST(test_the_newest_of_many)
{
    begin();
    set_large(a, "k", '0');
    come_halfway(STREAM_CHANGES);
    for (int what = '1'; what < '9'; what++) {
        set_large(a, "k", (char)what);
        node_work(a);
    }
    all_is('8');
    ck_assert_uint_eq(a->core.count.shipped, 3); /* one more began in between */
}
END_TEST

/* More than the journal holds: no room is left for a change of a key as short. */
static void overflow(void)
{
    for (unsigned i = 0; i < 4000; i++)
        set(a, "o", "1");
}

/* A change that the journal had no room for comes by a part of the copy, which must not
 * overtake the older value. */
START_TEST(test_a_part_waits_for_the_value)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    a->core.config.chunk = 1; /* slowly now */
    overflow();
    ck_assert_int_eq(node_delete(a, "k"), CHANGE_OK);
    ck_assert(map_has(&a->core.dirty, hash_key("k", 1)));
    all_is(0);
}
END_TEST

/* Small changes fill the link, so that no part can begin. */
static void fill_the_link(void)
{
    memset(value, 'v', 900);
    for (unsigned i = 0; i < 2000; i++) {
        struct link_change c = { .key = numbered(i), .value = value, .nvalue = 900 };
        c.nkey = (uint16_t)strlen(c.key);
        ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
        if (i % 64 == 0)
            node_work(a);
    }
    ck_assert(!ship_has_room(&a->core));
}

/* Nor must it wait for ever because the value changes again and again: what a part will
 * replace does not begin any more. */
START_TEST(test_a_part_has_its_turn)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    a->core.config.chunk = 1;
    set_large(a, "k", 'y');
    node_work(a);
    ck_assert(gather_has_later(&a->core));
    wire_hold(&p.wire, 0, true);
    fill_the_link();
    overflow();
    set_large(a, "k", 'z');
    a->core.config.chunk = CHUNK;
    while (stream_is_busy(&a->core, STREAM_CHANGES))
        node_work(a);
    for (unsigned i = 0; i < 3; i++) {
        node_work(a);
        ck_assert(!stream_is_busy(&a->core, STREAM_CHANGES));
    }
    ck_assert(map_has(&a->core.dirty, hash_key("k", 1)));
    wire_hold(&p.wire, 0, false);
    all_is('z');
}
END_TEST

START_TEST(test_a_flush_in_the_middle)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    ck_assert_int_eq(node_flush(a, 0), CHANGE_OK);
    all_is(0);
    set_large(a, "k", 'y');
    all_is('y');
}
END_TEST

START_TEST(test_an_eviction_in_the_middle)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    ck_assert(node_evict(a, "k"));
    all_is(0);
}
END_TEST

START_TEST(test_no_room)
{
    begin();
    b->store.value_max = LARGE - 1;
    set_large(a, "k", 'x');
    settle();
    ck_assert(!pair_in_sync(&p));
    ck_assert_uint_ge(b->core.count.apply_failed, 1);
    ck_assert_int_eq(look(b, "k"), 0);
    b->store.value_max = 0;
    for (unsigned i = 0; i < 40 && !pair_in_sync(&p); i++) {
        pair_pass(&p, 1000);
        settle();
    }
    all_is('x');
}
END_TEST

/* ---- copies */

static void return_and_copy(void)
{
    return_empty(b);
    while (!half(STREAM_COPY)->open)
        move();
    come_halfway(STREAM_COPY);
}

START_TEST(test_an_item_of_a_copy)
{
    begin();
    set_large(a, "k", 'x');
    settle_in_sync();
    return_and_copy();
    set(a, "small", "1");
    while (!node_has(b, "small", "1"))
        move();
    ck_assert(half(STREAM_COPY)->open);
    all_is('x');
}
END_TEST

START_TEST(test_a_change_outdates_an_item_of_a_copy)
{
    begin();
    set_large(a, "k", 'x');
    settle_in_sync();
    return_and_copy();
    struct link_change c = { .key = "k", .nkey = 1, .value = "y", .nvalue = 1 };
    ck_assert_int_eq(node_store(a, &c), CHANGE_OK);
    while (look(b, "k") != 'y')
        move();
    ck_assert(half(STREAM_COPY)->open);
    ck_assert_uint_eq(b->store.references, 0);
    all_is('y');
}
END_TEST

/* The client of a node that is being filled waits for it, though the batch in which it
 * asked is acknowledged long before. */
START_TEST(test_a_fetched_value)
{
    begin();
    set_large(a, "k", 'x');
    set_large(a, "l", 'x');
    set_large(a, "m", 'x');
    settle_in_sync();
    return_empty(b);
    while (!b->core.session.merged)
        move();
    ck_assert(node_fetch(b, "client", "m"));
    while (!half(STREAM_FETCHED)->open)
        move();
    while (half(STREAM_FETCHED)->open) {
        ck_assert_uint_eq(b->resumed, 0);
        move();
    }
    ck_assert_uint_eq(b->resumed, 1);
    ck_assert_int_eq(look(b, "m"), 'x');
    all_is('x');
}
END_TEST

static const char *tell_to(struct node *n, const struct link_message *m)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    const char *why = repl_core_message(&n->core, m);
    AZ(pthread_mutex_unlock(&n->core.lock));
    return why;
}

START_TEST(test_what_is_on_its_way_is_not_fetched)
{
    static const uint8_t note[] = { LINK_NOTE_READ, 1, 0, 0, 'k' };
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    const struct link_message want = {
        .op = LINK_WANT, .term = a->core.term, .rest = note, .nrest = sizeof(note)
    };
    ck_assert_ptr_null(tell_to(a, &want));
    ck_assert(!stream_is_busy(&a->core, STREAM_FETCHED));
    all_is('x');
    ck_assert_ptr_null(tell_to(a, &want));
    ck_assert(stream_is_busy(&a->core, STREAM_FETCHED));
    all_is('x');
}
END_TEST

/* It is read at a while the rest is on the wire: b has half of it, and does not ask. */
START_TEST(test_what_comes_is_not_asked_for)
{
    begin();
    set_large(a, "k", 'x');
    come_halfway(STREAM_CHANGES);
    node_read(a, "k");
    while (stream_is_busy(&a->core, STREAM_CHANGES))
        node_work(a);
    for (unsigned i = 0; i < 100; i++) {
        move();
        ck_assert(!half(STREAM_FETCHED)->open);
    }
    all_is('x');
}
END_TEST

/* ---- a false peer */

static const char *tell(const struct link_message *m)
{
    return tell_to(b, m);
}

static const char *announce(uint32_t size)
{
    struct link_message m = { .op = LINK_STREAM, .stream = STREAM_CHANGES };
    m.change = (struct link_change){ .key = "k", .nkey = 1, .nvalue = size };
    return tell(&m);
}

static const char *send(size_t n)
{
    struct link_message m = { .op = LINK_CHUNK, .stream = STREAM_CHANGES };
    m.rest = (const uint8_t *)value;
    m.nrest = n;
    return tell(&m);
}

START_TEST(test_nonsense)
{
    begin();
    ck_assert_ptr_nonnull(send(1));
    ck_assert_ptr_null(announce(10));
    ck_assert_ptr_nonnull(announce(10));
    ck_assert_ptr_null(send(9));
    ck_assert_ptr_nonnull(send(2));
    ck_assert_ptr_null(send(1));
    ck_assert_ptr_nonnull(send(1));
}
END_TEST

/* What is longer than this node takes needs no memory, and ends the former value. */
START_TEST(test_larger_than_this_node_takes)
{
    begin();
    set(a, "k", "former");
    settle_in_sync();
    b->core.config.item_max = 100;
    ck_assert_ptr_null(announce(3000));
    ck_assert_uint_eq(b->store.references, 0);
    for (unsigned i = 0; i < 30; i++)
        ck_assert_ptr_null(send(100));
    ck_assert(node_has(b, "k", NULL));
    ck_assert_uint_eq(b->core.count.apply_failed, 1);
    ck_assert(map_is_empty(&b->core.missing));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_small_changes_pass_by,
        test_at_risk_until_it_is_whole,
        test_what_was_noted_is_waited_for,
        test_the_window,
        test_the_share_of_a_large_value,
        test_a_cut_in_the_middle,
        test_a_promotion_in_the_middle,
        test_changes_of_it_come_behind,
        test_the_newest_of_many,
        test_a_part_waits_for_the_value,
        test_a_part_has_its_turn,
        test_a_flush_in_the_middle,
        test_an_eviction_in_the_middle,
        test_no_room,
        test_an_item_of_a_copy,
        test_a_change_outdates_an_item_of_a_copy,
        test_a_fetched_value,
        test_what_is_on_its_way_is_not_fetched,
        test_what_comes_is_not_asked_for,
        test_nonsense,
        test_larger_than_this_node_takes,
    };
    return unit_run_with("stream", setup, teardown, tests, N_ELEMENTS(tests));
}
