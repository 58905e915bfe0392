/* The binary protocol: parses packets that are whole, cut anywhere, or wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec_trace.h"
#include "protocol/frame.h"
#include "unit.h"

enum { VALUE_MAX = 64, PACKET_ROOM = 4096 };

#define K10  "0123456789"
#define K50  K10 K10 K10 K10 K10
#define K250 K50 K50 K50 K50 K50

struct packet {
    uint8_t bytes[PACKET_ROOM];
    size_t size;
};

/* Extras are given as text, two hex digits per byte. */
static size_t hex_read(const char *hex, uint8_t *to)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)strtoul((char[]){ hex[2 * i], hex[2 * i + 1], 0 }, NULL, 16);
    return n;
}

static void packet_add(struct packet *packet, uint8_t opcode, const char *extras,
                       const char *key, const char *value, uint64_t cas)
{
    uint8_t *at = packet->bytes + packet->size, *body = at + FRAME_HEADER;
    size_t nextra = hex_read(extras, body), nkey = strlen(key), nvalue = strlen(value);
    struct frame f = { .magic = FRAME_REQUEST,
                       .opcode = opcode,
                       .nextra = (uint8_t)nextra,
                       .nkey = (uint16_t)nkey,
                       .nbody = (uint32_t)(nextra + nkey + nvalue),
                       .cas = cas };
    memcpy(&f.opaque, "abcd", 4);
    ck_assert_uint_le(packet->size + FRAME_HEADER + f.nbody, PACKET_ROOM);
    frame_encode(&f, at);
    memcpy(body + nextra, key, nkey);
    memcpy(body + nextra + nkey, value, nvalue);
    packet->size += FRAME_HEADER + f.nbody;
}

static void packet_check(const struct packet *packet, const char *wanted)
{
    codec_trace_check(&binary_codec, VALUE_MAX, packet->bytes, packet->size, wanted);
}

#define STORE     "0000000500000007"                         /* flags, exptime */
#define ARITH     "000000000000000200000000000000030000000a" /* delta, initial, exptime */
#define NO_CREATE "00000000000000020000000000000003ffffffff"
#define TIME      "ffffffff"

static const struct {
    uint8_t opcode;
    const char *extras, *key, *value;
    uint64_t cas;
    const char *trace;
} requests[] = {
    { 0x00, "", "k", "", 0, "get k\n" },
    { 0x00, "", K250, "", 0, "get " K250 "\n" },
    { 0x01, STORE, "k", "v", 0, "set k flags=5 exptime=7 value=v\n" },
    { 0x01, STORE, "k", "", 0, "set k flags=5 exptime=7\n" },
    { 0x01, STORE, "k", "v", 9, "cas k flags=5 exptime=7 cas=9 value=v\n" },
    { 0x02, STORE, "k", "v", 0, "add k flags=5 exptime=7 value=v\n" },
    { 0x02, STORE, "k", "v", 9, "cas k flags=5 exptime=7 cas=9 value=v\n" },
    { 0x03, STORE, "k", "v", 0, "replace k flags=5 exptime=7 value=v\n" },
    { 0x04, "", "k", "", 0, "delete k\n" },
    { 0x04, "", "k", "", 9, "delete k cas=9\n" },
    { 0x05, ARITH, "k", "", 0, "incr k exptime=10 delta=2 initial=3 create\n" },
    { 0x06, ARITH, "k", "", 9, "decr k exptime=10 cas=9 delta=2 initial=3 create\n" },
    { 0x06, NO_CREATE, "k", "", 0, "decr k delta=2 initial=3\n" },
    { 0x07, "", "", "", 0, "quit\n" },
    { 0x08, "", "", "", 0, "flush\n" },
    { 0x08, "00000005", "", "", 0, "flush exptime=5 delayed\n" },
    { 0x09, "", "k", "", 0, "get k quiet\n" },
    { 0x0a, "", "", "", 0, "noop\n" },
    { 0x0b, "", "", "", 0, "version\n" },
    { 0x0c, "", "k", "", 0, "get k with_key\n" },
    { 0x0d, "", "k", "", 0, "get k with_key quiet\n" },
    { 0x0e, "", "k", "v", 0, "append k value=v\n" },
    { 0x0e, "", "k", "v", 9, "append k cas=9 value=v\n" },
    { 0x0f, "", "k", "", 0, "prepend k\n" },
    { 0x10, "", "", "", 0, "stats\n" },
    { 0x10, "", "reset", "", 0, "stats reset\n" },
    { 0x11, STORE, "k", "v", 0, "set k flags=5 exptime=7 quiet value=v\n" },
    { 0x12, STORE, "k", "v", 0, "add k flags=5 exptime=7 quiet value=v\n" },
    { 0x13, STORE, "k", "v", 0, "replace k flags=5 exptime=7 quiet value=v\n" },
    { 0x14, "", "k", "", 0, "delete k quiet\n" },
    { 0x15, ARITH, "k", "", 0, "incr k exptime=10 delta=2 initial=3 create quiet\n" },
    { 0x16, NO_CREATE, "k", "", 0, "decr k delta=2 initial=3 quiet\n" },
    { 0x17, "", "", "", 0, "quit quiet\n" },
    { 0x18, "", "", "", 0, "flush quiet\n" },
    { 0x18, TIME, "", "", 0, "flush exptime=4294967295 delayed quiet\n" },
    { 0x19, "", "k", "v", 0, "append k quiet value=v\n" },
    { 0x1a, "", "k", "v", 0, "prepend k quiet value=v\n" },
    { 0x1b, "00000002", "", "", 0, "verbosity level=2\n" },
    { 0x1c, TIME, "k", "", 0, "touch k exptime=4294967295 delayed\n" },
    { 0x1d, TIME, "k", "", 0, "gat k exptime=4294967295 delayed\n" },
    { 0x1e, TIME, "k", "", 0, "gat k exptime=4294967295 delayed quiet\n" },
    { 0x23, TIME, "k", "", 0, "gat k exptime=4294967295 delayed with_key\n" },
    { 0x24, TIME, "k", "", 0, "gat k exptime=4294967295 delayed with_key quiet\n" },
    { 0x1f, "0102", "key", "value", 3, "engine key cas=3 packet=34\n" },
    { 0xe0, "", "", "", 0, "engine packet=24\n" },
};

START_TEST(packets_become_requests_however_they_are_cut)
{
    for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
        struct packet packet = { .size = 0 };
        char wanted[1024];
        packet_add(&packet, requests[i].opcode, requests[i].extras, requests[i].key,
                   requests[i].value, requests[i].cas);
        packet_check(&packet, requests[i].trace);
        /* and the next packet must not be affected */
        packet_add(&packet, 0x0a, "", "", "", 0);
        strcpy(wanted, requests[i].trace);
        packet_check(&packet, strcat(wanted, "noop\n"));
    }
}
END_TEST

static void opcode_write(char to[static 5], uint8_t opcode)
{
    if (opcode >= ' ' && opcode < 127)
        snprintf(to, 5, "%c", opcode);
    else
        snprintf(to, 5, "\\x%02x", opcode);
}

static const struct {
    uint8_t opcode;
    const char *extras, *key, *value;
} misshapen[] = {
    { 0x00, "", "", "" },          { 0x00, "00000000", "k", "" },
    { 0x00, "", "k", "v" },        { 0x00, "", K250 "1", "" },
    { 0x01, "", "k", "v" },        { 0x01, "00000000", "k", "v" },
    { 0x01, STORE, "", "v" },      { 0x11, STORE, K250 "1", "v" },
    { 0x04, "00000000", "k", "" }, { 0x04, "", "k", "v" },
    { 0x05, "", "k", "" },         { 0x05, STORE, "k", "" },
    { 0x05, ARITH, "", "" },       { 0x05, ARITH, "k", "v" },
    { 0x07, "", "k", "" },         { 0x08, STORE, "", "" },
    { 0x08, "00", "", "" },        { 0x08, "", "k", "" },
    { 0x0a, "", "", "v" },         { 0x0b, "", "k", "" },
    { 0x0e, "", "", "v" },         { 0x0e, STORE, "k", "v" },
    { 0x10, "00000000", "", "" },  { 0x10, "", "k", "v" },
    { 0x1c, TIME, "", "" },        { 0x1d, TIME, "k", "v" },
    { 0x24, STORE, "k", "" },      { 0x1c, "", "k", "" },
    { 0x20, "", "k", "" },         { 0x21, "0102", "k", "v" },
    { 0x22, "", "", "v" },
};

START_TEST(wrong_lengths_close)
{
    for (size_t i = 0; i < N_ELEMENTS(misshapen); i++) {
        struct packet packet = { .size = 0 };
        char wanted[1024], opcode[8];
        uint8_t code = misshapen[i].opcode;
        packet_add(&packet, code, misshapen[i].extras, misshapen[i].key,
                   misshapen[i].value, 0);
        packet_add(&packet, 0x0a, "", "", "", 0);
        opcode_write(opcode, code);
        snprintf(wanted, sizeof(wanted),
                 "closed \\x81%s" ZERO ZERO ZERO ZERO ZERO "\\x04" ZERO ZERO ZERO
                 "\\x11abcd" Z4 Z4 "Invalid arguments\n",
                 opcode);
        packet_check(&packet, wanted);
    }
}
END_TEST

START_TEST(unknown_to_all_is_refused_and_skipped)
{
    /* SASL; verbosity with a length that only we know to be wrong */
    static const struct {
        uint8_t code;
        const char *extras, *key, *value;
    } refused[] = {
        { 0x20, "", "", "" }, { 0x21, "", "key", "value" },     { 0x22, "", "key", "" },
        { 0x1b, "", "", "" }, { 0x1b, "0102", "key", "value" },
    };
    for (size_t i = 0; i < N_ELEMENTS(refused); i++) {
        struct packet packet = { .size = 0 };
        char wanted[256], opcode[8];
        packet_add(&packet, refused[i].code, refused[i].extras, refused[i].key,
                   refused[i].value, 0);
        packet_add(&packet, 0x0a, "", "", "", 0);
        opcode_write(opcode, refused[i].code);
        snprintf(wanted, sizeof(wanted),
                 "! \\x81%s" ZERO ZERO ZERO ZERO ZERO "\\x81" ZERO ZERO ZERO
                 "\\x0fabcd" Z4 Z4 "Unknown command\nnoop\n",
                 opcode);
        packet_check(&packet, wanted);
    }
}
END_TEST

#define LARGE(opcode) "! " HEADER(opcode, ZERO, ZERO, "\\x03", "\\x0a") "Too large.\n"

START_TEST(a_large_value_is_refused_and_skipped)
{
    struct packet packet = { .size = 0 };
    packet_add(&packet, 0x01, STORE, "k", K50 "0123456789abcde", 0);
    packet_add(&packet, 0x11, STORE, "k", K50 "0123456789abcde", 0);
    packet_add(&packet, 0x0e, "", "k", K50 "0123456789abcde", 0);
    packet_add(&packet, 0x0e, "", "k", K50 "0123456789abcd", 0);
    packet_check(&packet, LARGE("\\x01") LARGE("\\x11")
                              LARGE("\\x0e") "append k value=" K50 "0123456789abcd\n");
}
END_TEST

START_TEST(a_refused_set_still_names_its_key)
{
    struct packet packet = { .size = 0 };
    struct parser parser = { .value_max = 1 };
    struct request req;
    struct buffer in;
    packet_add(&packet, 0x11, STORE, "key", "value", 0);
    buffer_init(&in);
    ck_assert(buffer_append(&in, packet.bytes, packet.size));
    ck_assert_int_eq(binary_codec.parse(&parser, &in, &req), PARSE_ERROR);
    ck_assert_int_eq(parser.why, OUTCOME_TOO_LARGE);
    ck_assert_uint_eq(parser.swallow, 5);
    ck_assert_int_eq(req.command, COMMAND_SET);
    ck_assert_uint_eq(req.nkey, 3);
    ck_assert_mem_eq(req.key, "key", 3);
    parser.value_max = 0;
    ck_assert_int_eq(binary_codec.parse(&parser, &in, &req), PARSE_OK);
    buffer_fini(&in);
}
END_TEST

static void header_check(const struct frame *f, const char *wanted)
{
    struct packet packet = { .size = FRAME_HEADER };
    struct frame whole = *f;
    memcpy(&whole.opaque, "abcd", 4);
    frame_encode(&whole, packet.bytes);
    packet_check(&packet, wanted);
}

START_TEST(impossible_headers_close)
{
    struct frame f = { .magic = FRAME_REQUEST, .nkey = 1 };
    header_check(
        &f, "closed " HEADER("\\x00", ZERO, ZERO, "\\x81", "\\x0f") "Unknown command\n");
    f = (struct frame){ .magic = FRAME_REQUEST, .nextra = 8, .nkey = 1, .nbody = 8 };
    header_check(
        &f, "closed " HEADER("\\x00", ZERO, ZERO, "\\x81", "\\x0f") "Unknown command\n");
    f = (struct frame){
        .magic = FRAME_REQUEST, .opcode = 1, .nextra = 8, .nkey = 1, .nbody = UINT32_MAX
    };
    header_check(&f, "closed " HEADER("\\x01", ZERO, ZERO, "\\x04",
                                      "\\x11") "Invalid arguments\n");
}
END_TEST

/* A client must not make the server store a packet that only an engine could know. */
START_TEST(a_long_packet_for_the_engine_is_refused_and_skipped)
{
    static char value[PACKET_ROOM];
    struct packet packet = { .size = 0 };
    struct frame f = { .magic = FRAME_REQUEST, .opcode = 0x1f, .nbody = 2048 - 24 };
    header_check(&f, "more\n");
    memset(value, 'x', 2048 - 24 + 1);
    packet_add(&packet, 0x1f, "", "", value, 0);
    packet_add(&packet, 0x0a, "", "", "", 0);
    packet_check(&packet, "! " HEADER("\\x1f", ZERO, ZERO, "\\x81",
                                      "\\x0f") "Unknown command\nnoop\n");
}
END_TEST

START_TEST(another_magic_closes_without_a_word)
{
    struct frame f = { .magic = FRAME_RESPONSE };
    header_check(&f, "closed\n");
    f.magic = 'g';
    header_check(&f, "closed\n");
}
END_TEST

START_TEST(the_vbucket_is_handed_on)
{
    struct frame f = { .magic = FRAME_REQUEST, .opcode = 0x0a, .status = 0x1234 };
    header_check(&f, "noop vbucket=4660\n");
}
END_TEST

START_TEST(whoever_waits_knows_for_how_much)
{
    struct packet packet = { .size = 0 };
    struct parser parser = { .value_max = VALUE_MAX };
    struct request req;
    packet_add(&packet, 0x01, STORE, "key", "value", 0);
    struct buffer in = { .data = (char *)packet.bytes, .tail = 10, .size = packet.size };
    ck_assert_int_eq(binary_codec.parse(&parser, &in, &req), PARSE_MORE);
    ck_assert_uint_eq(parser.want, FRAME_HEADER);
    in.tail = 25;
    ck_assert_int_eq(binary_codec.parse(&parser, &in, &req), PARSE_MORE);
    ck_assert_uint_eq(parser.want, FRAME_HEADER + 8 + 3);
    in.tail = parser.want;
    ck_assert_int_eq(binary_codec.parse(&parser, &in, &req), PARSE_OK);
    ck_assert_uint_eq(parser.used, FRAME_HEADER + 8 + 3);
    ck_assert_uint_eq(req.nvalue, 5);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        packets_become_requests_however_they_are_cut,
        wrong_lengths_close,
        unknown_to_all_is_refused_and_skipped,
        a_large_value_is_refused_and_skipped,
        a_refused_set_still_names_its_key,
        impossible_headers_close,
        a_long_packet_for_the_engine_is_refused_and_skipped,
        another_magic_closes_without_a_word,
        the_vbucket_is_handed_on,
        whoever_waits_knows_for_how_much,
    };
    return unit_run("binary", tests, N_ELEMENTS(tests));
}
