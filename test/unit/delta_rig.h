/* A pair whose clients change a large value, of key k. */
#ifndef TEST_UNIT_DELTA_RIG_H
#define TEST_UNIT_DELTA_RIG_H

#include "test/unit/core_rig.h"

enum { LARGE = 50000 };

static inline struct link_change large(char fill)
{
    static char value[LARGE];
    memset(value, fill, sizeof(value));
    return (struct link_change){
        .key = "k", .nkey = 1, .value = value, .nvalue = LARGE, .flags = 77
    };
}

static inline void set_large(struct node *n, char fill)
{
    const struct link_change c = large(fill);
    ck_assert_int_eq(node_store(n, &c), CHANGE_OK);
}

static inline void add(struct node *n, const char *piece, bool before)
{
    bool found = false;
    const struct link_change c = { .key = "k",
                                   .nkey = 1,
                                   .value = piece,
                                   .nvalue = (uint32_t)strlen(piece),
                                   .before = before };
    ck_assert_int_eq(node_join(n, &c, &found), CHANGE_OK);
    ck_assert(found);
}

static inline void touch(struct node *n, uint32_t exptime)
{
    ck_assert_int_eq(node_touch(n, "k", exptime), CHANGE_OK);
}

static inline struct link_change state_of(struct node *n)
{
    struct repl_item it;
    ck_assert_int_eq(toy_store_ops.lookup(&n->store, "k", 1, &it), REPL_YES);
    toy_store_ops.release(&n->store, it.item);
    return it.state;
}

static inline void begin(void)
{
    link_up();
    set_large(a, 'v');
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.deltas, 0);
}

/* Settles with so many messages of this kind more than before. */
static inline void settle_with(uint64_t deltas, uint64_t resent)
{
    deltas += a->core.count.deltas;
    resent += a->core.count.resent;
    settle_in_sync();
    ck_assert_uint_eq(a->core.count.deltas, deltas);
    ck_assert_uint_eq(a->core.count.resent, resent);
}

#endif
