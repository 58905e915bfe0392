/* The binary protocol: results of requests as packets. */
#include <stdlib.h>
#include <string.h>

#include "codec_trace.h"
#include "protocol/frame.h"
#include "unit.h"

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
        /* quiet forms hide success, and quiet gets hide a miss; no form hides an error */
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
    res = (struct response){ .text = NULL }; /* for a reset */
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
        errors_have_status_and_text,       success_has_a_header_with_the_cas,
        a_hit_carries_flags_key_and_value, arithmetic_answers_with_the_number,
        statistics_end_with_an_empty_one,  every_outcome_of_every_command_has_an_answer,
    };
    return unit_run("binary_answers", tests, N_ELEMENTS(tests));
}
