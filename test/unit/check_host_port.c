#include "base/host_port.h"

#include <string.h>

#include "test/unit/unit.h"

enum { NO_PORT = -1 };

static void takes(const char *text, const char *host, int port)
{
    struct host_port out;
    ck_assert_msg(host_port_parse(text, &out), "%s", text);
    ck_assert_str_eq(out.host, host);
    ck_assert_int_eq(out.has_port ? out.port : NO_PORT, port);
}

START_TEST(test_takes)
{
    takes("10.0.0.1", "10.0.0.1", NO_PORT);
    takes("10.0.0.1:99", "10.0.0.1", 99);
    takes("cache.example:65535", "cache.example", 65535);
    takes("cache.example:0", "cache.example", 0);
    takes("[::1]", "::1", NO_PORT);
    takes("[fe80::1%eth0]:9", "fe80::1%eth0", 9);
    takes("*:99", "*", 99);
    takes(":99", "", 99);
    takes("", "", NO_PORT);
}
END_TEST

START_TEST(test_bare_v6)
{
    struct host_port out;
    takes("::1", "::1", NO_PORT);
    takes("fe80::1:2", "fe80::1:2", NO_PORT);
    ck_assert(host_port_parse("::1", &out) && out.is_bare_v6);
    ck_assert(host_port_parse("[::1]:2", &out) && !out.is_bare_v6);
    ck_assert(host_port_parse("a:2", &out) && !out.is_bare_v6);
}
END_TEST

START_TEST(test_refuses)
{
    const char *const rows[] = { "[::1",    "[::1]x",  "[::1]99",   "[::1]:",
                                 "host:",   "host:x",  "host:12x",  "host:-1",
                                 "host:+1", "host: 1", "host:65536" };
    struct host_port out;
    for (size_t i = 0; i < N_ELEMENTS(rows); i++)
        ck_assert_msg(!host_port_parse(rows[i], &out), "%s", rows[i]);
}
END_TEST

START_TEST(test_length_of_a_host)
{
    char text[HOST_ROOM + 1];
    struct host_port out;
    memset(text, 'h', sizeof(text));
    text[HOST_ROOM - 1] = '\0';
    takes(text, text, NO_PORT);
    text[HOST_ROOM - 1] = 'h';
    text[HOST_ROOM] = '\0';
    ck_assert(!host_port_parse(text, &out));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_takes, test_bare_v6, test_refuses,
                             test_length_of_a_host };
    return unit_run("host_port", tests, N_ELEMENTS(tests));
}
