#include "protocol/frame.h"

#include <string.h>

#include "test/unit/unit.h"

/* A SETQ as on the wire. */
static const unsigned char setq[FRAME_HEADER] = {
    0x80, 0x11, 0x00, 0x05,                         /* magic, opcode, key of 5 */
    0x08, 0x00, 0x12, 0x34,                         /* extras of 8, raw, vbucket */
    0x00, 0x01, 0x00, 0x10,                         /* body of 65552 */
    0xde, 0xad, 0xbe, 0xef,                         /* opaque */
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, /* cas */
};

START_TEST(test_decode)
{
    struct frame f;
    uint32_t opaque;
    ck_assert(frame_decode(&f, setq));
    memcpy(&opaque, setq + 12, sizeof(opaque));
    ck_assert_uint_eq(f.magic, FRAME_REQUEST);
    ck_assert_uint_eq(f.opcode, 0x11);
    ck_assert_uint_eq(f.nkey, 5);
    ck_assert_uint_eq(f.nextra, 8);
    ck_assert_uint_eq(f.datatype, 0);
    ck_assert_uint_eq(f.status, 0x1234);
    ck_assert_uint_eq(f.nbody, 65552);
    ck_assert_uint_eq(f.opaque, opaque);
    ck_assert_uint_eq(f.cas, UINT64_C(0x0102030405060708));
    ck_assert_uint_eq(frame_nvalue(&f), 65552 - 5 - 8);
}
END_TEST

START_TEST(test_encode_gives_the_same_bytes)
{
    struct frame f;
    unsigned char wire[FRAME_HEADER];
    ck_assert(frame_decode(&f, setq));
    frame_encode(&f, wire);
    ck_assert_mem_eq(wire, setq, FRAME_HEADER);
}
END_TEST

/* Headers can be read at any position in a stream. */
START_TEST(test_unaligned)
{
    char stream[FRAME_HEADER + 8];
    for (size_t shift = 0; shift < 8; shift++) {
        struct frame f;
        memcpy(stream + shift, setq, FRAME_HEADER);
        ck_assert(frame_decode(&f, stream + shift));
        ck_assert_uint_eq(f.nbody, 65552);
    }
}
END_TEST

START_TEST(test_lengths_must_fit)
{
    static const struct {
        uint32_t nbody;
        uint16_t nkey;
        uint8_t nextra;
        bool fits;
    } rows[] = {
        { 0, 0, 0, true },
        { 13, 5, 8, true },
        { 12, 5, 8, false },
        { 0, 1, 0, false },
        { 0, 0, 1, false },
        { 65790, 65535, 255, true },
        { 65789, 65535, 255, false },
        { UINT32_MAX, 65535, 255, true },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct frame in = { .magic = FRAME_RESPONSE,
                            .nbody = rows[i].nbody,
                            .nkey = rows[i].nkey,
                            .nextra = rows[i].nextra };
        struct frame out;
        char wire[FRAME_HEADER];
        frame_encode(&in, wire);
        ck_assert_int_eq(frame_decode(&out, wire), rows[i].fits);
        ck_assert_uint_eq(out.nbody, rows[i].nbody);
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_decode, test_encode_gives_the_same_bytes,
                             test_unaligned, test_lengths_must_fit };
    return unit_run("frame", tests, N_ELEMENTS(tests));
}
