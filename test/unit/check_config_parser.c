#include <stdbool.h>

#include <memcached/config_parser.h>

#include <string.h>
#include <unistd.h>

#include "test/unit/unit.h"

static size_t size;
static float factor;
static bool flag;
static char *text;
static char *complaints;

static struct config_item items[] = {
    { .key = "size", .datatype = DT_SIZE, .value.dt_size = &size },
    { .key = "factor", .datatype = DT_FLOAT, .value.dt_float = &factor },
    { .key = "flag", .datatype = DT_BOOL, .value.dt_bool = &flag },
    { .key = "text", .datatype = DT_STRING, .value.dt_string = &text },
    { .key = "config", .datatype = DT_CONFIGFILE },
    { .key = NULL },
};

static int parse(const char *config)
{
    size_t n;
    free(text);
    free(complaints);
    size = 1;
    factor = 1;
    flag = false;
    text = NULL;
    for (struct config_item *item = items; item->key != NULL; item++)
        item->found = false;
    FILE *error = open_memstream(&complaints, &n);
    int result = parse_config(config, items, error);
    fclose(error);
    return result;
}

static void clean(void)
{
    free(text);
    free(complaints);
    text = complaints = NULL;
}

START_TEST(test_every_type)
{
    ck_assert_int_eq(parse("size=64m;factor=1.5;flag=true;text=a b"), 0);
    ck_assert_uint_eq(size, 64u << 20);
    ck_assert_float_eq(factor, 1.5f);
    ck_assert(flag);
    ck_assert_str_eq(text, "a b");
    ck_assert(items[0].found && items[1].found && items[2].found && items[3].found);
    ck_assert(!items[4].found);
    ck_assert_str_eq(complaints, "");
    clean();
}
END_TEST

START_TEST(test_units_and_words)
{
    ck_assert_int_eq(parse("size=3K;flag=OFF"), 0);
    ck_assert_uint_eq(size, 3072);
    ck_assert_int_eq(parse("size=2g;flag=on"), 0);
    ck_assert_uint_eq(size, (size_t)2 << 30);
    ck_assert(flag);
    ck_assert_int_eq(parse("size=0"), 0);
    ck_assert_uint_eq(size, 0);
    clean();
}
END_TEST

START_TEST(test_nothing_is_fine)
{
    ck_assert_int_eq(parse(""), 0);
    ck_assert_int_eq(parse(" ; ;; "), 0);
    ck_assert_int_eq(parse(NULL), 0);
    ck_assert(!items[0].found);
    clean();
}
END_TEST

START_TEST(test_blanks_and_escapes)
{
    ck_assert_int_eq(parse(" text = C:\\\\tmp\\;x\\  ; size = 5 "), 0);
    ck_assert_str_eq(text, "C:\\tmp;x ");
    ck_assert_uint_eq(size, 5);
    clean();
}
END_TEST

START_TEST(test_last_one_wins)
{
    ck_assert_int_eq(parse("text=a;size=1k;text=b;size=2k"), 0);
    ck_assert_str_eq(text, "b");
    ck_assert_uint_eq(size, 2048);
    clean();
}
END_TEST

START_TEST(test_unknown_keys_are_named_and_survived)
{
    ck_assert_int_eq(parse("one=1;size=9;two=2"), 1);
    ck_assert_uint_eq(size, 9);
    ck_assert_ptr_nonnull(strstr(complaints, "'one'"));
    ck_assert_ptr_nonnull(strstr(complaints, "'two'"));
    ck_assert_int_eq(parse_config("one=1", items, NULL), 1);
    clean();
}
END_TEST

START_TEST(test_bad_values)
{
    static const char *const bad[] = { "size=x",
                                       "size=-1",
                                       "size=1kb",
                                       "size=",
                                       "size",
                                       "factor=a",
                                       "factor=",
                                       "flag=2",
                                       "flag=",
                                       "config=/nonexistent/file",
                                       "size=99999999999999999999" };
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        ck_assert_msg(parse(bad[i]) == -1, "'%s' was taken", bad[i]);
        ck_assert_uint_gt(strlen(complaints), 0);
    }
    ck_assert_int_eq(parse("unknown=1;size=x;text=late"), -1);
    ck_assert_ptr_null(text);
    clean();
}
END_TEST

/* Makes a file with these contents; the caller unlinks it. */
static void make_file(char *name, const char *contents)
{
    strcpy(name, "check-config-XXXXXX");
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, contents, strlen(contents)), (ssize_t)strlen(contents));
    close(fd);
}

START_TEST(test_file)
{
    char name[32], config[64];
    make_file(name, "# a remark\n\nsize = 7k\nfactor=2;flag=on\ntext = last line");
    snprintf(config, sizeof(config), "size=1;config=%s", name);
    ck_assert_int_eq(parse(config), 0);
    unlink(name);
    ck_assert_uint_eq(size, 7168);
    ck_assert_float_eq(factor, 2);
    ck_assert(flag);
    ck_assert_str_eq(text, "last line");
    ck_assert(items[4].found);
    clean();
}
END_TEST

START_TEST(test_file_with_errors)
{
    char name[32], config[64];
    make_file(name, "what=1\nsize=5\n");
    snprintf(config, sizeof(config), "config=%s", name);
    ck_assert_int_eq(parse(config), 1);
    ck_assert_uint_eq(size, 5);
    unlink(name);
    make_file(name, "size=five\ntext=late\n");
    snprintf(config, sizeof(config), "config=%s", name);
    ck_assert_int_eq(parse(config), -1);
    ck_assert_ptr_null(text);
    unlink(name);
    clean();
}
END_TEST

START_TEST(test_file_that_names_itself)
{
    char name[32], config[64];
    make_file(name, "");
    snprintf(config, sizeof(config), "config=%s", name);
    FILE *file = fopen(name, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s\n", config);
    fclose(file);
    ck_assert_int_eq(parse(config), -1);
    unlink(name);
    clean();
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_every_type,       test_units_and_words,
        test_nothing_is_fine,  test_blanks_and_escapes,
        test_last_one_wins,    test_unknown_keys_are_named_and_survived,
        test_bad_values,       test_file,
        test_file_with_errors, test_file_that_names_itself,
    };
    return unit_run("config_parser", tests, N_ELEMENTS(tests));
}
