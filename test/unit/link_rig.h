/*
 * The fixture for tests of the link's messages: a buffer as the wire, one message parsed
 * from it, and examples. Call setup and teardown around each test.
 */
#ifndef TEST_UNIT_LINK_RIG_H
#define TEST_UNIT_LINK_RIG_H

#include <string.h>

#include "protocol/link_message.h"
#include "test/unit/unit.h"

enum { BODY_MAX = 1 << 20 };

static struct buffer wire;
static struct link_message m;

static inline void setup(void)
{
    buffer_init(&wire);
}

static inline void teardown(void)
{
    buffer_fini(&wire);
}

static inline void clear(void)
{
    buffer_consume(&wire, buffer_length(&wire));
}

static inline uint8_t *at(size_t i)
{
    return (uint8_t *)wire.data + wire.head + i;
}

/* Uses memory of exactly that size. Pointers in m become invalid at the next call. */
static inline enum link_result parse_part(size_t n, size_t *used, const char **why)
{
    static void *exact;
    free(exact);
    exact = malloc(n > 0 ? n : 1);
    memcpy(exact, buffer_head(&wire), n);
    return link_parse(exact, n, BODY_MAX, &m, used, why);
}

/* The whole buffer is one message, and every part of it needs more bytes. */
static inline void parse_whole(enum link_op op)
{
    const char *why = NULL;
    size_t used, length = buffer_length(&wire);
    for (size_t n = 0; n < length; n++) {
        ck_assert_int_eq(parse_part(n, &used, &why), LINK_MORE);
        ck_assert_uint_eq(used, n < FRAME_HEADER ? 0 : length);
    }
    ck_assert_msg(parse_part(length, &used, &why) == LINK_OK, "%s", why);
    ck_assert_uint_eq(used, length);
    ck_assert_int_eq(m.op, op);
    ck_assert(buffer_append(&wire, "\x80next", 5));
    ck_assert_int_eq(parse_part(length + 5, &used, &why), LINK_OK);
    ck_assert_uint_eq(used, length);
    clear();
}

static inline void refuse(const char *what)
{
    const char *why = NULL;
    size_t used;
    ck_assert_msg(parse_part(buffer_length(&wire), &used, &why) == LINK_BAD, "%s", what);
    ck_assert_ptr_nonnull(why);
    clear();
}

static const struct link_hello a_hello = {
    .version = LINK_VERSION,
    .hash_id = 0xfedcba98,
    .run = { "0123456789abcdef" },
    .met = UINT64_C(0xfedcba9876543210),
    .former = 5,
    .active = true,
    .map_bits = 24,
    .term = UINT64_C(0x123456789abcdef0),
    .seen = UINT64_MAX,
    .clocks = { .machine = 77, .store = 78 },
    .item_max = 1 << 20,
    .memory = UINT64_C(1) << 40,
    .heartbeat = 250,
    .timeout = 2000,
    .standby_writes = 2,
    .lone = 1,
    .on_conflict = 1,
    .side = SIDE_UPPER,
};

static const struct link_change a_change = {
    .key = "some key",
    .nkey = 8,
    .value = "and its value",
    .nvalue = 13,
    .flags = 0x80c0ffee,
    .exptime = 3600,
    .cas = UINT64_C(0xfedcba9876543210),
    .credit = 0x800d,
};

static inline void put_change(enum link_op op, const struct link_change *c)
{
    ck_assert(link_put_change(&wire, op, c));
    ck_assert(buffer_append(&wire, c->value, c->nvalue));
}

static inline void put_notes(enum link_op op, const struct link_note *notes, size_t n)
{
    size_t begun = link_begin(&wire, op, 5);
    for (size_t i = 0; i < n; i++)
        ck_assert(link_put_note(&wire, &notes[i]));
    link_finish(&wire, begun);
}

static const struct link_note some_notes[] = {
    { "read", 4, LINK_NOTE_READ, 0, 0 },
    { "kept", 4, LINK_NOTE_KEPT, 0x8009, 0 },
    { "evicted", 7, LINK_NOTE_EVICTED, 0x8001, UINT64_C(0x123456789abcdef0) },
};

#endif
