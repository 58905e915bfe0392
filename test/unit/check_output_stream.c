/* An output queue that may never be empty: bytes and values are added and sent in any
 * order. */
#include "base/output.h"

#include <string.h>

#include "test/unit/unit.h"

enum { VALUES_MAX = 64, STREAM_MAX = 4096 };

struct value {
    char bytes[40];
    unsigned released;
};

struct stream {
    struct output o;
    struct value values[VALUES_MAX];
    unsigned nvalues;
    char queued[STREAM_MAX], sent[STREAM_MAX];
    size_t nqueued, nsent;
};

static void count_release(void *context, void *owner)
{
    struct value *v = owner;
    ck_assert_ptr_nonnull(context);
    v->released++;
}

static void expect(struct stream *s, const void *bytes, size_t n)
{
    ck_assert_uint_le(s->nqueued + n, STREAM_MAX);
    memcpy(s->queued + s->nqueued, bytes, n);
    s->nqueued += n;
}

static void make(struct stream *s, char first, char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(first + (char)((s->nqueued + i) % 26));
}

static void add_bytes(struct stream *s, size_t n)
{
    char bytes[64];
    make(s, 'a', bytes, n);
    ck_assert(buffer_append(&s->o.bytes, bytes, n));
    expect(s, bytes, n);
}

static void add_value(struct stream *s, size_t n)
{
    ck_assert_uint_lt(s->nvalues, VALUES_MAX);
    struct value *v = &s->values[s->nvalues++];
    make(s, 'A', v->bytes, n);
    ck_assert(output_reference(&s->o, v->bytes, n, v));
    expect(s, v->bytes, n);
}

/* The network accepts up to n bytes, gathered in at most `max` pieces. */
static void take(struct stream *s, size_t n, size_t max)
{
    struct iovec pieces[16];
    size_t npieces = output_gather(&s->o, pieces, max), taken = 0;
    ck_assert_uint_le(npieces, max);
    ck_assert_uint_gt(npieces, 0);
    for (size_t i = 0; i < npieces && taken < n; i++) {
        size_t part = pieces[i].iov_len < n - taken ? pieces[i].iov_len : n - taken;
        ck_assert_uint_gt(pieces[i].iov_len, 0);
        memcpy(s->sent + s->nsent, pieces[i].iov_base, part);
        s->nsent += part;
        taken += part;
    }
    output_advance(&s->o, taken, count_release, s);
    ck_assert_uint_eq(output_length(&s->o), s->nqueued - s->nsent);
    ck_assert(memcmp(s->queued, s->sent, s->nsent) == 0);
}

static void end(struct stream *s)
{
    output_clear(&s->o, count_release, s);
    output_fini(&s->o);
    for (unsigned i = 0; i < s->nvalues; i++)
        ck_assert_uint_eq(s->values[i].released, 1);
}

/* Every order of up to six parts, each sent in steps of every size. */
static void play(unsigned order, size_t step, size_t max)
{
    struct stream s = { .nvalues = 0 };
    output_init(&s.o);
    for (unsigned i = 0; i < 6; i++) {
        if (order >> i & 1)
            add_value(&s, 4 + i);
        else
            add_bytes(&s, 3 + i);
    }
    while (!output_empty(&s.o))
        take(&s, step, max);
    ck_assert_uint_eq(s.nsent, s.nqueued);
    end(&s);
}

START_TEST(test_all_interleavings)
{
    for (unsigned order = 0; order < 1 << 6; order++) {
        for (size_t step = 1; step < 30; step += step < 5 ? 1 : 7) {
            for (size_t max = 2; max <= 5; max++)
                play(order, step, max);
        }
    }
}
END_TEST

/* More is added while a part has been sent, so the ring and the buffer move. */
START_TEST(test_adding_between_partial_writes)
{
    static struct stream s;
    unsigned seed = 3;
    output_init(&s.o);
    for (unsigned i = 0; i < VALUES_MAX; i++) {
        add_bytes(&s, (size_t)rand_r(&seed) % 20);
        add_value(&s, 1 + (size_t)rand_r(&seed) % 39);
        if (i % 5 == 4)
            add_bytes(&s, 11);
        if (i >= 20)
            take(&s, (size_t)rand_r(&seed) % 60 + 1, 2 + i % 7);
    }
    while (!output_empty(&s.o))
        take(&s, 1, 2);
    end(&s);
}
END_TEST

START_TEST(test_clear_releases_what_was_not_sent)
{
    static struct stream s;
    output_init(&s.o);
    add_bytes(&s, 4);
    for (unsigned i = 0; i < 40; i++)
        add_value(&s, 9);
    take(&s, 17, 3);
    ck_assert_uint_eq(s.values[0].released, 1);
    ck_assert_uint_eq(s.values[1].released, 0);
    end(&s);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_all_interleavings,
        test_adding_between_partial_writes,
        test_clear_releases_what_was_not_sent,
    };
    return unit_run("output_stream", tests, N_ELEMENTS(tests));
}
