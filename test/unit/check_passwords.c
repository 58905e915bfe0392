/* The file of -Y: what it may hold, and who is let in. */
#include "server/passwords.h"

#include <string.h>
#include <unistd.h>

#include "test/unit/unit.h"

static struct passwords passwords;
static char path[] = "/tmp/check-passwords-XXXXXX";
static char why[512];

static void begin(void)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    passwords_init(&passwords);
}

static void finish(void)
{
    passwords_fini(&passwords);
    unlink(path);
}

static bool load(const char *text, size_t n)
{
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(text, 1, n, out), n);
    fclose(out);
    return passwords_load(&passwords, path, why, sizeof(why));
}

static bool lets_in(const char *user, const char *password)
{
    return passwords_accept(&passwords, user, strlen(user), password, strlen(password));
}

static void refuses(const char *text, const char *word)
{
    ck_assert_msg(!load(text, strlen(text)), "it was taken: %s", text);
    ck_assert_msg(strstr(why, word) != NULL, "'%s' is not in: %s", word, why);
    ck_assert_msg(strstr(why, "secret") == NULL, "it tells a password: %s", why);
}

START_TEST(who_is_in_the_file_is_let_in)
{
    static const char text[] = "foo:bar\r\nbaz:q:x\nlast:line";
    ck_assert_msg(load(text, sizeof(text) - 1), "%s", why);
    ck_assert(lets_in("foo", "bar") && lets_in("baz", "q:x") && lets_in("last", "line"));
    ck_assert(!lets_in("foo", "baz") && !lets_in("foo", "ba") && !lets_in("foo", "barr"));
    ck_assert(!lets_in("fo", "obar") && !lets_in("baz:q", "x") && !lets_in("", ""));
    ck_assert(!lets_in("foo", "") && !lets_in("", "foo:bar") && !lets_in("FOO", "bar"));
    ck_assert(!passwords_accept(&passwords, "foo", 3, "bar\0", 4));
}
END_TEST

START_TEST(an_empty_file_lets_nobody_in)
{
    ck_assert(load("", 0));
    ck_assert(!lets_in("", "") && !lets_in("foo", "bar"));
}
END_TEST

START_TEST(eight_users_of_the_longest_kind)
{
    char text[8 * 256], long_one[256];
    memset(text, 'x', sizeof(text));
    for (unsigned i = 0; i < 8; i++) {
        text[256 * i] = (char)('a' + i);
        text[256 * i + 1] = ':';
        text[256 * i + 255] = '\n';
    }
    ck_assert_msg(load(text, sizeof(text)), "%s", why);
    memset(long_one, 'x', sizeof(long_one));
    for (unsigned i = 0; i < 8; i++) {
        ck_assert(passwords_accept(&passwords, text + 256 * i, 1, long_one, 253));
        ck_assert(!passwords_accept(&passwords, text + 256 * i, 1, long_one, 252));
        ck_assert(!passwords_accept(&passwords, text + 256 * i, 1, long_one, 254));
    }
}
END_TEST

START_TEST(bad_files_change_nothing)
{
    char text[9 * 257 + 1];
    ck_assert(load("foo:secret\n", 11));
    refuses("foo:secret\n\nbar:secret\n", "line 2");
    refuses("secret\n", "line 1");
    memset(text, 's', sizeof(text));
    text[1] = ':';
    text[sizeof(text) - 1] = '\0';
    refuses(text, "255 bytes");
    refuses("a:b\na:b\na:b\na:b\na:b\na:b\na:b\na:b\na:secret\n", "one too many");
    ck_assert(!load("a:b\0c\n", 7));
    unlink(path);
    ck_assert(!passwords_load(&passwords, path, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "No such file"));
    ck_assert(!passwords_load(&passwords, "/tmp", why, sizeof(why)));
    ck_assert(lets_in("foo", "secret"));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { who_is_in_the_file_is_let_in, an_empty_file_lets_nobody_in,
                             eight_users_of_the_longest_kind, bad_files_change_nothing };
    return unit_run_with("passwords", begin, finish, tests, N_ELEMENTS(tests));
}
