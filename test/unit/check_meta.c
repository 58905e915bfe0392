#include <stdlib.h>
#include <string.h>

#include "codec_trace.h"
#include "base/base64.h"
#include "unit.h"

enum { VALUE_MAX = 64 };

#define K10  "0123456789"
#define K50  K10 K10 K10 K10 K10
#define K250 K50 K50 K50 K50 K50
#define EOL  "\\x0d\\x0a"
#define CE   "! CLIENT_ERROR "

static const struct {
    const char *input, *trace;
} samples[] = {
    { "mg a\r\n", "get a last no_value returns=\n" },
    { "mg a v\n", "get a last returns=\n" },
    { "mg  a  v  q  u \r\n", "get a last quiet returns=\n" },
    { "mg a k O123 s f c t\r\n", "get a last no_value returns=kOsfct opaque=123\n" },
    { "mg a T30 v\r\n", "gat a exptime=30 last returns=\n" },
    { "mg YQpi b k\r\n", "get a\\x0ab last no_value returns=k\n" },
    { "mg " K250 "\r\n", "get " K250 " last no_value returns=\n" },
    { "ms a 1\r\nx\r\n", "set a last no_value returns= value=x\n" },
    { "ms a 1 F5 T-1 c k\r\nx\r\n",
      "set a flags=5 exptime=-1 last no_value returns=ck value=x\n" },
    { "ms a 1 C7 q\r\nx\r\n", "cas a cas=7 last quiet no_value returns= value=x\n" },
    { "ms a 1 ME C9\r\nx\r\n", "add a last no_value returns= value=x\n" },
    { "ms a 1 C0\r\nx\r\n", "cas a last no_value returns= value=x\n" },
    { "ms a 1 MR C9\r\nx\r\n", "cas a cas=9 last no_value returns= value=x\n" },
    { "ms a 1 MA C9\r\nx\r\n", "append a cas=9 last no_value returns= value=x\n" },
    { "ms a 1 MP\r\nx\r\n", "prepend a last no_value returns= value=x\n" },
    { "ms YQ== 1 b\r\nx\r\n", "set a last no_value returns= value=x\n" },
    { "md a\r\n", "delete a last no_value returns=\n" },
    { "md a C5 q Oz\r\n", "delete a cas=5 last quiet no_value returns=O opaque=z\n" },
    { "ma a\r\n", "incr a delta=1 last no_value returns=\n" },
    { "ma a MD D5 N60 J7 v\r\n",
      "decr a exptime=60 delta=5 initial=7 create last returns=\n" },
    { "ma a M+ C5 c\r\n", "incr a cas=5 delta=1 last no_value returns=c\n" },
    { "mn\r\n", "noop returns=\n" },
    { "mg a\r\nget a b\r\n", "get a last no_value returns=\nget a\nget b last\n" },
    { "mg\r\n", "! ERROR" EOL "\n" },
    { "me a\r\n", "debug a last no_value returns=\n" },
    { "me YQpi b x\r\n", "debug a\\x0ab last no_value returns=\n" },
    { "me YQ b\r\n", CE "bad command line format" EOL "\n" },
    { "me\r\n", CE "bad command line format" EOL "\n" },
    { "mg a h l t N30 R20 T10\r\n", "gat a exptime=10 last no_value returns=hlt\n" },
    { "md a I T5 k\r\n", "delete a last no_value returns=k\n" },
    { "ma a T5 t N7\r\n", "incr a exptime=7 delta=1 create last no_value returns=t\n" },
    { "mg " K250 "1\r\n", CE "bad command line format" EOL "\n" },
    { "mg a v v\r\n", CE "duplicate flag" EOL "\n" },
    { "mg a Z\r\n", CE "invalid flag" EOL "\n" },
    { "mg a F5 D3 L P\r\n", "get a flags=5 delta=3 last no_value returns=\n" },
    { "mg a q 1\r\n", CE "invalid flag" EOL "\n" },
    { "mg a \x80\r\n", CE "duplicate flag" EOL "\n" },
    { "mg a Nx Z\r\n", CE "invalid flag" EOL "\n" },
    { "mg a Nx Jx\r\n", CE "invalid numeric initial value" EOL "\n" },
    { "mg a Nx Fx\r\n", CE "bad token in command line format" EOL "\n" },
    { "ms a 1 F4294967297 v\r\nx\r\n", "set a flags=1 last no_value returns= value=x\n" },
    { "md a v\r\n", "delete a last no_value returns=\n" },
    { "mg a v k f c s t h l u b T N R I F C M J\r\n",
      CE "options flags are too long" EOL "\n" },
    { "md a v k f c s t h l u b T N R I F C M J\r\n",
      CE "options flags too long" EOL "\n" },
    { "md a Z\r\n", CE "invalid or duplicate flag" EOL "\n" },
    { "ma a Mx\r\n", CE "invalid mode for ma M token" EOL "\n" },
    { "ma a MII\r\n", CE "invalid or duplicate flag" EOL "\n" },
    { "ms a 1 MII\r\nx\r\n", CE "incorrect length for M token" EOL "\n" },
    { "mg a Tx\r\n", CE "bad token in command line format" EOL "\n" },
    { "mg a O" K10 K10 K10 "12\r\n", CE "opaque token too long" EOL "\n" },
    { "mg YQ= b\r\n", CE "error decoding key" EOL "\n" },
    { "ms a\r\n", CE "bad command line format" EOL "\n" },
    { "ms a -1\r\nmn\r\n", CE "bad command line format" EOL "\nnoop returns=\n" },
    { "ms a 1 Z\r\nx\r\nmn\r\n", CE "invalid flag" EOL "\nnoop returns=\n" },
    { "ms a 1 q Fx\r\nx\r\nmn\r\n",
      CE "bad command line format" EOL "\nnoop returns=\n" },
    { "ms a 1 Mx\r\nx\r\nmn\r\n",
      CE "invalid mode for ms M token" EOL "\nnoop returns=\n" },
    { "ms a 65\r\n" K50 "0123456789abcde\r\nmn\r\n",
      "! SERVER_ERROR object too large for cache" EOL "\nnoop returns=\n" },
    { "ma a Dx\r\n", CE "invalid or duplicate flag" EOL "\n" },
};

START_TEST(lines_become_requests_however_they_are_cut)
{
    for (size_t i = 0; i < N_ELEMENTS(samples); i++)
        codec_trace_check(&text_codec, VALUE_MAX, samples[i].input,
                          strlen(samples[i].input), samples[i].trace);
}
END_TEST

START_TEST(the_key_of_a_set_outlives_its_line)
{
    struct parser parser = { .value_max = VALUE_MAX };
    struct request req;
    char line[] = "ms key 1 k\r\n";
    struct buffer in = { .data = line, .tail = strlen(line), .size = sizeof(line) };
    ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_OK);
    memset(line, 'z', sizeof(line));
    struct response res = { .cas = 1 };
    char *answer = codec_answer(&text_codec, &req, &res, NULL, true);
    ck_assert_str_eq(answer, "HD kkey" EOL);
    free(answer);
}
END_TEST

static const struct {
    const char *line; /* with all flags that return a value */
    enum outcome outcome;
    const char *value, *answer;
} answers[] = {
    { "mg a v k f s c t O1\r\n", OUTCOME_OK, "value",
      "VA 5 ka f7 s5 c9 t-1 O1" EOL "value" EOL },
    { "mg a O1 k c f\r\n", OUTCOME_OK, NULL, "HD O1 ka c9 f7" EOL },
    { "mg a O1 k c f\r\n", OUTCOME_NOT_FOUND, NULL, "EN O1 ka" EOL },
    { "mg a q O1\r\n", OUTCOME_NOT_FOUND, NULL, "" },
    { "mg a q\r\n", OUTCOME_OK, NULL, "HD" EOL },
    { "mg a q\r\n", OUTCOME_TEMPORARY, NULL, "SERVER_ERROR temporary failure" EOL },
    { "mg YQpi b k v\r\n", OUTCOME_OK, "value", "VA 5 kYQpi b" EOL "value" EOL },
    { "ms a 0 c k\r\n", OUTCOME_OK, NULL, "HD c9 ka" EOL },
    { "ms a 0 c k\r\n", OUTCOME_EXISTS, NULL, "EX c0 ka" EOL },
    { "ms a 0 O1\r\n", OUTCOME_NOT_STORED, NULL, "NS O1" EOL },
    { "ms a 0 C5\r\n", OUTCOME_NOT_FOUND, NULL, "NF" EOL },
    { "ms a 0 q\r\n", OUTCOME_OK, NULL, "" },
    { "ms a 0 q\r\n", OUTCOME_NOT_STORED, NULL, "NS" EOL },
    { "ms a 0 q\r\n", OUTCOME_BAD_CHUNK, NULL, "CLIENT_ERROR bad data chunk" EOL },
    { "md a k\r\n", OUTCOME_OK, NULL, "HD ka" EOL },
    { "md a q\r\n", OUTCOME_OK, NULL, "" },
    { "md a q\r\n", OUTCOME_NOT_FOUND, NULL, "NF" EOL },
    { "ma a\r\n", OUTCOME_OK, NULL, "HD" EOL },
    { "ma a v c k\r\n", OUTCOME_OK, NULL, "VA 3 c9 ka" EOL "123" EOL },
    { "ma a v c k\r\n", OUTCOME_NOT_FOUND, NULL, "NF ka" EOL },
    { "ma a t v\r\n", OUTCOME_OK, NULL, "VA 3 t-1" EOL "123" EOL },
    { "me a\r\n", OUTCOME_NOT_FOUND, NULL, "EN" EOL },
    { "me a\r\n", OUTCOME_OK, NULL,
      "ME a exp=-1 la=0 cas=9 fetch=no cls=1 size=123" EOL },
    { "mg a h l\r\n", OUTCOME_OK, NULL, "HD h0 l0" EOL },
    { "ma a\r\n", OUTCOME_NOT_A_NUMBER, NULL,
      "CLIENT_ERROR cannot increment or decrement non-numeric value" EOL },
    { "mn\r\n", OUTCOME_OK, NULL, "MN" EOL },
};

START_TEST(answers_return_what_was_asked_for)
{
    for (size_t i = 0; i < N_ELEMENTS(answers); i++) {
        struct parser parser = { .value_max = VALUE_MAX };
        struct request req;
        struct buffer in;
        struct response res = { .outcome = answers[i].outcome,
                                .flags = 7,
                                .nvalue = 5,
                                .cas = 9,
                                .number = 123,
                                .ttl = -1,
                                .base64 = strstr(answers[i].line, " b ") != NULL };
        buffer_init(&in);
        ck_assert(buffer_append(&in, answers[i].line, strlen(answers[i].line)));
        ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_OK);
        char *answer = codec_answer(&text_codec, &req, &res, answers[i].value, true);
        ck_assert_str_eq(answer, answers[i].answer);
        free(answer);
        buffer_fini(&in);
    }
}
END_TEST

START_TEST(the_longest_answer_fits)
{
    char line[] = "mg " K250 " k O" K10 K10 K10 "1 s f c t h l\r\n";
    struct parser parser = { .value_max = VALUE_MAX };
    struct request req;
    struct response res = { .flags = UINT32_MAX,
                            .nvalue = UINT32_MAX,
                            .cas = UINT64_MAX,
                            .ttl = INT64_MAX,
                            .read = true,
                            .idle = UINT32_MAX,
                            .taken = true,
                            .stale = true,
                            .won = true };
    struct buffer in = { .data = line, .tail = strlen(line), .size = sizeof(line) };
    ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_OK);
    char *answer = codec_answer(&text_codec, &req, &res, NULL, true);
    ck_assert_str_eq(answer, "HD k" K250 " O" K10 K10 K10 "1 s4294967295 f4294967295"
                             " c18446744073709551615 t9223372036854775807 h1"
                             " l4294967295 Z X W" EOL);
    free(answer);
}
END_TEST

START_TEST(base64_comes_back_as_it_went)
{
    uint8_t bytes[KEY_MAX], back[KEY_MAX + 2];
    char text[BASE64_SIZE(KEY_MAX)];
    size_t n;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t size = 1; size <= sizeof(bytes); size++) {
        size_t ntext = (size_t)(base64_encode(bytes, size, text) - text);
        ck_assert_uint_eq(ntext, BASE64_SIZE(size));
        ck_assert(base64_decode(text, ntext, (char *)back, &n));
        ck_assert_uint_eq(n, size);
        ck_assert_mem_eq(bytes, back, size);
    }
}
END_TEST

START_TEST(what_is_no_base64_is_refused)
{
    static const char *const bad[] = { "",     "Y",    "YQ",   "YQ=",  "====",
                                       "Y===", "YR==", "YWI*", "=YWI", "YQ==YQ==" };
    char to[16];
    size_t n;
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert(!base64_decode(bad[i], strlen(bad[i]), to, &n));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        lines_become_requests_however_they_are_cut,
        the_key_of_a_set_outlives_its_line,
        answers_return_what_was_asked_for,
        the_longest_answer_fits,
        base64_comes_back_as_it_went,
        what_is_no_base64_is_refused,
    };
    return unit_run("meta", tests, N_ELEMENTS(tests));
}
