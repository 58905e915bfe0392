/* The messages of the replication link: composed and parsed, whole or cut. */
#include "test/unit/link_rig.h"

START_TEST(test_hello)
{
    ck_assert(link_put_hello(&wire, &a_hello));
    parse_whole(LINK_HELLO);
    const struct link_hello *h = &m.hello;
    ck_assert_uint_eq(h->version, LINK_VERSION);
    ck_assert_uint_eq(h->hash_id, a_hello.hash_id);
    ck_assert_int_eq(run_id_order(&h->run, &a_hello.run), 0);
    ck_assert_uint_eq(h->met, a_hello.met);
    ck_assert_uint_eq(h->former, a_hello.former);
    ck_assert(h->active);
    ck_assert_uint_eq(h->map_bits, 24);
    ck_assert_uint_eq(h->term, a_hello.term);
    ck_assert_uint_eq(h->seen, a_hello.seen);
    ck_assert_uint_eq(h->side, a_hello.side);
    ck_assert_uint_eq(h->clocks.machine, 77);
    ck_assert_uint_eq(h->clocks.store, 78);
    ck_assert_uint_eq(h->item_max, 1 << 20);
    ck_assert_uint_eq(h->memory, UINT64_C(1) << 40);
    ck_assert_uint_eq(h->heartbeat, 250);
    ck_assert_uint_eq(h->timeout, 2000);
    ck_assert(h->standby_writes == 2 && h->lone == 1 && h->on_conflict == 1);
}
END_TEST

START_TEST(test_role)
{
    struct link_role role = { .term = 5, .active = true, .run = { "run" } };
    ck_assert(link_put_role(&wire, &role));
    parse_whole(LINK_ROLE);
    ck_assert_uint_eq(m.role.term, 5);
    ck_assert(m.role.active);
    ck_assert_int_eq(run_id_order(&m.role.run, &role.run), 0);
    role.active = false;
    ck_assert(link_put_role(&wire, &role));
    parse_whole(LINK_ROLE);
    ck_assert(!m.role.active);
}
END_TEST

START_TEST(test_taken)
{
    const struct link_taken taken = { .term = 5, .batch = 1u << 31, .changes = 7 };
    ck_assert(link_put_taken(&wire, &taken));
    parse_whole(LINK_TAKEN);
    ck_assert_uint_eq(m.taken.term, 5);
    ck_assert_uint_eq(m.taken.batch, 1u << 31);
    ck_assert_uint_eq(m.taken.changes, 7);
}
END_TEST

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

START_TEST(test_stream)
{
    struct link_change c = a_change;
    c.nvalue = 1u << 30;
    for (unsigned by = 0; by < LINK_STREAMS; by++) {
        ck_assert(link_put_stream(&wire, (enum link_stream)by, &c));
        parse_whole(LINK_STREAM);
        ck_assert_uint_eq(m.stream, by);
        ck_assert(m.change.nkey == 8 && memcmp(m.change.key, "some key", 8) == 0);
        ck_assert(m.change.nvalue == 1u << 30 && m.change.value == NULL);
        ck_assert_uint_eq(m.change.flags, a_change.flags);
        ck_assert_uint_eq(m.change.exptime, 3600);
        ck_assert_uint_eq(m.change.cas, a_change.cas);
        ck_assert_uint_eq(m.change.credit, a_change.credit);
        ck_assert(link_put_chunk(&wire, (enum link_stream)by, "some", 4));
        parse_whole(LINK_CHUNK);
        ck_assert_uint_eq(m.stream, by);
        ck_assert(m.nrest == 4 && memcmp(m.rest, "some", 4) == 0);
    }
}
END_TEST

START_TEST(test_delta)
{
    struct link_change c = a_change;
    c.base = UINT64_C(0x123456789abcdef0);
    for (unsigned before = 0; before < 2; before++) {
        c.before = before;
        put_change(LINK_DELTA, &c);
        parse_whole(LINK_DELTA);
        ck_assert_uint_eq(m.change.base, c.base);
        ck_assert(m.change.before == c.before);
        ck_assert_uint_eq(m.change.exptime, 3600);
        ck_assert_uint_eq(m.change.cas, a_change.cas);
        ck_assert_uint_eq(m.change.credit, a_change.credit);
        ck_assert(m.change.nkey == 8 && memcmp(m.change.key, "some key", 8) == 0);
        ck_assert(m.change.nvalue == 13 && memcmp(m.change.value, "and its", 7) == 0);
    }
    c.nvalue = 0;
    put_change(LINK_DELTA, &c);
    parse_whole(LINK_DELTA);
    ck_assert_uint_eq(m.change.nvalue, 0);
}
END_TEST

START_TEST(test_notice)
{
    struct link_note note;
    size_t at = 0;
    put_notes(LINK_NOTICE, some_notes, N_ELEMENTS(some_notes));
    parse_whole(LINK_NOTICE);
    ck_assert_uint_eq(m.term, 5);
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
    ck_assert_uint_eq(m.flush_at, 0);
    ck_assert(link_put_flush(&wire, 0x12345678));
    parse_whole(LINK_FLUSHQ);
    ck_assert_uint_eq(m.flush_at, 0x12345678);
    struct frame bare = { .magic = FRAME_REQUEST, .opcode = LINK_FLUSHQ };
    char *room = buffer_reserve(&wire, FRAME_HEADER);
    frame_encode(&bare, room);
    buffer_commit(&wire, FRAME_HEADER);
    parse_whole(LINK_FLUSHQ); /* as memcached's own clients send it */
    ck_assert_uint_eq(m.flush_at, 0);
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
    const enum link_op ops[] = { LINK_DONE, LINK_HANDOVER };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        ck_assert(link_put_plain(&wire, ops[i], UINT64_C(1) << 63));
        parse_whole(ops[i]);
        ck_assert_uint_eq(m.term, UINT64_C(1) << 63);
        ck_assert_uint_eq(m.nrest, 0);
    }
    const struct link_clocks clocks = { .machine = 3, .store = 4, .echo = 5 };
    ck_assert(link_put_ping(&wire, 2, &clocks));
    parse_whole(LINK_PING);
    ck_assert_uint_eq(m.ping.term, 2);
    ck_assert_uint_eq(m.ping.clocks.machine, 3);
    ck_assert_uint_eq(m.ping.clocks.store, 4);
    ck_assert_uint_eq(m.ping.clocks.echo, 5);
    ck_assert(link_put_bye(&wire, "because"));
    parse_whole(LINK_BYE);
    ck_assert_uint_eq(m.nrest, 7);
    ck_assert(memcmp(m.rest, "because", 7) == 0);
}
END_TEST

START_TEST(test_messages_with_maps)
{
    const enum link_op ops[] = { LINK_MAP, LINK_MERGE, LINK_REFILL, LINK_REPLACE,
                                 LINK_END };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        size_t begun = link_begin(&wire, ops[i], 9);
        ck_assert(buffer_append(&wire, "maps and maps", 13));
        link_finish(&wire, begun);
        parse_whole(ops[i]);
        ck_assert_uint_eq(m.term, 9);
        ck_assert_uint_eq(m.nrest, 13);
        ck_assert(memcmp(m.rest, "maps and maps", 13) == 0);
    }
}
END_TEST

/* A message that begins behind others, and one whose begin moves the buffer. */
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
    ck_assert_uint_eq(m.term, 5);
    for (size_t i = 0; i < N_ELEMENTS(notes); i++) {
        ck_assert(link_next_note(&m, &at_note, &note));
        ck_assert_uint_eq(note.nkey, notes[i].nkey);
        ck_assert_mem_eq(note.key, notes[i].key, note.nkey);
    }
    ck_assert(!link_next_note(&m, &at_note, &note));
}
END_TEST

/* ABSENT has its own kind of notes, which no other message has. */
START_TEST(test_absences)
{
    static char longest[LINK_KEY_MAX + 1];
    memset(longest, 'k', LINK_KEY_MAX);
    const struct link_note absences[] = {
        { .key = "a", .nkey = 1, .kind = LINK_NOTE_ABSENT },
        { .key = longest, .nkey = LINK_KEY_MAX, .kind = LINK_NOTE_ABSENT_MISSING }
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
    *at(11) = 7; /* shorter than a term */
    refuse("no term");
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

static bool is_known(unsigned opcode)
{
    return link_op_name((uint8_t)opcode) != NULL;
}

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
        test_role,
        test_taken,
        test_changes,
        test_delta,
        test_stream,
        test_notice,
        test_change_without_a_value,
        test_delete,
        test_key_lengths,
        test_flush,
        test_batches,
        test_plain_messages,
        test_messages_with_maps,
        test_begin_in_the_middle,
        test_notes,
        test_absences,
        test_names,
        test_only_batches_are_answered,
        test_run_order,
    };
    return unit_run_with("link", setup, teardown, tests, N_ELEMENTS(tests));
}
