/* Bad messages on the replication link: damaged, too long, or of another protocol. */
#include "test/unit/link_rig.h"

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
    ck_assert_uint_eq(known, 32);
}
END_TEST

static void put_stream(void)
{
    ck_assert(link_put_stream(&wire, STREAM_COPY, &a_change));
}

START_TEST(test_malformed_streams)
{
    const struct {
        size_t at;
        uint8_t byte;
        const char *what;
    } cases[] = {
        { 3, 0, "no key" },
        { 3, 9, "a key that is longer than the body" },
        { 4, 12, "short extras" },
        { FRAME_HEADER + 11, 0, "an empty value" },
        { FRAME_HEADER + 12, LINK_STREAMS, "a stream that there is not" },
    };
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        put_stream();
        *at(cases[i].at) = cases[i].byte;
        refuse(cases[i].what);
    }
    put_stream();
    ck_assert(buffer_append(&wire, "v", 1));
    *at(11) += 1;
    refuse("a value at once");
}
END_TEST

START_TEST(test_malformed_chunks)
{
    static const char bytes[LINK_CHUNK_MAX + 1];
    const size_t sizes[] = { 0, LINK_CHUNK_MAX + 1 };
    for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
        ck_assert(link_put_chunk(&wire, STREAM_COPY, bytes, sizes[i]));
        refuse("a chunk of no size");
    }
    ck_assert(link_put_chunk(&wire, (enum link_stream)LINK_STREAMS, bytes, 1));
    refuse("a stream that there is not");
    ck_assert(link_put_chunk(&wire, STREAM_COPY, bytes, 1));
    *at(3) = 1;
    refuse("a key");
}
END_TEST

/* A later version may send a longer HELLO; a shorter one is malformed. */
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

/* The kind of the first note follows the header and the term; then comes its key's
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

/* Wrong lengths in the header, one at a time: of the key, the extras, the body. */
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

START_TEST(test_wrong_deltas)
{
    put_change(LINK_DELTA, &a_change);
    *at(4) = 12;
    refuse("extras too short");
    put_change(LINK_DELTA, &a_change);
    *at(FRAME_HEADER + 12) = 2;
    refuse("a side that there is not");
    put_change(LINK_DELTA, &a_change);
    *at(3) = 0;
    refuse("no key");
    put_change(LINK_DELTA, &a_change);
    *at(3) = 251;
    refuse("a key that is too long");
    put_change(LINK_DELTA, &a_change);
    *at(8) = 1; /* no piece is as long as the longest value */
    refuse("a body that is too long");
}
END_TEST

START_TEST(test_wrong_bodies)
{
    const enum link_op ops[] = { LINK_MAP,     LINK_MERGE, LINK_REFILL, LINK_DONE,
                                 LINK_REPLACE, LINK_END,   LINK_ROLE,   LINK_TAKEN };
    for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
        ck_assert(link_put_plain(&wire, ops[i], 1));
        *at(11) = 7;
        refuse("no whole term");
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
    ck_assert(link_put_report(&wire, 1, &(struct link_report){ 0 }, "well\r\nSTAT a 1"));
    refuse("a REPORT that would write a line of its own");
    ck_assert(link_put_report(&wire, 1, &(struct link_report){ 0 }, ""));
    *at(11) -= 1;
    refuse("a REPORT that is too short");
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
    *at(8) = 0xff; /* announces four gigabytes: refused before they arrive */
    ck_assert_int_eq(
        link_parse(buffer_head(&wire), FRAME_HEADER, BODY_MAX, &m, &used, &why),
        LINK_BAD);
}
END_TEST

/* A change that is too large is parsed without its value, once its key has arrived. */
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

int main(void)
{
    const TTest *tests[] = {
        test_not_our_protocol,  test_unknown_kinds,     test_hello_of_other_lengths,
        test_malformed_notices, test_wrong_lengths,     test_wrong_deltas,
        test_wrong_bodies,      test_body_limit,        test_value_limit,
        test_list_limit,        test_malformed_streams, test_malformed_chunks,
    };
    return unit_run_with("link_refused", setup, teardown, tests, N_ELEMENTS(tests));
}
