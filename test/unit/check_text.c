#include <stdio.h>
/* The text protocol: parses lines that are whole, cut anywhere, endless, or wrong. */
#include <stdlib.h>
#include <string.h>

#include "codec_trace.h"
#include "unit.h"

enum { VALUE_MAX = 64 };

#define K10  "0123456789"
#define K50  K10 K10 K10 K10 K10
#define K250 K50 K50 K50 K50 K50

#define FORMAT "! CLIENT_ERROR bad command line format\\x0d\\x0a\n"
#define USAGE                                                                            \
    "! CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\\x0d\\x0a\n"
#define UNKNOWN    "! ERROR\\x0d\\x0a\n"
#define OFFERED(n) "extension packet=" #n "\n"
#define DELTA      "! CLIENT_ERROR invalid numeric delta argument\\x0d\\x0a\n"
#define EXPTIME    "! CLIENT_ERROR invalid exptime argument\\x0d\\x0a\n"
#define LARGE      "! SERVER_ERROR object too large for cache\\x0d\\x0a\n"
#define SILENT     "! \n"

struct sample {
    const char *input, *trace;
};

static const struct sample requests[] = {
    { "get a\r\n", "get a last\n" },
    { "get a\n", "get a last\n" },
    { "  get   a  \r\n", "get a last\n" },
    { "get a b  c\r\n", "get a\nget b\nget c last\n" },
    { "get a\r\r\n", "get a\\x0d last\n" },
    { "get a b\r\r\n", "get a\nget b\\x0d last\n" },
    { "get a\tb \x7f\xff\r\n", "get a\\x09b\nget \\x7f\\xff last\n" },
    { "get noreply\r\n", "get noreply last\n" },
    { "get " K250 "\r\n", "get " K250 " last\n" },
    { "get a " K250 "\r\n", "get a\nget " K250 " last\n" },
    { "get " K250 " a\r\n", "get " K250 "\nget a last\n" },
    { "gets a b\r\n", "get a with_cas\nget b with_cas last\n" },
    { "gat 10 a b\r\n", "gat a exptime=10\ngat b exptime=10 last\n" },
    { "gats -1 a\r\n", "gat a exptime=-1 with_cas last\n" },
    { "get a b\r\nget c\r\n", "get a\nget b last\nget c last\n" },
    { "set a 5 7 1\r\nx\r\n", "set a flags=5 exptime=7 value=x\n" },
    { "set a 0 0 1\nx\r\n", "set a value=x\n" },
    { "set  a  0   0 1 \r\nx\r\n", "set a value=x\n" },
    { "set a 0 0 0\r\n\r\n", "set a value=\n" },
    { "set a 0 -1 3\r\na\nb\r\n", "set a exptime=-1 value=a\\x0ab\n" },
    { "set a +1 +2 +1\r\nx\r\n", "set a flags=1 exptime=2 value=x\n" },
    { "set a 4294967295 2147483648 1\r\nx\r\n",
      "set a flags=4294967295 exptime=2147483648 value=x\n" },
    { "set a 4294967301 0 1\r\nx\r\n", "set a flags=5 value=x\n" },
    { "set a 0 0 1 noreply\r\nx\r\n", "set a quiet value=x\n" },
    { "set a 0 0 1 other\r\nx\r\n", "set a value=x\n" },
    { "set " K250 " 0 0 1\r\nx\r\n", "set " K250 " value=x\n" },
    { "add a 1 2 1\r\nx\r\n", "add a flags=1 exptime=2 value=x\n" },
    { "replace a 1 2 1 noreply\r\nx\r\n", "replace a flags=1 exptime=2 quiet value=x\n" },
    { "append a 0 0 1\r\nx\r\n", "append a value=x\n" },
    { "prepend a 0 0 1 noreply\r\nx\r\n", "prepend a quiet value=x\n" },
    { "cas a 1 2 1 18446744073709551615\r\nx\r\n",
      "cas a flags=1 exptime=2 cas=18446744073709551615 value=x\n" },
    { "cas a 0 0 1 7 noreply\r\nx\r\n", "cas a cas=7 quiet value=x\n" },
    { "delete a\r\n", "delete a\n" },
    { "delete a 0\r\n", "delete a\n" },
    { "delete a noreply\r\n", "delete a quiet\n" },
    { "delete a 0 noreply\r\n", "delete a quiet\n" },
    { "delete noreply\r\n", "delete noreply\n" },
    { "incr a 1\r\n", "incr a delta=1\n" },
    { "incr a 18446744073709551615 noreply\r\n",
      "incr a delta=18446744073709551615 quiet\n" },
    { "decr a 12 \r\n", "decr a delta=12\n" },
    { "incr a 1 other\r\n", "incr a delta=1\n" },
    { "touch a 100\r\n", "touch a exptime=100\n" },
    { "touch a -9223372036854775808 noreply\r\n",
      "touch a exptime=-9223372036854775808 quiet\n" },
    { "flush_all\r\n", "flush\n" },
    { "flush_all  \r\n", "flush\n" },
    { "flush_all noreply\r\n", "flush quiet\n" },
    { "flush_all 0\r\n", "flush delayed\n" },
    { "flush_all -1\r\n", "flush exptime=-1 delayed\n" },
    { "flush_all 10 noreply\r\n", "flush exptime=10 delayed quiet\n" },
    { "flush_all 1 2\r\n", "flush exptime=1 delayed\n" },
    { "stats\r\n", "stats\n" },
    { "stats reset\r\n", "stats reset\n" },
    { "stats  detail on \r\n", "stats detail on\n" },
    { "stats a b c d e f g h i j\r\n", "stats a b c d e f g h i j\n" },
    { "verbosity 3\r\n", "verbosity level=3\n" },
    { "lru_crawler  metadump all \r\n", "crawler metadump all\n" },
    { "lru_crawler enable noreply\r\n", "crawler enable quiet\n" },
    { "lru noreply\r\n", "lru quiet\n" },
    { "slabs automove 1\r\n", "slabs automove 1\n" },
    { "watch\r\n", "watch\n" },
    { "cache_memlimit 64\r\n", "memlimit delta=64\n" },
    { "cache_memlimit 64 noreply\r\n", "memlimit delta=64 quiet\n" },
    { "verbosity 3 noreply\r\n", "verbosity level=3 quiet\n" },
    { "verbosity 3 4\r\n", "verbosity level=3\n" },
    { "version\r\n", "version\n" },
    { "version other\r\n", "version\n" },
    { "version noreply\r\n", "version\n" },
    { "quit\r\n", "quit\n" },
    { "quit noreply\r\n", "quit\n" },
    { "get a", "more\n" },
    { "set a 0 0 1\r\nx", "more\n" },
    { "", "" },
};

static const struct sample refusals[] = {
    { "\r\n", UNKNOWN },
    { "\n", UNKNOWN },
    { " \r\n", UNKNOWN },
    { "get\r\n", UNKNOWN },
    { "get  \r\n", UNKNOWN },
    { "GET a\r\n", OFFERED(5) },
    { "get\ta\r\n", OFFERED(5) },
    { "gat\r\n", UNKNOWN },
    { "gat 0\r\n", UNKNOWN },
    { "gat x k\r\n", EXPTIME },
    { "gats x\r\n", EXPTIME },
    { "get " K250 "1\r\nget a\r\n", FORMAT "get a last\n" },
    { "get a " K250 "1 b\r\nget a\r\n", FORMAT "get a last\n" },
    { "gat 0 a " K250 "1\r\nget a\r\n", FORMAT "get a last\n" },
    { "set\r\n", UNKNOWN },
    { "set a 0 0\r\n", UNKNOWN },
    { "set a 0 0 1 noreply foo\r\nx\r\n", UNKNOWN OFFERED(1) },
    { "set " K250 "1 0 0 1\r\nx\r\n", FORMAT OFFERED(1) },
    { "set " K250 "1 0 0 1 noreply\r\nx\r\n", SILENT OFFERED(1) },
    { "set a 0 0 -1\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 0 -1 noreply\r\nx\r\n", SILENT OFFERED(1) },
    { "set a -1 0 1\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 1a 0 1\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 x 1\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 99999999999999999999 1\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 0 x\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 0 1x\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 0 2147483646\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 0 2147483645\r\nx\r\n", LARGE "more\n" },
    { "set a 0 0 99999999999999999999\r\nx\r\n", FORMAT OFFERED(1) },
    { "set a 0 0 65\r\n" K50 "0123456789abcde\r\nget a\r\n", LARGE "get a last\n" },
    { "set a 0 0 65 noreply\r\n" K50 "0123456789abcde\r\nget a\r\n",
      SILENT "get a last\n" },
    { "set a 0 0 64\r\n" K50 "0123456789abcd\r\nget a\r\n",
      "set a value=" K50 "0123456789abcd\nget a last\n" },
    { "cas a 0 0 1\r\nx\r\n", UNKNOWN OFFERED(1) },
    { "cas a 0 0 1 x\r\nx\r\n", FORMAT OFFERED(1) },
    { "cas a 0 0 1 -1\r\nx\r\n", FORMAT OFFERED(1) },
    { "cas a 0 0 1 noreply\r\nx\r\n", SILENT OFFERED(1) },
    { "cas a 0 0 1 18446744073709551616\r\nx\r\n", FORMAT OFFERED(1) },
    { "delete\r\n", UNKNOWN },
    { "delete a 5\r\n", USAGE },
    { "delete a 00\r\n", USAGE },
    { "delete a 5 noreply\r\n", SILENT },
    { "delete a noreply 5\r\n", USAGE },
    { "delete a 0 0 noreply\r\n", UNKNOWN },
    { "delete " K250 "1\r\n", FORMAT },
    { "incr\r\n", UNKNOWN },
    { "incr a\r\n", UNKNOWN },
    { "incr a x\r\n", DELTA },
    { "incr a -1\r\n", DELTA },
    { "incr a 1x\r\n", DELTA },
    { "incr a +\r\n", DELTA },
    { "incr a 18446744073709551616\r\n", DELTA },
    { "decr a 99999999999999999999999\r\n", DELTA },
    { "incr a x noreply\r\n", SILENT },
    { "incr a noreply\r\n", SILENT },
    { "incr a 1 2 3\r\n", UNKNOWN },
    { "incr " K250 "1 1\r\n", FORMAT },
    { "touch a\r\n", UNKNOWN },
    { "touch a x\r\n", EXPTIME },
    { "touch a noreply\r\n", SILENT },
    { "touch a 0 0 0\r\n", UNKNOWN },
    { "touch " K250 "1 0\r\n", FORMAT },
    { "flush_all x\r\n", EXPTIME },
    { "flush_all x noreply\r\n", SILENT },
    { "flush_all noreply 1\r\n", EXPTIME },
    { "flush_all 1 2 3\r\n", UNKNOWN },
    { "stats " K250 "1\r\n", UNKNOWN },
    { "verbosity\r\n", UNKNOWN },
    { "cache_memlimit\r\n", UNKNOWN },
    { "cache_memlimit x\r\n", UNKNOWN },
    { "cache_memlimit 4294967296\r\n", UNKNOWN },
    { "cache_memlimit 1 2 3\r\n", UNKNOWN },
    { "verbosity x\r\n", FORMAT },
    { "verbosity -1\r\n", FORMAT },
    { "verbosity noreply\r\n", SILENT },
    { "verbosity 0 0 0\r\n", UNKNOWN },
    { "foo\r\n", OFFERED(3) },
    { "foo noreply\r\n", OFFERED(11) },
    { "versionx\r\n", OFFERED(8) },
    { "mx\r\n", OFFERED(2) },
    { "x\r\nget a\r\n", OFFERED(1) "get a last\n" },
    { "GET / HTTP/1.1\r\nget a\r\n", "closed\n" },
    { "HTTP/1.1\r\n", OFFERED(8) },
};

static void sample_check(const struct sample *sample)
{
    codec_trace_check(&text_codec, VALUE_MAX, sample->input, strlen(sample->input),
                      sample->trace);
}

START_TEST(lines_become_requests_however_they_are_cut)
{
    for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
        sample_check(&requests[i]);
    }
}
END_TEST

START_TEST(bad_lines_are_refused_with_the_known_words)
{
    for (size_t i = 0; i < N_ELEMENTS(refusals); i++) {
        sample_check(&refusals[i]);
    }
}
END_TEST

/* The letters of a row must be those of its word, or it would never be found. */
START_TEST(every_word_of_the_table_is_found)
{
    static const struct {
        const char *word;
        unsigned least;
    } words[] = {
#define WORD(word, c0, c1, NAME, least, ...) { #word, least },
#include "protocol/command_table.h"
    };
    for (size_t i = 0; i < N_ELEMENTS(words); i++) {
        char line[64];
        int n = sprintf(line, "%s%.*s\r\n", words[i].word, 2 * (int)words[i].least,
                        " 0 0 0 0 0 0");
        char *trace = codec_trace(&text_codec, VALUE_MAX, line, (size_t)n, (size_t)n, 1);
        ck_assert_str_ne(trace, UNKNOWN);
        ck_assert_ptr_null(strstr(trace, "extension"));
        free(trace);
    }
}
END_TEST

/* ---- lines longer than the limit for other lines */

enum { MANY = 3000 };

static char *repeated(const char *head, const char *word, unsigned times,
                      const char *tail)
{
    size_t nword = strlen(word), size = strlen(head) + times * nword + strlen(tail) + 1;
    char *text = malloc(size), *at = text;
    ck_assert_ptr_nonnull(text);
    at = stpcpy(at, head);
    while (times-- > 0)
        at = stpcpy(at, word);
    strcpy(at, tail);
    return text;
}

static void long_check(const char *head, const char *word, const char *tail,
                       const char *wanted, size_t step)
{
    char *line = repeated(head, word, MANY, tail);
    char *trace = codec_trace(&text_codec, VALUE_MAX, line, strlen(line), step, step);
    ck_assert_str_eq(trace, wanted);
    free(trace);
    free(line);
}

static const size_t steps[] = { 1, 7, 100, 2047, 2049, 4096, 1 << 20 };

START_TEST(a_get_of_any_length_is_served_key_by_key)
{
    for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
        char *wanted = repeated("", "get ab\n", MANY, "get c last\nversion\n");
        long_check("get", " ab", " c\r\nversion\r\n", wanted, steps[i]);
        free(wanted);
        wanted = repeated("", "gat ab exptime=5 with_cas\n", MANY,
                          "gat c exptime=5 with_cas last\nversion\n");
        long_check(" gats 5 ", " ab", " c\nversion\r\n", wanted, steps[i]);
        free(wanted);
        wanted = repeated("", "get ab\n", MANY - 1, "get ab last\n");
        long_check("get ", "ab ", " \r\n", wanted, steps[i]);
        free(wanted);
    }
}
END_TEST

START_TEST(a_bad_key_ends_a_long_get)
{
    for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
        char *line = repeated("get", " ab", MANY, " " K250 "1 a b c\r\nversion\r\n");
        char *trace =
            codec_trace(&text_codec, VALUE_MAX, line, strlen(line), steps[i], steps[i]);
        size_t n = strlen(trace);
        const char *wanted = FORMAT "version\n";
        ck_assert_uint_ge(n, strlen(wanted));
        ck_assert_str_eq(trace + n - strlen(wanted), wanted);
        ck_assert_ptr_null(strstr(trace, "last"));
        free(trace);
        free(line);
        long_check("get ", "x", " b\r\nversion\r\n", FORMAT "version\n", steps[i]);
    }
}
END_TEST

START_TEST(other_endless_lines_close)
{
    for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
        long_check("x", "x", "", "closed\n", steps[i]);
        long_check("set ", "x", "", "closed\n", steps[i]);
        long_check("get ", " ", "", "closed\n", steps[i]);
        long_check("", " ", "get a", "closed\n", steps[i]);
        long_check("gat x ", "a ", "", "closed\n", steps[i]);
    }
}
END_TEST

START_TEST(a_whole_line_may_be_long)
{
    long_check("set a 0 0 1", " ", "\r\nx\r\n", "set a value=x\n", 1 << 20);
    long_check("x", "x", "\r\nversion\r\n", OFFERED(3001) "version\n", 1 << 20);
}
END_TEST

START_TEST(a_key_may_be_nothing_but_a_carriage_return)
{
    /* noticed only when the newline behind it has arrived */
    char *line = repeated("get ", " ", 2100, "\r");
    struct parser parser = { .value_max = VALUE_MAX };
    struct request req;
    struct buffer in;
    buffer_init(&in);
    ck_assert(buffer_append(&in, line, strlen(line)));
    ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_MORE);
    buffer_consume(&in, parser.used);
    ck_assert(buffer_append(&in, "\n", 1));
    ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_ERROR);
    ck_assert_int_eq(parser.why, OUTCOME_UNKNOWN);
    ck_assert_uint_eq(parser.used, buffer_length(&in));
    buffer_fini(&in);
    free(line);
}
END_TEST

START_TEST(a_refused_set_still_names_its_key)
{
    struct parser parser = { .value_max = VALUE_MAX };
    struct request req;
    struct buffer in;
    buffer_init(&in);
    ck_assert(buffer_append(&in, "set key 0 0 65\r\n", 16));
    ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_ERROR);
    ck_assert_int_eq(parser.why, OUTCOME_TOO_LARGE);
    ck_assert_uint_eq(parser.swallow, 67);
    ck_assert_int_eq(req.command, COMMAND_SET);
    ck_assert_mem_eq(req.key, "key", req.nkey);
    parser.value_max = 0;
    ck_assert_int_eq(text_codec.parse(&parser, &in, &req), PARSE_OK);
    buffer_fini(&in);
}
END_TEST

START_TEST(the_first_byte_tells_the_protocol)
{
    for (int byte = 0; byte < 256; byte++)
        ck_assert_ptr_eq(codec_for_first_byte((uint8_t)byte),
                         byte == 0x80 ? &binary_codec : &text_codec);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        lines_become_requests_however_they_are_cut,
        bad_lines_are_refused_with_the_known_words,
        every_word_of_the_table_is_found,
        a_get_of_any_length_is_served_key_by_key,
        a_bad_key_ends_a_long_get,
        other_endless_lines_close,
        a_whole_line_may_be_long,
        a_key_may_be_nothing_but_a_carriage_return,
        a_refused_set_still_names_its_key,
        the_first_byte_tells_the_protocol,
    };
    return unit_run("text", tests, N_ELEMENTS(tests));
}
