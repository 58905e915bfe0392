#include "base/option.h"

#include <string.h>
#include <unistd.h>

#include "test/unit/unit.h"

struct values {
    bool flag;
    uint64_t number, size;
    double factor;
    char *text, *list;
    unsigned choice;
    bool file;
};

static const struct option_row rows[] = {
#define ROW(name, letter, type, preset, min, max, form, help)                            \
    OPTION_ROW(#name, letter, type, struct values, name, preset, min, max, form, help)
    ROW(flag, 'f', BOOL, "off", 0, 0, NULL, "A switch."),
    ROW(number, 'n', NUMBER, "7", 1, 100, "N", "A number."),
    ROW(size, 0, SIZE, "64m", 1024, 0, "BYTES", "A size."),
    ROW(factor, 0, FACTOR, "1.25", 1, 0, "X", "A factor."),
    ROW(text, 0, STRING, NULL, 0, 0, "TEXT", "A text."),
    ROW(list, 0, LIST, NULL, '+', 0, "TEXT", "Texts."),
    ROW(choice, 0, CHOICE, "keep", 0, 0, "drop|keep|ask", "A choice."),
    ROW(file, 0, FILE, NULL, 0, 0, "FILE", "A file of options."),
};

enum { NROWS = N_ELEMENTS(rows) };

static struct values values;
static char why[160];

static void setup(void)
{
    values = (struct values){ 0 };
    ck_assert(option_defaults(rows, NROWS, &values, why, sizeof(why)));
    why[0] = '\0';
}

static enum option_result set(const char *name, const char *text)
{
    return option_put(option_find(rows, NROWS, name), &values, text, why, sizeof(why));
}

static bool parse(const char *config, char **rest)
{
    return option_parse(rows, NROWS, &values, config, rest, why, sizeof(why));
}

START_TEST(test_defaults)
{
    setup();
    ck_assert(!values.flag);
    ck_assert_uint_eq(values.number, 7);
    ck_assert_uint_eq(values.size, 64u << 20);
    ck_assert_double_eq(values.factor, 1.25);
    ck_assert_ptr_null(values.text);
    ck_assert_uint_eq(values.choice, 1);
}
END_TEST

START_TEST(test_every_type_is_set)
{
    setup();
    ck_assert_int_eq(set("flag", "Yes"), OPTION_OK);
    ck_assert_int_eq(set("number", "100"), OPTION_OK);
    ck_assert_int_eq(set("size", "2G"), OPTION_OK);
    ck_assert_int_eq(set("factor", "2"), OPTION_OK);
    ck_assert_int_eq(set("text", "one"), OPTION_OK);
    ck_assert_int_eq(set("text", "two"), OPTION_OK);
    ck_assert_int_eq(set("choice", "ask"), OPTION_OK);
    ck_assert(values.flag);
    ck_assert_uint_eq(values.number, 100);
    ck_assert_uint_eq(values.size, UINT64_C(2) << 30);
    ck_assert_double_eq(values.factor, 2);
    ck_assert_str_eq(values.text, "two");
    ck_assert_uint_eq(values.choice, 2);
    option_free(rows, NROWS, &values);
    ck_assert_ptr_null(values.text);
}
END_TEST

START_TEST(test_texts_of_a_list_add_up)
{
    char text[16];
    setup();
    ck_assert_int_eq(set("list", "a"), OPTION_OK);
    ck_assert_str_eq(values.list, "a");
    ck_assert_int_eq(set("list", ""), OPTION_OK);
    ck_assert_int_eq(set("list", "bc"), OPTION_OK);
    option_format(option_find(rows, NROWS, "list"), &values, text, sizeof(text));
    ck_assert_str_eq(text, "a++bc");
    option_free(rows, NROWS, &values);
    ck_assert_ptr_null(values.list);
}
END_TEST

START_TEST(test_bad_values_are_refused_by_name)
{
    static const char *const bad[][2] = {
        { "flag", "maybe" },
        { "flag", "" },
        { "number", "0" },
        { "number", "101" },
        { "number", "-1" },
        { "number", "1x" },
        { "number", "" },
        { "size", "1023" },
        { "size", "64mb" },
        { "size", "m" },
        { "size", "-5k" },
        { "size", "99999999999g" },
        { "factor", "0.5" },
        { "factor", "nan" },
        { "factor", "inf" },
        { "factor", "1,5" },
        { "choice", "kee" },
        { "choice", "keeper" },
        { "choice", "" },
        { "choice", "drop|keep" },
        { "number", "99999999999999999999999" },
    };
    setup();
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        why[0] = '\0';
        ck_assert_msg(set(bad[i][0], bad[i][1]) == OPTION_BAD, "%s=%s was taken",
                      bad[i][0], bad[i][1]);
        ck_assert_msg(strstr(why, bad[i][0]) != NULL, "the name is missing: %s", why);
    }
    ck_assert_uint_eq(values.number, 7);
    ck_assert_uint_eq(values.choice, 1);
}
END_TEST

START_TEST(test_rows_are_found_by_name)
{
    ck_assert_ptr_eq(option_find(rows, NROWS, "size"), &rows[2]);
    ck_assert_ptr_null(option_find(rows, NROWS, "nonsense"));
    ck_assert_ptr_null(option_find(NULL, 0, "size"));
}
END_TEST

START_TEST(test_sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "0", 0 },
        { "1k", 1024 },
        { "3M", 3u << 20 },
        { "1t", UINT64_C(1) << 40 },
        { "18446744073709551615", UINT64_MAX },
        { "17179869183g", UINT64_C(17179869183) << 30 },
    };
    static const char *const bad[] = { "", "k", "1kk", "1 k", "0x10", "17179869184g" };
    uint64_t bytes;
    for (size_t i = 0; i < N_ELEMENTS(good); i++) {
        ck_assert(option_size(good[i].text, &bytes));
        ck_assert_uint_eq(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < N_ELEMENTS(bad); i++)
        ck_assert_msg(!option_size(bad[i], &bytes), "%s is no size", bad[i]);
}
END_TEST

START_TEST(test_parse_takes_own_and_leaves_rest)
{
    char *rest;
    setup();
    ck_assert(parse("number=9;cache_size=64m;flag=on;x=1", &rest));
    ck_assert_uint_eq(values.number, 9);
    ck_assert(values.flag);
    ck_assert_str_eq(rest, "cache_size=64m;x=1");
    free(rest);
    ck_assert(parse("number=10", &rest));
    ck_assert_ptr_null(rest);
    ck_assert(parse(NULL, &rest));
    ck_assert_ptr_null(rest);
    ck_assert(parse("", &rest));
    ck_assert_ptr_null(rest);
    ck_assert(parse(";; ;number=11;;", &rest));
    ck_assert_ptr_null(rest);
    ck_assert_uint_eq(values.number, 11);
}
END_TEST

START_TEST(test_parse_unquotes_and_trims)
{
    char *rest;
    setup();
    ck_assert(parse(" text = a\\;b\\\\c=d\\  ; flag = on ", &rest));
    ck_assert_ptr_null(rest);
    ck_assert_str_eq(values.text, "a;b\\c=d ");
    ck_assert(values.flag);
    option_free(rows, NROWS, &values);
}
END_TEST

/* The rest is parsed again by the wrapped engine, so it stays quoted. */
START_TEST(test_rest_stays_quoted)
{
    char *rest;
    setup();
    ck_assert(parse("x=a\\;b;number=3;y=\\;", &rest));
    ck_assert_str_eq(rest, "x=a\\;b;y=\\;");
    free(rest);
}
END_TEST

START_TEST(test_parse_refuses)
{
    static const char *const bad[] = { "number", "number=x", "flag=on;number=0",
                                       "what;" };
    char *rest;
    setup();
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        why[0] = '\0';
        ck_assert_msg(!parse(bad[i], &rest), "'%s' was taken", bad[i]);
        ck_assert_ptr_null(rest);
        ck_assert_uint_gt(strlen(why), 0);
    }
}
END_TEST

/* Parses file=NAME, where NAME has these lines; unknown pairs go to the rest as usual. */
static bool parse_file(const char *lines, char **rest)
{
    char name[] = "check-option-XXXXXX", config[64];
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    close(fd);
    setup();
    snprintf(config, sizeof(config), "number=8;file=%s;flag=on", name);
    bool ok = parse(config, rest);
    unlink(name);
    return ok;
}

START_TEST(test_file_of_options)
{
    char *rest;
    ck_assert(parse_file("# a remark\nnumber = 9\n\nsize=2k;cache_size=1m\n", &rest));
    ck_assert_uint_eq(values.number, 9);
    ck_assert_uint_eq(values.size, 2048);
    ck_assert(values.flag && values.file);
    ck_assert_ptr_nonnull(strstr(rest, "cache_size=1m"));
    free(rest);
    ck_assert(!parse_file("number=x\n", &rest));
    ck_assert_ptr_nonnull(strstr(why, "number"));
    ck_assert(!parse("file=/nonexistent/file", &rest));
    ck_assert_ptr_nonnull(strstr(why, "/nonexistent/file"));
    ck_assert_int_eq(set("file", "x"), OPTION_BAD);
}
END_TEST

START_TEST(test_format_reads_back)
{
    static const char *const texts[] = { "false", "7",    "67108864", "1.25",
                                         "NULL",  "NULL", "keep",     "false" };
    char text[64];
    setup();
    for (size_t i = 0; i < NROWS; i++) {
        option_format(&rows[i], &values, text, sizeof(text));
        ck_assert_str_eq(text, texts[i]);
    }
}
END_TEST

START_TEST(test_help_has_a_line_a_row)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    option_help(rows, NROWS, out);
    fclose(out);
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    ck_assert_uint_eq(lines, NROWS);
    ck_assert_ptr_nonnull(strstr(text, "-n, --number=N"));
    ck_assert_ptr_nonnull(strstr(text, "(default: 64m)"));
    free(text);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_defaults,
        test_every_type_is_set,
        test_texts_of_a_list_add_up,
        test_bad_values_are_refused_by_name,
        test_rows_are_found_by_name,
        test_sizes,
        test_parse_takes_own_and_leaves_rest,
        test_parse_unquotes_and_trims,
        test_rest_stays_quoted,
        test_parse_refuses,
        test_file_of_options,
        test_format_reads_back,
        test_help_has_a_line_a_row,
    };
    return unit_run("option", tests, N_ELEMENTS(tests));
}
