/*
 * The resources that the core uses: bytes that wait for the network, items held
 * meanwhile, scans that the store refuses.
 */
#include <stdlib.h>
#include <string.h>

#include "test/fake/pair.h"
#include "test/unit/unit.h"

enum { LARGE = 200000, BACKLOG_MAX = 128 << 10, KEYS = 60 };

static struct pair p;
static struct node *const a = &p.node[0], *const b = &p.node[1];

static void setup(void)
{
    pair_init(&p, NULL);
}

static void teardown(void)
{
    pair_fini(&p);
}

static void settle_in_sync(void)
{
    char why[400] = "";
    ck_assert(pair_settle(&p));
    ck_assert_msg(pair_same(&p, why, sizeof(why)), "%s", why);
    ck_assert(pair_in_sync(&p));
}

static const char *numbered(unsigned i)
{
    static char key[20];
    snprintf(key, sizeof(key), "key %u", i);
    return key;
}

static void set_large(struct node *n)
{
    char *value = calloc(1, LARGE);
    for (unsigned i = 0; i < KEYS; i++) {
        const char *key = numbered(i);
        struct link_change c = { .key = key, .value = value, .nvalue = LARGE };
        c.nkey = (uint16_t)strlen(key);
        ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
    }
    free(value);
}

static size_t backlog(const struct node *n)
{
    return n->core.port_ops->backlog(n->core.port);
}

/* With large values, too, a round of work ends soon after so many bytes are waiting. */
static void works_within_bounds(struct node *n, size_t enough)
{
    for (unsigned i = 0; i < 100; i++) {
        node_work(n);
        ck_assert_uint_lt(backlog(n), enough + 2 * LARGE);
    }
    ck_assert_uint_ge(backlog(n), enough);
}

/* A copy has less in flight than changes have, and more from one half to the next, unless
 * the peer asks for single items. */
START_TEST(test_backlog_of_a_copy_is_bounded)
{
    set_large(a);
    wire_connect(&p.wire);
    while (a->core.session.copy.scan == NULL) {
        node_work(a);
        node_work(b);
        for (unsigned i = 0; i < 2; i++) {
            wire_deliver(&p.wire, i, true);
            wire_deliver(&p.wire, i, false);
        }
    }
    wire_hold(&p.wire, 0, true);
    works_within_bounds(a, LARGE);
    wire_hold(&p.wire, 0, false);
    settle_in_sync();
}
END_TEST

START_TEST(test_backlog_of_changes_is_bounded)
{
    ck_assert_int_eq(node_set(a, "x", "y"), CHANGE_OK);
    settle_in_sync();
    wire_hold(&p.wire, 0, true);
    set_large(a);
    works_within_bounds(a, BACKLOG_MAX);
    wire_hold(&p.wire, 0, false);
    settle_in_sync();
}
END_TEST

/* ---- a peer that asks and does not read */

enum { MESSAGES_MAX = 2000000, ANSWERS_MAX = 17 << 20 };

static struct link_message asks_for_noop(unsigned i)
{
    return (struct link_message){ .op = LINK_NOOP, .batch = i };
}

static struct link_message asks_for_maps(unsigned i)
{
    struct link_message m = { .op = LINK_ROLE };
    m.role = (struct link_role){ .term = 100 + i, .active = true };
    return m;
}

static struct link_message asks_for_done(unsigned i)
{
    static const uint8_t empty;
    (void)i;
    return (struct link_message){
        .op = LINK_END, .term = a->core.term, .rest = &empty, .nrest = 1
    };
}

static struct link_message only_lives(unsigned i)
{
    (void)i;
    repl_core_ping(&a->core);
    return (struct link_message){ .op = LINK_PING };
}

/* If the peer answers nothing else while this node follows, it is a leader. */
static void follow_b(void)
{
    ck_assert_int_eq(node_set(a, "x", "y"), CHANGE_OK);
    settle_in_sync();
    node_promote(b);
    settle_in_sync();
}

START_TEST(test_answers_that_nobody_reads_are_bounded)
{
    struct link_message (*const asks[])(unsigned) = { asks_for_noop, asks_for_done,
                                                      only_lives, asks_for_maps };
    for (size_t kind = 0; kind < N_ELEMENTS(asks); kind++) {
        const char *why = NULL;
        follow_b();
        wire_hold(&p.wire, 0, true);
        for (unsigned i = 0; why == NULL && i < MESSAGES_MAX; i++) {
            struct link_message m = asks[kind](i);
            AZ(pthread_mutex_lock(&a->core.lock));
            why = repl_core_message(&a->core, &m);
            AZ(pthread_mutex_unlock(&a->core.lock));
            node_work(a);
        }
        ck_assert_msg(why != NULL, "kind %zu: %zu bytes wait", kind, backlog(a));
        ck_assert_uint_lt(backlog(a), ANSWERS_MAX);
        wire_hold(&p.wire, 0, false);
        wire_cut(&p.wire);
    }
    settle_in_sync();
}
END_TEST

/* ---- a store that cannot start a scan now */

static struct repl_store_ops busy_ops;

static struct repl_scan *no_scan(void *store, const struct map *wanted)
{
    (void)store, (void)wanted;
    return NULL;
}

static enum repl_need need(struct node *n)
{
    AZ(pthread_mutex_lock(&n->core.lock));
    enum repl_need what = repl_core_need(&n->core);
    AZ(pthread_mutex_unlock(&n->core.lock));
    return what;
}

/* Retrying at once, again and again, would only waste processor time. */
START_TEST(test_a_purge_that_gets_no_scan_waits)
{
    ck_assert_int_eq(node_set(a, "x", "y"), CHANGE_OK);
    settle_in_sync();
    wire_cut(&p.wire);
    ck_assert_int_eq(node_set(a, "x", "z"), CHANGE_OK);
    busy_ops = toy_store_ops;
    busy_ops.scan_begin = no_scan;
    b->core.store_ops = &busy_ops;
    wire_connect(&p.wire);
    while (b->core.purge.goal == NULL) {
        node_work(a);
        for (unsigned i = 0; i < 2; i++) {
            wire_deliver(&p.wire, i, true);
            wire_deliver(&p.wire, i, false);
        }
    }
    ck_assert_int_eq(need(b), NEED_WORK); /* not tried yet */
    ck_assert(!node_work(b));
    ck_assert_int_eq(need(b), NEED_NOTHING);
    b->core.store_ops = &toy_store_ops;
    settle_in_sync();
    ck_assert(node_has(b, "x", "z"));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_backlog_of_a_copy_is_bounded,
        test_backlog_of_changes_is_bounded,
        test_answers_that_nobody_reads_are_bounded,
        test_a_purge_that_gets_no_scan_waits,
    };
    return unit_run_with("flow", setup, teardown, tests, N_ELEMENTS(tests));
}
