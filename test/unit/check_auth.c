/* What a client may say before it has given its password. */
#include <stdlib.h>
#include <string.h>

#include "codec_trace.h"
#include "unit.h"

#define R100                                                                             \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
    "234567890123456789"
#define REFUSED     "! CLIENT_ERROR unauthenticated\\x0d\\x0a\n"
#define WRONG       "! CLIENT_ERROR authentication failure\\x0d\\x0a\n"
#define NO_FORMAT   "! CLIENT_ERROR bad authentication token format\\x0d\\x0a\n"
#define TERMINATION "! CLIENT_ERROR bad command line termination\\x0d\\x0a\n"

static const struct {
    const char *input, *trace;
} samples[] = {
    { "set a 0 0 7\r\nfoo bar\r\n", "auth foo packet=3\n" },
    { "set a 0 0 7\nfoo bar\r\n", "auth foo packet=3\n" },
    { " set  a b c 11 noreply x\r\n foo  bar x\r\n", "auth foo packet=3\n" },
    { "set a 0 0 7\r\nfoo bar\r\nget a\r\n", "auth foo packet=3\n" REFUSED },
    { "get a\r\n", REFUSED },
    { "\r\n", REFUSED },
    { "quit\r\nversion\r\n", REFUSED REFUSED },
    { "add a 0 0 7\r\nfoo bar\r\n", REFUSED REFUSED },
    { "set a 0 0\r\n", REFUSED },
    { "set a 0 0 -1\r\n", REFUSED },
    { "set a 0 0 x\r\n", REFUSED },
    { "set a 0 0 4294967296\r\n", REFUSED },
    { "set a 0 0 2\r\nhi\r\nget a\r\n", NO_FORMAT REFUSED },
    { "set a 0 0 0\r\n\r\n", NO_FORMAT },
    { "set a 0 0 4\r\nfoo \r\n", NO_FORMAT },
    { "set a 0 0 7\r\nfoo bar..get a\r\n", TERMINATION REFUSED },
    { "set a 0 0 304\r\n" R100 R100 R100 " bar\r\nget a\r\n", WRONG REFUSED },
    { "\x80\x01 a\n", REFUSED },
};

START_TEST(only_a_password_is_understood)
{
    for (size_t i = 0; i < N_ELEMENTS(samples); i++)
        codec_trace_check(&auth_codec, 0, samples[i].input, strlen(samples[i].input),
                          samples[i].trace);
}
END_TEST

START_TEST(long_credentials_are_skipped_and_not_kept)
{
    struct parser parser = { 0 };
    struct request req;
    struct buffer in;
    buffer_init(&in);
    ck_assert(buffer_append(&in, "set a 0 0 4294967295\r\n", 22));
    ck_assert_int_eq(auth_codec.parse(&parser, &in, &req), PARSE_ERROR);
    ck_assert_int_eq(parser.why, OUTCOME_AUTH_FAILED);
    ck_assert_uint_eq(parser.swallow, UINT64_C(4294967297));
    buffer_fini(&in);
}
END_TEST

START_TEST(a_line_without_an_end_closes)
{
    struct parser parser = { 0 };
    struct request req;
    struct buffer in;
    buffer_init(&in);
    for (unsigned i = 0; i < 2048; i++)
        ck_assert(buffer_append(&in, "s", 1));
    ck_assert_int_eq(auth_codec.parse(&parser, &in, &req), PARSE_MORE);
    ck_assert(buffer_append(&in, "s", 1));
    ck_assert_int_eq(auth_codec.parse(&parser, &in, &req), PARSE_CLOSE);
    ck_assert_int_eq(parser.why, OUTCOME_OK);
    buffer_fini(&in);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { only_a_password_is_understood,
                             long_credentials_are_skipped_and_not_kept,
                             a_line_without_an_end_closes };
    return unit_run("auth", tests, N_ELEMENTS(tests));
}
