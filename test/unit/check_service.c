#include "base/service.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "test/unit/unit.h"

/* A manager's socket in the abstract namespace: no file is left behind. */
static int listen_as_manager(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char name[sizeof(at.sun_path)];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    int n = snprintf(name, sizeof(name), "@mcd-check-service-%d", (int)getpid());
    memcpy(at.sun_path + 1, name + 1, (size_t)n - 1);
    ck_assert_int_eq(
        bind(fd, (struct sockaddr *)&at, offsetof(struct sockaddr_un, sun_path) + n), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

/* The next message; "" if there is none. A datagram arrives at once. */
static const char *heard(int fd)
{
    static char text[200];
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

START_TEST(test_the_manager_is_told)
{
    int fd = listen_as_manager();
    service_ready();
    ck_assert_str_eq(heard(fd), "READY=1");
    service_status("well");
    ck_assert_str_eq(heard(fd), "STATUS=well");
    service_stopping();
    ck_assert_str_eq(heard(fd), "STOPPING=1");
    ck_assert_str_eq(heard(fd), "");
    close(fd);
}
END_TEST

START_TEST(test_nobody_to_tell_is_no_trouble)
{
    unsetenv("NOTIFY_SOCKET");
    service_ready();
    setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
    service_ready();
    service_stopping();
}
END_TEST

/* An invalid address causes no failure, and no descriptor stays open. */
START_TEST(test_what_is_no_address_is_no_trouble)
{
    char endless[300] = "@";
    const char *names[] = { "", "@", "/", "relative/path", "vsock:2:1", endless };
    memset(endless + 1, 'x', sizeof(endless) - 2);
    int before = dup(STDERR_FILENO);
    for (size_t i = 0; i < N_ELEMENTS(names); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        service_ready();
    }
    ck_assert_int_eq(dup(STDERR_FILENO), before + 1);
}
END_TEST

/* Whether the journal reads what is written to standard error: it says which file that
 * is, and what else inherited the variable must not be taken in. */
START_TEST(test_lines_for_the_journal_are_marked)
{
    char stream[64];
    struct stat found;
    unsetenv("JOURNAL_STREAM");
    ck_assert_str_eq(service_mark(LOG_WARNING), "");
    ck_assert_int_eq(fstat(STDERR_FILENO, &found), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)found.st_dev,
             (uintmax_t)found.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    ck_assert_str_eq(service_mark(LOG_ERR), "<3>");
    ck_assert_str_eq(service_mark(LOG_WARNING), "<4>");
    ck_assert_str_eq(service_mark(LOG_INFO), "<6>");
    ck_assert_str_eq(service_mark(LOG_DEBUG), "<7>");
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)found.st_dev,
             (uintmax_t)found.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1);
    ck_assert_str_eq(service_mark(LOG_WARNING), "");
    setenv("JOURNAL_STREAM", "", 1);
    ck_assert_str_eq(service_mark(LOG_WARNING), "");
}
END_TEST

/* A manager that reads nothing must not stop the node, which tells of itself while it
 * holds its lock. */
START_TEST(test_a_manager_that_hangs_is_not_waited_for)
{
    int fd = listen_as_manager();
    for (unsigned i = 0; i < 10000; i++)
        service_status("well");
    ck_assert_str_eq(heard(fd), "STATUS=well");
    close(fd);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_the_manager_is_told, test_nobody_to_tell_is_no_trouble,
                             test_what_is_no_address_is_no_trouble,
                             test_lines_for_the_journal_are_marked,
                             test_a_manager_that_hangs_is_not_waited_for };
    return unit_run("service", tests, N_ELEMENTS(tests));
}
