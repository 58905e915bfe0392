/* The file with the secrets of a pair: what it may hold, who may read it, how it is made.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "test/unit/unit.h"

#define ONE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TWO "FFEEddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static char path[] = "/tmp/check_secret.XXXXXX";
static char why[300];

static void setup(void)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
}

static void write_file(const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
    close(fd);
}

static void refuse(const char *text, size_t n, const char *reason)
{
    write_file(text, n);
    ck_assert_ptr_null(secrets_read(path, why, sizeof(why)));
    ck_assert_msg(strstr(why, reason) != NULL, "%s", why);
    ck_assert_msg(strstr(why, path) != NULL, "%s", why);
    ck_assert_msg(strstr(why, "0011") == NULL, "it shows what the file has: %s", why);
}

START_TEST(test_one)
{
    write_file(ONE "\n", strlen(ONE) + 1);
    struct secrets *s = secrets_read(path, why, sizeof(why));
    ck_assert_msg(s != NULL, "%s", why);
    ck_assert_uint_eq(s->n, 1);
    ck_assert(s->of[0][0] == 0 && s->of[0][1] == 0x11 && s->of[0][31] == 0xff);
    for (size_t i = 0; i < sizeof(s->text); i++)
        ck_assert_int_eq(s->text[i], 0);
    secrets_free(s);
}
END_TEST

START_TEST(test_two_with_comments)
{
    static const char text[] = "# the pair\r\n\n" ONE " \t\r\n" TWO;
    write_file(text, strlen(text));
    struct secrets *s = secrets_read(path, why, sizeof(why));
    ck_assert_msg(s != NULL, "%s", why);
    ck_assert_uint_eq(s->n, 2);
    ck_assert(s->of[1][0] == 0xff && s->of[1][1] == 0xee);
    secrets_free(s);
}
END_TEST

START_TEST(test_refused_texts)
{
    static const char three[] = ONE "\n" TWO "\n" ONE "\n", hole[] = ONE "\0" ONE;
    char large[2 * SECRET_TEXT];
    memset(large, '#', sizeof(large));
    refuse("", 0, "no secret");
    refuse("# 0011\n", 7, "no secret");
    refuse(ONE, strlen(ONE) - 1, "64 hexadecimal digits");
    refuse(ONE "0", strlen(ONE) + 1, "64 hexadecimal digits");
    refuse("g" ONE, strlen(ONE), "64 hexadecimal digits");
    refuse("password 0011\n", 14, "64 hexadecimal digits");
    refuse(three, strlen(three), "more than two");
    refuse(hole, sizeof(hole) - 1, "not text");
    refuse(large, sizeof(large), "too long");
}
END_TEST

START_TEST(test_modes)
{
    static const mode_t refused[] = { 0640, 0604, 0660, 0606, 0644, 0610, 0777 };
    write_file(ONE "\n", strlen(ONE) + 1);
    for (size_t i = 0; i < N_ELEMENTS(refused); i++) {
        ck_assert_int_eq(chmod(path, refused[i]), 0);
        ck_assert_ptr_null(secrets_read(path, why, sizeof(why)));
        ck_assert_msg(strstr(why, "chmod 600") != NULL, "%s", why);
    }
    ck_assert_int_eq(chmod(path, 0400), 0);
    struct secrets *s = secrets_read(path, why, sizeof(why));
    ck_assert_msg(s != NULL, "%s", why);
    secrets_free(s);
}
END_TEST

START_TEST(test_not_a_file)
{
    ck_assert_ptr_null(secrets_read("/nowhere/at/all", why, sizeof(why)));
    ck_assert_msg(strstr(why, "No such file") != NULL, "%s", why);
    ck_assert_ptr_null(secrets_read("/tmp", why, sizeof(why)));
    ck_assert_msg(strstr(why, "not a plain file") != NULL, "%s", why);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_ptr_null(secrets_read(path, why, sizeof(why))); /* and it does not hang */
}
END_TEST

START_TEST(test_make)
{
    struct stat st;
    struct secrets *s, *t;
    ck_assert(!secret_make(path, why, sizeof(why)));
    ck_assert_msg(strstr(why, "exists already") != NULL, "%s", why);
    ck_assert_int_eq(unlink(path), 0);
    umask(0);
    ck_assert_msg(secret_make(path, why, sizeof(why)), "%s", why);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    s = secrets_read(path, why, sizeof(why));
    ck_assert_msg(s != NULL, "%s", why);
    ck_assert(!secret_make(path, why, sizeof(why)));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert(secret_make(path, why, sizeof(why)));
    t = secrets_read(path, why, sizeof(why));
    ck_assert(t != NULL && memcmp(s->of[0], t->of[0], SECRET_SIZE) != 0);
    secrets_free(s);
    secrets_free(t);
    ck_assert(!secret_make("/nowhere/at/all", why, sizeof(why)));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_one,   test_two_with_comments, test_refused_texts,
                             test_modes, test_not_a_file,        test_make };
    return unit_run_with("secret", setup, teardown, tests, N_ELEMENTS(tests));
}
