/*
 * The fixture for tests of the core: two nodes on a wire, a and b. Each test is a story
 * that ends with both at rest, holding the same. Call setup and teardown around it.
 */
#ifndef TEST_UNIT_CORE_RIG_H
#define TEST_UNIT_CORE_RIG_H

#include <string.h>

#include "test/fake/pair.h"
#include "test/unit/unit.h"

static struct pair p;
static struct node *const a = &p.node[0], *const b = &p.node[1];

static inline void setup(void)
{
    pair_init(&p, NULL);
}

static inline void teardown(void)
{
    pair_fini(&p);
}

static inline void restart_pair(const struct pair_config *config)
{
    pair_fini(&p);
    pair_init(&p, config);
}

static inline void settle(void)
{
    ck_assert(pair_settle(&p));
    ck_assert_uint_eq(p.wire.end[0].refused, 0);
    ck_assert_uint_eq(p.wire.end[1].refused, 0);
}

/* The node dies with its link, and another run of it takes up the link. */
static inline void return_empty(struct node *n)
{
    node_crash(n);
    wire_lose(&p.wire, 0);
    node_start(n);
    wire_connect(&p.wire);
}

/* Runs until nothing moves: both must hold the same and know it. */
static inline void settle_in_sync(void)
{
    char why[400] = "";
    settle();
    ck_assert_msg(pair_same(&p, why, sizeof(why)), "%s", why);
    ck_assert(pair_in_sync(&p));
}

static inline void both_have(const char *key, const char *value)
{
    const char *what = value != NULL ? value : "(absent)";
    ck_assert_msg(node_has(a, key, value), "a: %s is not %s", key, what);
    ck_assert_msg(node_has(b, key, value), "b: %s is not %s", key, what);
}

static inline void set(struct node *n, const char *key, const char *value)
{
    ck_assert_int_eq(node_set(n, key, value), CHANGE_OK);
}

static inline const char *numbered(unsigned i)
{
    static char key[20];
    snprintf(key, sizeof(key), "key %u", i);
    return key;
}

static inline void set_many(struct node *n, unsigned from, unsigned to, const char *value)
{
    for (unsigned i = from; i < to; i++)
        set(n, numbered(i), value);
}

/* a is active, b follows, both are in sync. */
static inline void link_up(void)
{
    set(a, "first", "1");
    settle_in_sync();
    ck_assert(a->core.active && !b->core.active);
}

/* Its texts are valid until the next call. */
static inline struct repl_status figures_of(struct node *n)
{
    static struct repl_status s;
    repl_core_status(&n->core, &s);
    return s;
}

static inline uint64_t items_copied(void)
{
    return a->core.count.resync_items + b->core.count.resync_items;
}

/* Each node works a little, and gets one message. */
static inline void one_round(void)
{
    node_work(a);
    node_work(b);
    for (unsigned n = 0; n < 2; n++) {
        wire_deliver(&p.wire, n, true);
        wire_deliver(&p.wire, n, false);
    }
}

#endif
