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

/* A response header as codec_answer writes it, with opaque "abcd" and no CAS. */
#define HEADER(opcode, nkey, nextra, status, nbody)                                      \
    "\\x81" opcode "\\x00" nkey nextra "\\x00\\x00" status "\\x00\\x00\\x00" nbody       \
    "abcd" Z4 Z4
#define Z4   "\\x00\\x00\\x00\\x00"
#define ZERO "\\x00"

struct packet {
    uint8_t bytes[PACKET_ROOM];
    size_t size;
};

/* Extras are given as text, two hex digits a byte. */
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
        /* and leave the next one where it belongs */
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
    { 0x1b, "", "", "" },          { 0x1c, "", "k", "" },
    { 0x1c, TIME, "", "" },        { 0x1d, TIME, "k", "v" },
    { 0x24, STORE, "k", "" },
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
    static const uint8_t opcodes[] = { 0x20, 0x21, 0x22, 0x30, 0x36, 0x3c };
    for (size_t i = 0; i < N_ELEMENTS(opcodes); i++) {
        struct packet packet = { .size = 0 };
        char wanted[256], opcode[8];
        packet_add(&packet, opcodes[i], "0102", "key", "value", 0);
        packet_add(&packet, 0x0a, "", "", "", 0);
        opcode_write(opcode, opcodes[i]);
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

/* A client must not make the server keep what only an engine could know. */
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

/* ---- answers */

static char *answer_of(enum command command, uint8_t opcode, bool quiet,
                       const struct response *res, const char *value, bool end)
{
    struct request req = { .command = command,
                           .opcode = opcode,
                           .quiet = quiet,
                           .with_key = opcode == 0x0c || opcode == 0x0d,
                           .key = "key",
                           .nkey = 3 };
    memcpy(&req.opaque, "abcd", 4);
    return codec_answer(&binary_codec, &req, res, value, end);
}

static const struct {
    enum command command;
    uint8_t opcode;
    enum outcome outcome;
    const char *answer;
} errors[] = {
    { COMMAND_GET, 0x00, OUTCOME_NOT_FOUND,
      HEADER("\\x00", ZERO, ZERO, "\\x01", "\\x09") "Not found" },
    { COMMAND_GET, 0x0c, OUTCOME_NOT_FOUND,
      HEADER("\\x0c", "\\x03", ZERO, "\\x01", "\\x03") "key" },
    { COMMAND_SET, 0x01, OUTCOME_EXISTS,
      HEADER("\\x01", ZERO, ZERO, "\\x02", "\\x14") "Data exists for key." },
    { COMMAND_SET, 0x01, OUTCOME_TOO_LARGE,
      HEADER("\\x01", ZERO, ZERO, "\\x03", "\\x0a") "Too large." },
    { COMMAND_SET, 0x01, OUTCOME_INVALID,
      HEADER("\\x01", ZERO, ZERO, "\\x04", "\\x11") "Invalid arguments" },
    { COMMAND_SET, 0x01, OUTCOME_NO_MEMORY,
      HEADER("\\x01", ZERO, ZERO, "\\x82", "\\x0d") "Out of memory" },
    { COMMAND_ADD, 0x02, OUTCOME_NOT_STORED,
      HEADER("\\x02", ZERO, ZERO, "\\x02", "\\x14") "Data exists for key." },
    { COMMAND_REPLACE, 0x03, OUTCOME_NOT_STORED,
      HEADER("\\x03", ZERO, ZERO, "\\x01", "\\x09") "Not found" },
    { COMMAND_APPEND, 0x0e, OUTCOME_NOT_STORED,
      HEADER("\\x0e", ZERO, ZERO, "\\x05", "\\x0b") "Not stored." },
    { COMMAND_INCR, 0x05, OUTCOME_NOT_A_NUMBER,
      HEADER("\\x05", ZERO, ZERO, "\\x06",
             ".") "Non-numeric server-side value for incr or decr" },
    { COMMAND_ENGINE, 0x1f, OUTCOME_UNKNOWN,
      HEADER("\\x1f", ZERO, ZERO, "\\x81", "\\x0f") "Unknown command" },
    { COMMAND_SET, 0x01, OUTCOME_NOT_SUPPORTED,
      HEADER("\\x01", ZERO, ZERO, "\\x83", "\\x0d") "Not supported" },
    { COMMAND_SET, 0x01, OUTCOME_INTERNAL,
      HEADER("\\x01", ZERO, ZERO, "\\x84", "\\x0e") "Internal error" },
    { COMMAND_SET, 0x01, OUTCOME_TEMPORARY,
      HEADER("\\x01", ZERO, ZERO, "\\x86", "\\x11") "Temporary failure" },
    { COMMAND_DELETE, 0x04, OUTCOME_NOT_FOUND,
      HEADER("\\x04", ZERO, ZERO, "\\x01", "\\x09") "Not found" },
    { COMMAND_FLUSH, 0x08, OUTCOME_DENIED,
      HEADER("\\x08", ZERO, ZERO, " ", "\\x0d") "Auth failure." },
};

START_TEST(errors_have_status_and_text)
{
    for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
        struct response res = { .outcome = errors[i].outcome };
        enum command command = errors[i].command;
        char *answer = answer_of(command, errors[i].opcode, false, &res, NULL, false);
        ck_assert_str_eq(answer, errors[i].answer);
        free(answer);
        /* quiet forms hide success, and quiet reads a miss; never an error */
        bool hidden = command == COMMAND_GET && res.outcome == OUTCOME_NOT_FOUND;
        answer = answer_of(command, errors[i].opcode, true, &res, NULL, false);
        ck_assert_str_eq(answer, hidden ? "" : errors[i].answer);
        free(answer);
    }
}
END_TEST

START_TEST(success_has_a_header_with_the_cas)
{
    static const enum command plain[] = {
        COMMAND_SET,  COMMAND_ADD,     COMMAND_REPLACE,  COMMAND_APPEND,
        COMMAND_CAS,  COMMAND_PREPEND, COMMAND_DELETE,   COMMAND_FLUSH,
        COMMAND_QUIT, COMMAND_NOOP,    COMMAND_VERBOSITY
    };
    struct response res = { .cas = 0x0102030405060708 };
    for (size_t i = 0; i < N_ELEMENTS(plain); i++) {
        char *answer = answer_of(plain[i], 0x01, false, &res, NULL, false);
        ck_assert_str_eq(answer, "\\x81\\x01" Z4 Z4 ZERO ZERO
                                 "abcd\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08");
        free(answer);
        answer = answer_of(plain[i], 0x11, true, &res, NULL, false);
        ck_assert_str_eq(answer, "");
        free(answer);
    }
}
END_TEST

START_TEST(a_hit_carries_flags_key_and_value)
{
    struct response res = { .flags = 0x01020304, .nvalue = 5 };
    char *answer = answer_of(COMMAND_GET, 0x00, false, &res, "value", true);
    ck_assert_str_eq(answer, HEADER("\\x00", ZERO, "\\x04", ZERO,
                                    "\\x09") "\\x01\\x02\\x03\\x04value");
    free(answer);
    answer = answer_of(COMMAND_GET, 0x0d, true, &res, "value", false);
    ck_assert_str_eq(answer, HEADER("\\x0d", "\\x03", "\\x04", ZERO,
                                    "\\x0c") "\\x01\\x02\\x03\\x04keyvalue");
    free(answer);
    answer = answer_of(COMMAND_TOUCH, 0x1c, false, &res, NULL, false);
    ck_assert_str_eq(
        answer, HEADER("\\x1c", ZERO, "\\x04", ZERO, "\\x04") "\\x01\\x02\\x03\\x04");
    free(answer);
}
END_TEST

START_TEST(arithmetic_answers_with_the_number)
{
    struct response res = { .number = 0x0102030405060708 };
    char *answer = answer_of(COMMAND_INCR, 0x05, false, &res, NULL, false);
    ck_assert_str_eq(answer, HEADER("\\x05", ZERO, ZERO, ZERO,
                                    "\\x08") "\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08");
    free(answer);
}
END_TEST

START_TEST(statistics_end_with_an_empty_one)
{
    struct response res = { .key = "pid", .nkey = 3, .text = "12", .ntext = 2 };
    char *answer = answer_of(COMMAND_STATS, 0x10, false, &res, NULL, true);
    ck_assert_str_eq(answer, HEADER("\\x10", "\\x03", ZERO, ZERO, "\\x05") "pid12" HEADER(
                                 "\\x10", ZERO, ZERO, ZERO, ZERO));
    free(answer);
    res = (struct response){ .text = NULL }; /* of a reset */
    answer = answer_of(COMMAND_STATS, 0x10, false, &res, NULL, false);
    ck_assert_str_eq(answer, HEADER("\\x10", ZERO, ZERO, ZERO, ZERO));
    free(answer);
    res = (struct response){ .text = "1.2.3", .ntext = 5 };
    answer = answer_of(COMMAND_VERSION, 0x0b, false, &res, NULL, false);
    ck_assert_str_eq(answer, HEADER("\\x0b", ZERO, ZERO, ZERO, "\\x05") "1.2.3");
    free(answer);
}
END_TEST

START_TEST(every_outcome_of_every_command_has_an_answer)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
            struct response res = { .outcome = outcome };
            char *answer = answer_of((enum command)i, 0x00, false, &res, NULL, false);
            ck_assert_uint_ge(strlen(answer), FRAME_HEADER);
            free(answer);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        packets_become_requests_however_they_are_cut,
        wrong_lengths_close,
        unknown_to_all_is_refused_and_skipped,
        a_long_packet_for_the_engine_is_refused_and_skipped,
        a_large_value_is_refused_and_skipped,
        a_refused_set_still_names_its_key,
        impossible_headers_close,
        another_magic_closes_without_a_word,
        the_vbucket_is_handed_on,
        whoever_waits_knows_for_how_much,
        errors_have_status_and_text,
        success_has_a_header_with_the_cas,
        a_hit_carries_flags_key_and_value,
        arithmetic_answers_with_the_number,
        statistics_end_with_an_empty_one,
        every_outcome_of_every_command_has_an_answer,
    };
    return unit_run("binary", tests, N_ELEMENTS(tests));
}
