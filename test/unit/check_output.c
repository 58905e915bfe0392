/* Queued output: composed bytes and references, in the right order. */
#include "base/output.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/unit.h"

/* Remembers what was released, as text. */
struct releases {
    char names[64];
};

static void release(void *context, void *owner)
{
    struct releases *r = context;
    strcat(r->names, owner);
}

static void put(struct output *o, const char *text)
{
    ck_assert(buffer_append(&o->bytes, text, strlen(text)));
}

static void refer(struct output *o, const char *text, char *owner)
{
    ck_assert(output_reference(o, text, strlen(text), owner));
}

/* "head<BIG>mid<VALUE>tail" with two references. */
static void fill(struct output *o)
{
    output_init(o);
    put(o, "head");
    refer(o, "<BIG>", "a");
    put(o, "mid");
    refer(o, "<VALUE>", "b");
    put(o, "tail");
}

static const char ALL[] = "head<BIG>mid<VALUE>tail";

static size_t join(const struct output *o, size_t max, char *text)
{
    struct iovec pieces[OUTPUT_PIECES];
    size_t n = output_gather(o, pieces, max), at = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(text + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    text[at] = '\0';
    return n;
}

START_TEST(test_gathers_in_order)
{
    struct output o;
    struct releases r = { "" };
    char text[64];
    fill(&o);
    ck_assert_uint_eq(join(&o, OUTPUT_PIECES, text), 5);
    ck_assert_str_eq(text, ALL);
    output_clear(&o, release, &r);
    ck_assert_str_eq(r.names, "ab");
    ck_assert(output_empty(&o));
    output_fini(&o);
}
END_TEST

/* However the kernel splits the stream: the rest is always correct, and an owner is
 * released exactly when its last byte has been sent. */
START_TEST(test_any_cut)
{
    for (size_t step = 1; step <= sizeof(ALL) - 1; step++) {
        struct output o;
        struct releases r = { "" };
        char text[64];
        size_t sent = 0, total = sizeof(ALL) - 1;
        fill(&o);
        while (sent < total) {
            size_t n = total - sent < step ? total - sent : step;
            output_advance(&o, n, release, &r);
            sent += n;
            join(&o, OUTPUT_PIECES, text);
            ck_assert_str_eq(text, ALL + sent);
            ck_assert_uint_eq(strchr(r.names, 'a') != NULL, sent >= strlen("head<BIG>"));
            ck_assert_uint_eq(strchr(r.names, 'b') != NULL,
                              sent >= strlen("head<BIG>mid<VALUE>"));
        }
        ck_assert(output_empty(&o));
        ck_assert_str_eq(r.names, "ab");
        output_fini(&o);
    }
}
END_TEST

START_TEST(test_gather_has_a_limit)
{
    struct output o;
    struct releases r = { "" };
    char text[64];
    fill(&o);
    ck_assert_uint_eq(join(&o, 3, text), 2);
    ck_assert_str_eq(text, "head<BIG>");
    output_advance(&o, strlen("head<BIG>"), release, &r);
    ck_assert_uint_eq(join(&o, 3, text), 3);
    ck_assert_str_eq(text, "mid<VALUE>tail");
    output_clear(&o, release, &r);
    output_fini(&o);
}
END_TEST

/* One value in two pieces: both have the same position, the second one has the owner. */
START_TEST(test_value_in_pieces)
{
    struct output o;
    struct releases r = { "" };
    char text[64];
    output_init(&o);
    refer(&o, "first", NULL);
    refer(&o, "second", "c");
    put(&o, "\r\n");
    join(&o, OUTPUT_PIECES, text);
    ck_assert_str_eq(text, "firstsecond\r\n");
    output_advance(&o, 5, release, &r);
    ck_assert_str_eq(r.names, "");
    output_advance(&o, 8, release, &r);
    ck_assert_str_eq(r.names, "c");
    ck_assert(output_empty(&o));
    output_fini(&o);
}
END_TEST

START_TEST(test_truncate_takes_back_the_end)
{
    struct output o;
    struct releases r = { "" };
    char text[64];
    output_init(&o);
    put(&o, "keep");
    refer(&o, "<KEPT>", "k");
    struct output_mark mark = output_mark(&o);
    put(&o, "drop");
    refer(&o, "<DROPPED>", "d");
    output_truncate(&o, mark, release, &r);
    ck_assert_str_eq(r.names, "d");
    join(&o, OUTPUT_PIECES, text);
    ck_assert_str_eq(text, "keep<KEPT>");
    output_clear(&o, release, &r);
    output_fini(&o);
}
END_TEST

START_TEST(test_truncate_to_nothing)
{
    struct output o;
    struct releases r = { "" };
    output_init(&o);
    put(&o, "sent");
    output_advance(&o, 4, release, &r);
    struct output_mark mark = output_mark(&o);
    put(&o, "drop");
    refer(&o, "<DROPPED>", "d");
    output_truncate(&o, mark, release, &r);
    ck_assert_str_eq(r.names, "d");
    ck_assert(output_empty(&o));
    output_fini(&o);
}
END_TEST

/* The length counts bytes that have not been sent yet. */
START_TEST(test_length)
{
    struct output o;
    struct releases r = { "" };
    fill(&o);
    for (size_t sent = 0; sent < sizeof(ALL) - 1; sent++) {
        ck_assert_uint_eq(output_length(&o), sizeof(ALL) - 1 - sent);
        output_advance(&o, 1, release, &r);
    }
    ck_assert_uint_eq(output_length(&o), 0);
    output_fini(&o);
}
END_TEST

/* An output that is never empty does not take more memory. */
START_TEST(test_endless_stream_does_not_grow)
{
    static const char bytes[1000], value[5000];
    struct output o;
    struct releases r = { "" };
    size_t settled = 0;
    output_init(&o);
    for (unsigned i = 0; i < 10000; i++) {
        ck_assert(buffer_append(&o.bytes, bytes, sizeof(bytes)));
        ck_assert(output_reference(&o, value, sizeof(value), NULL));
        if (i >= 3)
            output_advance(&o, sizeof(bytes) + sizeof(value), release, &r);
        if (i == 100)
            settled = output_memory(&o);
        ck_assert(!output_empty(&o));
    }
    ck_assert_uint_eq(output_memory(&o), settled);
    output_clear(&o, release, &r);
    output_fini(&o);
}
END_TEST

/* ---- a socket */

/* A socket that accepts a little at a time. */
START_TEST(test_send_blocks_and_goes_on)
{
    enum { PIECE = 100000, PIECES = 200 };
    static char piece[PIECE], sink[PIECE];
    struct output o;
    struct releases r = { "" };
    size_t sent, all = 0, got = 0;
    int ends[2];
    AZ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    output_init(&o);
    for (int i = 0; i < PIECES; i++) {
        put(&o, "x");
        ck_assert(output_reference(&o, piece, PIECE, i == PIECES - 1 ? "e" : NULL));
    }
    enum output_result result;
    bool blocked = false;
    while ((result = output_send(&o, ends[0], release, &r, &sent)) == OUTPUT_BLOCKED) {
        ssize_t n;
        blocked = true;
        all += sent;
        while ((n = read(ends[1], sink, sizeof(sink))) > 0)
            got += (size_t)n;
    }
    all += sent;
    ck_assert_int_eq(result, OUTPUT_SENT);
    ck_assert(blocked);
    ck_assert_uint_eq(all, (size_t)PIECES * (PIECE + 1));
    for (ssize_t n; (n = read(ends[1], sink, sizeof(sink))) > 0;)
        got += (size_t)n;
    ck_assert_uint_eq(got, all);
    ck_assert_str_eq(r.names, "e");
    close(ends[1]);
    put(&o, "nobody listens");
    ck_assert_int_eq(output_send(&o, ends[0], release, &r, &sent), OUTPUT_BROKEN);
    output_clear(&o, release, &r);
    output_fini(&o);
    close(ends[0]);
}
END_TEST

/* However fast the other side reads. */
START_TEST(test_sends_a_part_at_a_time)
{
    enum { MOST = 3000 };
    static char piece[2000], sink[100000];
    struct output o;
    struct releases r = { "" };
    size_t sent, all = 0;
    int ends[2];
    AZ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
    output_init(&o);
    for (unsigned i = 0; i < 5; i++) {
        put(&o, "between");
        ck_assert(output_reference(&o, piece, sizeof(piece), i == 4 ? "e" : NULL));
    }
    while (output_send_part(&o, ends[0], MOST, release, &r, &sent) == OUTPUT_PART) {
        ck_assert_uint_eq(sent, MOST);
        all += sent;
    }
    ck_assert_uint_eq(all + sent, 5 * (sizeof(piece) + strlen("between")));
    ck_assert_int_eq(read(ends[1], sink, sizeof(sink)), (ssize_t)(all + sent));
    ck_assert_str_eq(r.names, "e");
    output_fini(&o);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_gathers_in_order,
                             test_any_cut,
                             test_gather_has_a_limit,
                             test_value_in_pieces,
                             test_truncate_takes_back_the_end,
                             test_truncate_to_nothing,
                             test_length,
                             test_endless_stream_does_not_grow,
                             test_send_blocks_and_goes_on,
                             test_sends_a_part_at_a_time };
    return unit_run("output", tests, N_ELEMENTS(tests));
}
