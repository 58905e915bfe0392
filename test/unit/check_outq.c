/* What waits to be written: composed bytes and items' own memory, in the right order. */
#include "repl/outq.h"

#include <string.h>

#include "test/unit/unit.h"

enum { PARTS_MAX = 64, LENGTH_MAX = 4096 };

/* Items of this test: their bytes, and whether they were released. */
static struct part {
    char bytes[40];
    unsigned released;
} parts[PARTS_MAX];
static unsigned nparts;

static struct outq q;
static char expected[LENGTH_MAX], written[LENGTH_MAX];
static size_t nexpected, nwritten;

static void count_release(void *store, void *item)
{
    struct part *p = item;
    ck_assert_ptr_eq(store, &nparts);
    p->released++;
}

static const struct repl_store_ops ops = { .release = count_release };

static void setup(void)
{
    memset(parts, 0, sizeof(parts));
    nparts = 0;
    nexpected = nwritten = 0;
    outq_init(&q, &ops, &nparts);
}

static void teardown(void)
{
    outq_fini(&q);
    for (unsigned i = 0; i < nparts; i++)
        ck_assert_uint_eq(parts[i].released, 1);
}

static void expect(const void *bytes, size_t n)
{
    ck_assert_uint_le(nexpected + n, sizeof(expected));
    memcpy(expected + nexpected, bytes, n);
    nexpected += n;
}

static void add_bytes(size_t n)
{
    char bytes[64];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('a' + (nexpected + i) % 26);
    ck_assert(buffer_append(&q.bytes, bytes, n));
    expect(bytes, n);
}

static void add_value(size_t n)
{
    struct part *p = &parts[nparts++];
    ck_assert_uint_le(nparts, PARTS_MAX);
    for (size_t i = 0; i < n; i++)
        p->bytes[i] = (char)('A' + (nexpected + i) % 26);
    struct repl_item item = { .item = p, .state = { .value = p->bytes } };
    item.state.nvalue = (uint32_t)n;
    outq_add_value(&q, &item);
    ck_assert(!q.bytes.failed);
    expect(p->bytes, n);
}

/* The network takes up to n bytes, gathered with so many vectors. */
static void take(size_t n, int vectors)
{
    struct iovec iov[16];
    int niov = outq_gather(&q, iov, vectors);
    size_t taken = 0;
    ck_assert_int_le(niov, vectors);
    ck_assert_int_gt(niov, 0);
    for (int i = 0; i < niov && taken < n; i++) {
        size_t part = iov[i].iov_len < n - taken ? iov[i].iov_len : n - taken;
        ck_assert_uint_gt(iov[i].iov_len, 0);
        memcpy(written + nwritten, iov[i].iov_base, part);
        nwritten += part;
        taken += part;
    }
    outq_sent(&q, taken);
    ck_assert_uint_eq(outq_length(&q), nexpected - nwritten);
    ck_assert(memcmp(expected, written, nwritten) == 0);
}

static void take_all(size_t step, int vectors)
{
    while (outq_length(&q) > 0)
        take(step, vectors);
    ck_assert_uint_eq(nwritten, nexpected);
}

START_TEST(test_empty)
{
    struct iovec iov[2];
    ck_assert_uint_eq(outq_length(&q), 0);
    ck_assert_int_eq(outq_gather(&q, iov, 2), 0);
    outq_sent(&q, 0);
}
END_TEST

START_TEST(test_value_between_bytes)
{
    add_bytes(10);
    add_value(20);
    add_bytes(5);
    ck_assert_uint_eq(outq_length(&q), 35);
    take(1000, 16);
    ck_assert_uint_eq(parts[0].released, 1);
    ck_assert_uint_eq(outq_length(&q), 0);
}
END_TEST

START_TEST(test_a_value_is_released_with_its_last_byte)
{
    add_bytes(3);
    add_value(7);
    take(9, 16);
    ck_assert_uint_eq(parts[0].released, 0);
    take(1, 16);
    ck_assert_uint_eq(parts[0].released, 1);
}
END_TEST

/* Every order of up to six pieces, each taken in steps of every size. */
START_TEST(test_all_interleavings)
{
    for (unsigned order = 0; order < 1 << 6; order++) {
        for (size_t step = 1; step < 30; step += step < 5 ? 1 : 7) {
            for (int vectors = 2; vectors <= 5; vectors++) {
                setup();
                for (unsigned i = 0; i < 6; i++) {
                    if (order >> i & 1)
                        add_value(4 + i);
                    else
                        add_bytes(3 + i);
                }
                take_all(step, vectors);
                teardown();
            }
        }
    }
    setup();
}
END_TEST

/* More is added while a part is out, so the ring and the buffer move under it. */
START_TEST(test_adding_between_partial_writes)
{
    unsigned seed = 3;
    for (unsigned i = 0; i < PARTS_MAX; i++) {
        add_bytes((size_t)rand_r(&seed) % 20);
        add_value(1 + (size_t)rand_r(&seed) % 39);
        if (i % 5 == 4)
            add_bytes(11);
        if (i >= 20)
            take((size_t)rand_r(&seed) % 60 + 1, 2 + (int)(i % 7));
    }
    take_all(1, 2);
}
END_TEST

START_TEST(test_fini_releases_what_was_not_sent)
{
    add_bytes(4);
    for (unsigned i = 0; i < 40; i++)
        add_value(9);
    take(17, 3);
    ck_assert_uint_eq(parts[0].released, 1);
    ck_assert_uint_eq(parts[1].released, 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_empty,
        test_value_between_bytes,
        test_a_value_is_released_with_its_last_byte,
        test_all_interleavings,
        test_adding_between_partial_writes,
        test_fini_releases_what_was_not_sent,
    };
    return unit_run_with("outq", setup, teardown, tests, N_ELEMENTS(tests));
}
