#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/unit/unit.h"

static char folder[64], path[80];
static struct sockaddr_un at;

static void setup(void)
{
    snprintf(folder, sizeof(folder), "/tmp/check_unix_socket.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    ck_assert(unix_socket_address(path, &at));
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

START_TEST(test_mode)
{
    struct stat found;
    int fd = unix_socket_bind(&at, 0620);
    ck_assert_int_ge(fd, 0);
    AZ(stat(path, &found));
    ck_assert_uint_eq(found.st_mode & 0777, 0620);
    close(fd);
}
END_TEST

START_TEST(test_left_behind)
{
    int fd = unix_socket_bind(&at, 0600);
    AZ(listen(fd, 1));
    close(fd); /* as if its process was killed: the file stays */
    fd = unix_socket_bind(&at, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

START_TEST(test_served)
{
    int fd = unix_socket_bind(&at, 0600);
    AZ(listen(fd, 1));
    ck_assert_int_eq(unix_socket_bind(&at, 0600), -1);
    ck_assert_int_eq(errno, EADDRINUSE);
    AZ(access(path, F_OK));
    close(fd);
}
END_TEST

START_TEST(test_something_else)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(unix_socket_bind(&at, 0600), -1);
    ck_assert_int_eq(errno, EEXIST);
    AZ(access(path, F_OK));
}
END_TEST

START_TEST(test_length_of_a_path)
{
    char text[sizeof(at.sun_path) + 1];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 2] = '\0';
    ck_assert(unix_socket_address(text, &at));
    ck_assert_str_eq(at.sun_path, text);
    text[sizeof(text) - 2] = 'x';
    text[sizeof(text) - 1] = '\0';
    ck_assert(!unix_socket_address(text, &at));
    ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_mode, test_left_behind, test_served,
                             test_something_else, test_length_of_a_path };
    return unit_run_with("unix_socket", setup, teardown, tests, N_ELEMENTS(tests));
}
