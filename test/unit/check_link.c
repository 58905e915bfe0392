/* The messages of the replication link: out and back, cut short, and spoiled. */
#include "protocol/link.h"

#include <string.h>

#include "test/unit/unit.h"

enum { BODY_MAX = 1 << 20 };

static struct buffer wire;
static struct link_message m;

static void setup(void)
{
    buffer_init(&wire);
}

static void teardown(void)
{
    buffer_fini(&wire);
}

static void clear(void)
{
    buffer_consume(&wire, buffer_length(&wire));
}

static uint8_t *at(size_t i)
{
    return (uint8_t *)wire.data + wire.head + i;
}

/* In memory of just their size. Pointers in m are void after the next call. */
static enum link_result parse_part(size_t n, size_t *used, const char **why)
{
    static void *exact;
    free(exact);
    exact = malloc(n > 0 ? n : 1);
    memcpy(exact, buffer_head(&wire), n);
    return link_parse(exact, n, BODY_MAX, &m, used, why);
}

/* The whole of it is one message, and every part of it asks for more. */
static void parse_whole(enum link_op op)
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

static void refuse(const char *what)
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
    .met = { "fedcba9876543210" },
    .active = true,
    .map_bits = 24,
    .reign = UINT64_C(0x123456789abcdef0),
    .seen = UINT64_MAX,
    .clock = 77,
    .item_max = 1 << 20,
    .memory = UINT64_C(1) << 40,
};

START_TEST(test_hello)
{
    ck_assert(link_put_hello(&wire, &a_hello));
    parse_whole(LINK_HELLO);
    const struct link_hello *h = &m.hello;
    ck_assert_uint_eq(h->version, LINK_VERSION);
    ck_assert_uint_eq(h->hash_id, a_hello.hash_id);
    ck_assert_int_eq(run_id_order(&h->run, &a_hello.run), 0);
    ck_assert_int_eq(run_id_order(&h->met, &a_hello.met), 0);
    ck_assert(!run_id_is_none(&h->met));
    ck_assert(h->active);
    ck_assert_uint_eq(h->map_bits, 24);
    ck_assert_uint_eq(h->reign, a_hello.reign);
    ck_assert_uint_eq(h->seen, a_hello.seen);
    ck_assert_uint_eq(h->clock, 77);
    ck_assert_uint_eq(h->item_max, 1 << 20);
    ck_assert_uint_eq(h->memory, UINT64_C(1) << 40);
}
END_TEST

/* A later version may say more; less is malformed. */
START_TEST(test_hello_of_other_lengths)
{
    ck_assert(link_put_hello(&wire, &a_hello));
    size_t length = buffer_length(&wire);
    ck_assert(buffer_append(&wire, "more", 4));
    link_finish(&wire, 0);
    parse_whole(LINK_HELLO);
    ck_assert_uint_eq(m.hello.memory, UINT64_C(1) << 40);
    ck_assert(link_put_hello(&wire, &a_hello));
    *at(11) -= 1;
    refuse("a short HELLO");
    ck_assert_uint_gt(length, FRAME_HEADER);
}
END_TEST

START_TEST(test_role)
{
    struct link_role role = { .reign = 5, .active = true, .run = { "run" } };
    ck_assert(link_put_role(&wire, &role));
    parse_whole(LINK_ROLE);
    ck_assert_uint_eq(m.role.reign, 5);
    ck_assert(m.role.active);
    ck_assert_int_eq(run_id_order(&m.role.run, &role.run), 0);
    role.active = false;
    ck_assert(link_put_role(&wire, &role));
    parse_whole(LINK_ROLE);
    ck_assert(!m.role.active);
}
END_TEST

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

static void put_change(enum link_op op, const struct link_change *c)
{
    ck_assert(link_put_change(&wire, op, c));
    ck_assert(buffer_append(&wire, c->value, c->nvalue));
}

START_TEST(test_changes)
{
    const enum link_op ops[] = { LINK_SETQ, LINK_FILL };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        put_change(ops[i], &a_change);
        parse_whole(ops[i]);
        ck_assert_uint_eq(m.change.nkey, 8);
        ck_assert(memcmp(m.change.key, "some key", 8) == 0);
        ck_assert_uint_eq(m.change.nvalue, 13);
        ck_assert(memcmp(m.change.value, "and its value", 13) == 0);
        ck_assert_uint_eq(m.change.flags, a_change.flags);
        ck_assert_uint_eq(m.change.exptime, 3600);
        ck_assert_uint_eq(m.change.cas, a_change.cas);
        ck_assert_uint_eq(m.change.credit, a_change.credit);
    }
}
END_TEST

static void put_notes(enum link_op op, const struct link_note *notes, size_t n)
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

START_TEST(test_notice)
{
    struct link_note note;
    size_t at = 0;
    put_notes(LINK_NOTICE, some_notes, N_ELEMENTS(some_notes));
    parse_whole(LINK_NOTICE);
    ck_assert_uint_eq(m.reign, 5);
    for (size_t i = 0; i < N_ELEMENTS(some_notes); i++) {
        const struct link_note *wanted = &some_notes[i];
        ck_assert(link_next_note(&m, &at, &note));
        ck_assert_uint_eq(note.kind, wanted->kind);
        ck_assert_uint_eq(note.credit, wanted->credit);
        ck_assert_uint_eq(note.cas, wanted->cas);
        ck_assert_uint_eq(note.nkey, wanted->nkey);
        ck_assert(memcmp(note.key, wanted->key, note.nkey) == 0);
    }
    ck_assert(!link_next_note(&m, &at, &note));
    put_notes(LINK_NOTICE, NULL, 0);
    parse_whole(LINK_NOTICE);
}
END_TEST

/* The kind of the first note stands behind the header and the reign, then its key's
 * length. */
START_TEST(test_malformed_notices)
{
    const struct {
        size_t at;
        uint8_t byte;
    } wrong[] = { { 32, LINK_NOTE_KINDS },
                  { 33, 0 },
                  { 33, 5 },
                  { 33, 251 },
                  { 32, LINK_NOTE_EVICTED } };
    for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
        put_notes(LINK_NOTICE, some_notes, 1);
        *at(wrong[i].at) = wrong[i].byte;
        refuse("a malformed list of keys");
    }
}
END_TEST

START_TEST(test_change_without_a_value)
{
    struct link_change c = { .key = "k", .nkey = 1, .cas = 1 };
    ck_assert(link_put_change(&wire, LINK_SETQ, &c));
    parse_whole(LINK_SETQ);
    ck_assert_uint_eq(m.change.nvalue, 0);
    ck_assert_uint_eq(m.change.nkey, 1);
}
END_TEST

START_TEST(test_delete)
{
    struct link_change c = { .key = "gone", .nkey = 4, .flags = 7 };
    ck_assert(link_put_change(&wire, LINK_DELETEQ, &c));
    parse_whole(LINK_DELETEQ);
    ck_assert_uint_eq(m.change.nkey, 4);
    ck_assert(memcmp(m.change.key, "gone", 4) == 0);
}
END_TEST

START_TEST(test_key_lengths)
{
    char key[LINK_KEY_MAX + 1];
    memset(key, 'k', sizeof(key));
    struct link_change c = { .key = key, .nkey = LINK_KEY_MAX };
    ck_assert(link_put_change(&wire, LINK_SETQ, &c));
    parse_whole(LINK_SETQ);
    ck_assert(link_put_change(&wire, LINK_DELETEQ, &c));
    parse_whole(LINK_DELETEQ);
    const uint16_t wrong[] = { 0, LINK_KEY_MAX + 1 };
    for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
        c.nkey = wrong[i];
        ck_assert(link_put_change(&wire, LINK_SETQ, &c));
        refuse("a change with such a key");
        ck_assert(link_put_change(&wire, LINK_DELETEQ, &c));
        refuse("a delete with such a key");
    }
}
END_TEST

START_TEST(test_flush)
{
    ck_assert(link_put_flush(&wire, 0));
    parse_whole(LINK_FLUSHQ);
    ck_assert_uint_eq(m.delay, 0);
    ck_assert(link_put_flush(&wire, 0x12345678));
    parse_whole(LINK_FLUSHQ);
    ck_assert_uint_eq(m.delay, 0x12345678);
    struct frame bare = { .magic = FRAME_REQUEST, .opcode = LINK_FLUSHQ };
    char *room = buffer_reserve(&wire, FRAME_HEADER);
    frame_encode(&bare, room);
    buffer_commit(&wire, FRAME_HEADER);
    parse_whole(LINK_FLUSHQ); /* as memcached's own clients send it */
    ck_assert_uint_eq(m.delay, 0);
}
END_TEST

START_TEST(test_batches)
{
    ck_assert(link_put_noop(&wire, 0xfffffffe, false));
    parse_whole(LINK_NOOP);
    ck_assert(!m.is_response);
    ck_assert_uint_eq(m.batch, 0xfffffffe);
    ck_assert(link_put_noop(&wire, 3, true));
    parse_whole(LINK_NOOP);
    ck_assert(m.is_response);
    ck_assert_uint_eq(m.batch, 3);
}
END_TEST

START_TEST(test_plain_messages)
{
    const enum link_op ops[] = { LINK_PURGED, LINK_END };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        ck_assert(link_put_plain(&wire, ops[i], UINT64_C(1) << 63));
        parse_whole(ops[i]);
        ck_assert_uint_eq(m.reign, UINT64_C(1) << 63);
        ck_assert_uint_eq(m.nrest, 0);
    }
    ck_assert(link_put_plain(&wire, LINK_PING, 1));
    parse_whole(LINK_PING);
    ck_assert(link_put_bye(&wire, "because"));
    parse_whole(LINK_BYE);
    ck_assert_uint_eq(m.nrest, 7);
    ck_assert(memcmp(m.rest, "because", 7) == 0);
}
END_TEST

START_TEST(test_messages_with_maps)
{
    const enum link_op ops[] = { LINK_MAP, LINK_MERGE, LINK_RESYNC };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        size_t begun = link_begin(&wire, ops[i], 9);
        ck_assert(buffer_append(&wire, "maps and maps", 13));
        link_finish(&wire, begun);
        parse_whole(ops[i]);
        ck_assert_uint_eq(m.reign, 9);
        ck_assert_uint_eq(m.nrest, 13);
        ck_assert(memcmp(m.rest, "maps and maps", 13) == 0);
    }
}
END_TEST

/* A message that is begun behind others, and one whose begin moves the buffer. */
START_TEST(test_begin_in_the_middle)
{
    const char *why;
    size_t used;
    ck_assert(link_put_noop(&wire, 1, false));
    ck_assert(link_put_noop(&wire, 2, false));
    buffer_consume(&wire, FRAME_HEADER);
    size_t begun = link_begin(&wire, LINK_MAP, 4);
    char *room = buffer_reserve(&wire, 100000);
    memset(room, 0, 100000);
    buffer_commit(&wire, 100000);
    link_finish(&wire, begun);
    ck_assert_int_eq(parse_part(buffer_length(&wire), &used, &why), LINK_OK);
    buffer_consume(&wire, used);
    ck_assert_int_eq(parse_part(buffer_length(&wire), &used, &why), LINK_OK);
    ck_assert_uint_eq(m.nrest, 100000);
    ck_assert_uint_eq(used, buffer_length(&wire));
}
END_TEST

START_TEST(test_notes)
{
    const struct link_note notes[] = { { .key = "k", .nkey = 1 },
                                       { .key = "longer", .nkey = 6 } };
    struct link_note note;
    size_t at_note = 0;
    put_notes(LINK_FETCH, notes, N_ELEMENTS(notes));
    parse_whole(LINK_FETCH);
    ck_assert_uint_eq(m.reign, 5);
    for (size_t i = 0; i < N_ELEMENTS(notes); i++) {
        ck_assert(link_next_note(&m, &at_note, &note));
        ck_assert_uint_eq(note.nkey, notes[i].nkey);
        ck_assert_mem_eq(note.key, notes[i].key, note.nkey);
    }
    ck_assert(!link_next_note(&m, &at_note, &note));
}
END_TEST

/* ---- what is refused */

START_TEST(test_not_our_protocol)
{
    size_t used;
    const char *why;
    const char *const texts[] = { "get k\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01" };
    for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
        ck_assert(buffer_append(&wire, texts[i], strlen(texts[i])));
        ck_assert_int_eq(parse_part(1, &used, &why), LINK_BAD);
        refuse(texts[i]);
    }
}
END_TEST

static bool is_known(unsigned opcode)
{
    return link_op_name((uint8_t)opcode) != NULL;
}

/* ABSENT has notes of its own, and no other message has them. */
START_TEST(test_absences)
{
    static char longest[LINK_KEY_MAX + 1];
    memset(longest, 'k', LINK_KEY_MAX);
    const struct link_note absences[] = {
        { .key = "a", .nkey = 1, .kind = LINK_NOTE_ABSENT },
        { .key = longest, .nkey = LINK_KEY_MAX, .kind = LINK_NOTE_ABSENT_LACKED }
    };
    struct link_note note;
    size_t at_note = 0;
    put_notes(LINK_ABSENT, absences, 2);
    parse_whole(LINK_ABSENT);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(link_next_note(&m, &at_note, &note));
        ck_assert_uint_eq(note.kind, absences[i].kind);
        ck_assert_uint_eq(note.nkey, absences[i].nkey);
        ck_assert_mem_eq(note.key, absences[i].key, note.nkey);
    }
    put_notes(LINK_NOTICE, absences, 1);
    refuse("an absence in a NOTICE");
    put_notes(LINK_ABSENT, some_notes, 1);
    refuse("a read in an ABSENT");
    put_notes(LINK_ABSENT, NULL, 0);
    parse_whole(LINK_ABSENT);
    put_notes(LINK_ABSENT, NULL, 0);
    *at(11) = 7; /* shorter than a reign */
    refuse("no reign");
}
END_TEST

START_TEST(test_unknown_kinds)
{
    unsigned known = 0;
    for (unsigned op = 0; op < 256; op++) {
        if (is_known(op)) {
            known++;
            continue;
        }
        ck_assert(link_put_noop(&wire, 0, false));
        *at(1) = (uint8_t)op;
        refuse("an unknown kind");
    }
    ck_assert_uint_eq(known, 23);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_str_eq(link_op_name(LINK_SETQ), "SETQ");
    ck_assert_str_eq(link_op_name(LINK_BYE), "BYE");
    ck_assert_uint_eq(LINK_SETQ, 0x11);
    ck_assert_uint_eq(LINK_DELETEQ, 0x14);
    ck_assert_uint_eq(LINK_FLUSHQ, 0x18);
    ck_assert_uint_eq(LINK_NOOP, 0x0a);
    ck_assert_uint_eq(LINK_HELLO, 0xe0);
    ck_assert_ptr_null(link_op_name(0));
    ck_assert_ptr_null(link_op_name(0xff));
}
END_TEST

START_TEST(test_only_batches_are_answered)
{
    for (unsigned op = 0; op < 256; op++) {
        if (!is_known(op) || op == LINK_NOOP)
            continue;
        ck_assert(link_put_noop(&wire, 0, true));
        *at(1) = (uint8_t)op;
        refuse("a response");
    }
}
END_TEST

/* The lengths in the header, each made wrong: of the key, the extras, the body. */
START_TEST(test_wrong_lengths)
{
    put_change(LINK_SETQ, &a_change);
    *at(4) = 7;
    refuse("extras too short");
    put_change(LINK_FILL, &a_change);
    *at(4) = 9;
    refuse("extras too long");
    put_change(LINK_SETQ, &a_change);
    *at(2) = 0xff;
    refuse("a key beyond the body");
    struct link_change gone = { .key = "gone", .nkey = 4 };
    ck_assert(link_put_change(&wire, LINK_DELETEQ, &gone));
    *at(3) = 3;
    refuse("a delete with a value");
    ck_assert(link_put_change(&wire, LINK_DELETEQ, &gone));
    *at(4) = 1;
    refuse("a delete with extras");
    ck_assert(link_put_flush(&wire, 1));
    *at(4) = 3;
    refuse("a flush with three bytes");
    ck_assert(link_put_flush(&wire, 1));
    *at(4) = 0;
    refuse("a flush with a value");
    ck_assert(link_put_noop(&wire, 1, false));
    *at(11) = 1;
    ck_assert(buffer_append(&wire, "x", 1));
    refuse("a batch mark with a body");
}
END_TEST

START_TEST(test_wrong_bodies)
{
    const enum link_op ops[] = { LINK_MAP,    LINK_MERGE, LINK_PURGED,
                                 LINK_RESYNC, LINK_END,   LINK_ROLE };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        ck_assert(link_put_plain(&wire, ops[i], 1));
        *at(11) = 7;
        refuse("no whole reign");
        ck_assert(link_put_plain(&wire, ops[i], 1));
        *at(3) = 1;
        refuse("a key");
        ck_assert(link_put_plain(&wire, ops[i], 1));
        *at(4) = 1;
        refuse("extras");
    }
    ck_assert(link_put_bye(&wire, "because"));
    *at(3) = 1;
    refuse("a BYE with a key");
    ck_assert(link_put_bye(&wire, "a line\r\nSTAT of_another 1"));
    refuse("a BYE that would write a line of its own");
    ck_assert(link_put_hello(&wire, &a_hello));
    *at(4) = 1;
    refuse("a HELLO with extras");
}
END_TEST

START_TEST(test_body_limit)
{
    size_t used;
    const char *why;
    put_change(LINK_SETQ, &a_change);
    size_t body = buffer_length(&wire) - FRAME_HEADER;
    ck_assert_int_eq(
        link_parse(buffer_head(&wire), buffer_length(&wire), body, &m, &used, &why),
        LINK_OK);
    buffer_consume(&wire, buffer_length(&wire));
    ck_assert(link_begin(&wire, LINK_MAP, 1) == 0);
    *at(8) = 0xff; /* four gigabytes are announced: refused before they come */
    ck_assert_int_eq(
        link_parse(buffer_head(&wire), FRAME_HEADER, BODY_MAX, &m, &used, &why),
        LINK_BAD);
}
END_TEST

/* A change that is too large is taken as soon as its key is here, without its value. */
START_TEST(test_value_limit)
{
    static const enum link_op ops[] = { LINK_SETQ, LINK_FILL, LINK_CHECK };
    size_t used;
    const char *why;
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        put_change(ops[i], &a_change);
        size_t whole = buffer_length(&wire), head = whole - a_change.nvalue;
        uint64_t max = whole - FRAME_HEADER - 1;
        ck_assert_int_eq(link_parse(buffer_head(&wire), head - 1, max, &m, &used, &why),
                         LINK_MORE);
        ck_assert_uint_eq(used, head);
        ck_assert_int_eq(link_parse(buffer_head(&wire), head, max, &m, &used, &why),
                         LINK_OK);
        ck_assert_uint_eq(used, whole);
        ck_assert_ptr_null(m.change.value);
        ck_assert_uint_eq(m.change.nvalue, a_change.nvalue);
        ck_assert_int_eq(m.change.nkey, a_change.nkey);
        ck_assert_int_eq(memcmp(m.change.key, a_change.key, a_change.nkey), 0);
        buffer_consume(&wire, whole);
    }
}
END_TEST

START_TEST(test_list_limit)
{
    struct link_note n = { .key = "k", .nkey = 1 };
    size_t used, begun = link_begin(&wire, LINK_FETCH, 1);
    const char *why;
    while (buffer_length(&wire) <= LINK_NOTES_MAX)
        ck_assert(link_put_note(&wire, &n));
    link_finish(&wire, begun);
    ck_assert_int_eq(
        link_parse(buffer_head(&wire), buffer_length(&wire), 10 << 20, &m, &used, &why),
        LINK_OK);
    for (unsigned i = 0; i < 20; i++)
        ck_assert(link_put_note(&wire, &n));
    link_finish(&wire, begun);
    ck_assert_int_eq(
        link_parse(buffer_head(&wire), buffer_length(&wire), 10 << 20, &m, &used, &why),
        LINK_BAD);
}
END_TEST

START_TEST(test_run_order)
{
    struct run_id low = { "a" }, high = { "b" };
    ck_assert_int_lt(run_id_order(&low, &high), 0);
    ck_assert_int_gt(run_id_order(&high, &low), 0);
    ck_assert_int_eq(run_id_order(&low, &low), 0);
    high = low;
    high.bytes[RUN_ID_SIZE - 1] = 0x80; /* compared as unsigned bytes */
    low.bytes[RUN_ID_SIZE - 1] = 0x7f;
    ck_assert_int_lt(run_id_order(&low, &high), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_hello,
        test_hello_of_other_lengths,
        test_role,
        test_changes,
        test_notice,
        test_malformed_notices,
        test_change_without_a_value,
        test_delete,
        test_key_lengths,
        test_flush,
        test_batches,
        test_plain_messages,
        test_messages_with_maps,
        test_begin_in_the_middle,
        test_notes,
        test_not_our_protocol,
        test_absences,
        test_unknown_kinds,
        test_names,
        test_only_batches_are_answered,
        test_wrong_lengths,
        test_wrong_bodies,
        test_body_limit,
        test_value_limit,
        test_list_limit,
        test_run_order,
    };
    return unit_run_with("link", setup, teardown, tests, N_ELEMENTS(tests));
}
