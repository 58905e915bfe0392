/* The text protocol: results of requests as text. */
#include <stdlib.h>
#include <string.h>

#include "codec_trace.h"
#include "unit.h"

#define EOL "\\x0d\\x0a"
#define CE  "CLIENT_ERROR "
#define SE  "SERVER_ERROR "

static const struct {
    enum command command;
    enum outcome outcome;
    const char *text, *answer;
} answers[] = {
    { COMMAND_GET, OUTCOME_NOT_FOUND, NULL, "" },
    { COMMAND_GAT, OUTCOME_NOT_FOUND, NULL, "" },
    { COMMAND_GET, OUTCOME_TEMPORARY, NULL, SE "temporary failure" EOL },
    { COMMAND_SET, OUTCOME_OK, NULL, "STORED" EOL },
    { COMMAND_SET, OUTCOME_TOO_LARGE, NULL, SE "object too large for cache" EOL },
    { COMMAND_SET, OUTCOME_NO_MEMORY, NULL, SE "out of memory storing object" EOL },
    { COMMAND_SET, OUTCOME_BAD_CHUNK, NULL, CE "bad data chunk" EOL },
    { COMMAND_ADD, OUTCOME_OK, NULL, "STORED" EOL },
    { COMMAND_ADD, OUTCOME_NOT_STORED, NULL, "NOT_STORED" EOL },
    { COMMAND_ADD, OUTCOME_EXISTS, NULL, "NOT_STORED" EOL },
    { COMMAND_REPLACE, OUTCOME_NOT_FOUND, NULL, "NOT_STORED" EOL },
    { COMMAND_APPEND, OUTCOME_NOT_STORED, NULL, "NOT_STORED" EOL },
    { COMMAND_PREPEND, OUTCOME_OK, NULL, "STORED" EOL },
    { COMMAND_CAS, OUTCOME_OK, NULL, "STORED" EOL },
    { COMMAND_CAS, OUTCOME_EXISTS, NULL, "EXISTS" EOL },
    { COMMAND_CAS, OUTCOME_NOT_FOUND, NULL, "NOT_FOUND" EOL },
    { COMMAND_DELETE, OUTCOME_OK, NULL, "DELETED" EOL },
    { COMMAND_DELETE, OUTCOME_NOT_FOUND, NULL, "NOT_FOUND" EOL },
    { COMMAND_INCR, OUTCOME_NOT_FOUND, NULL, "NOT_FOUND" EOL },
    { COMMAND_DECR, OUTCOME_NOT_A_NUMBER, NULL,
      CE "cannot increment or decrement non-numeric value" EOL },
    { COMMAND_TOUCH, OUTCOME_OK, NULL, "TOUCHED" EOL },
    { COMMAND_TOUCH, OUTCOME_NOT_FOUND, NULL, "NOT_FOUND" EOL },
    { COMMAND_FLUSH, OUTCOME_OK, NULL, "OK" EOL },
    { COMMAND_VERBOSITY, OUTCOME_OK, NULL, "OK" EOL },
    { COMMAND_STATS, OUTCOME_OK, NULL, "RESET" EOL },
    { COMMAND_STATS, OUTCOME_OK, "OK", "OK" EOL },
    { COMMAND_STATS, OUTCOME_NOT_FOUND, NULL, "ERROR" EOL },
    { COMMAND_STATS, OUTCOME_INVALID, "usage: stats detail on|off|dump",
      CE "usage: stats detail on|off|dump" EOL },
    { COMMAND_LRU, OUTCOME_OK, NULL, "OK" EOL },
    { COMMAND_CRAWLER, OUTCOME_OK, "BUSY now", "BUSY now" EOL },
    { COMMAND_VERSION, OUTCOME_OK, "1.2.3", "VERSION 1.2.3" EOL },
    { COMMAND_QUIT, OUTCOME_OK, NULL, "" },
    { COMMAND_NOOP, OUTCOME_LINE_TOO_LONG, NULL, CE "line too long" EOL },
    { COMMAND_SET, OUTCOME_NOT_SUPPORTED, NULL, SE "not supported" EOL },
    { COMMAND_SET, OUTCOME_DENIED, NULL, CE "access denied" EOL },
    { COMMAND_SET, OUTCOME_INTERNAL, NULL, SE "internal error" EOL },
    { COMMAND_SET, OUTCOME_INTERNAL, "disk on fire", SE "disk on fire" EOL },
    { COMMAND_SET, OUTCOME_INVALID, NULL, CE "invalid arguments" EOL },
};

START_TEST(outcomes_are_put_in_words)
{
    for (size_t i = 0; i < N_ELEMENTS(answers); i++) {
        struct request req = { .command = answers[i].command, .key = "k", .nkey = 1 };
        struct response res = { .outcome = answers[i].outcome, .text = answers[i].text };
        res.ntext = res.text != NULL ? (uint32_t)strlen(res.text) : 0;
        char *answer = codec_answer(&text_codec, &req, &res, NULL, false);
        ck_assert_str_eq(answer, answers[i].answer);
        free(answer);
        req.quiet = true;
        answer = codec_answer(&text_codec, &req, &res, NULL, false);
        ck_assert_str_eq(answer, "");
        free(answer);
    }
}
END_TEST

START_TEST(every_outcome_of_every_command_has_an_answer)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        struct request req = { .command = (enum command)i, .key = "k", .nkey = 1 };
        struct response res = { .text = NULL };
        for (int outcome = 1; outcome < OUTCOME_COUNT; outcome++) {
            bool miss =
                (i == COMMAND_GET || i == COMMAND_GAT) && outcome == OUTCOME_NOT_FOUND;
            res.outcome = outcome;
            char *answer = codec_answer(&text_codec, &req, &res, NULL, false);
            ck_assert_int_eq(answer[0] == '\0', miss);
            free(answer);
        }
    }
}
END_TEST

START_TEST(a_hit_carries_flags_size_and_cas)
{
    struct request req = { .command = COMMAND_GET, .key = "key", .nkey = 3 };
    struct response res = { .flags = 4294967295, .nvalue = 5, .cas = 1234567 };
    char *answer = codec_answer(&text_codec, &req, &res, "value", true);
    ck_assert_str_eq(answer, "VALUE key 4294967295 5" EOL "value" EOL "END" EOL);
    free(answer);
    req.with_cas = true;
    res.key = "other";
    res.nkey = 5;
    answer = codec_answer(&text_codec, &req, &res, "value", false);
    ck_assert_str_eq(answer, "VALUE other 4294967295 5 1234567" EOL "value" EOL);
    free(answer);
}
END_TEST

START_TEST(a_statistic_is_a_line)
{
    struct request req = { .command = COMMAND_STATS };
    struct response res = { .key = "pid", .nkey = 3, .text = "12", .ntext = 2 };
    char *answer = codec_answer(&text_codec, &req, &res, NULL, true);
    ck_assert_str_eq(answer, "STAT pid 12" EOL "END" EOL);
    free(answer);
    res.text = NULL;
    res.ntext = 0;
    answer = codec_answer(&text_codec, &req, &res, NULL, false);
    ck_assert_str_eq(answer, "STAT pid NULL" EOL);
    free(answer);
    res.text = " in three words";
    res.ntext = 15;
    answer = codec_answer(&text_codec, &req, &res, NULL, false);
    ck_assert_str_eq(answer, "STAT pid _in_three_words" EOL);
    free(answer);
}
END_TEST

START_TEST(arithmetic_answers_with_the_number)
{
    struct request req = { .command = COMMAND_INCR };
    struct response res = { .number = UINT64_MAX };
    char *answer = codec_answer(&text_codec, &req, &res, NULL, false);
    ck_assert_str_eq(answer, "18446744073709551615" EOL);
    free(answer);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        outcomes_are_put_in_words,          every_outcome_of_every_command_has_an_answer,
        a_hit_carries_flags_size_and_cas,   a_statistic_is_a_line,
        arithmetic_answers_with_the_number,
    };
    return unit_run("text_answers", tests, N_ELEMENTS(tests));
}
