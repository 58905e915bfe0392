/* Addresses as users write them, and the addresses from which peers connect. */
#include "repl/address_range.h"
#include "repl/node_address.h"

#include <string.h>

#include "test/unit/unit.h"

START_TEST(test_peer)
{
    const struct {
        const char *text, *host;
        uint16_t port;
    } rows[] = {
        { "10.0.0.2", "10.0.0.2", 11212 },
        { "10.0.0.2:12345", "10.0.0.2", 12345 },
        { "node-b.example.net", "node-b.example.net", 11212 },
        { "node-b:1", "node-b", 1 },
        { "node-b:65535", "node-b", 65535 },
        { "[::1]", "::1", 11212 },
        { "[fe80::1%eth0]:9", "fe80::1%eth0", 9 },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct host_port out;
        char why[200];
        ck_assert_msg(address_parse_peer(rows[i].text, &out, why, sizeof(why)), "%s",
                      rows[i].text);
        ck_assert_str_eq(out.host, rows[i].host);
        ck_assert_uint_eq(out.port, rows[i].port);
    }
}
END_TEST

START_TEST(test_bad_peers)
{
    const char *const rows[] = {
        "",
        ":11212",
        "host:",
        "host:0",
        "host:65536",
        "host:12x",
        "host:-1",
        "host: 1",
        "host:+1",
        "::1",
        "fe80::1:2",
        "[::1",
        "[]",
        "[]:11212",
        "[::1]11212",
        "[::1]:",
        "[::1]x:1",
        "a:b:c",
        "host:99999999999999999999999",
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct host_port out;
        char why[400] = "";
        ck_assert_msg(!address_parse_peer(rows[i], &out, why, sizeof(why)), "'%s'",
                      rows[i]);
        ck_assert_ptr_nonnull(strstr(why, "option 'peer'"));
        ck_assert_ptr_nonnull(strstr(why, rows[i]));
    }
}
END_TEST

START_TEST(test_host_length)
{
    char text[HOST_ROOM + 10], why[400];
    struct host_port out;
    memset(text, 'h', sizeof(text));
    text[HOST_ROOM - 1] = '\0';
    ck_assert(address_parse_peer(text, &out, why, sizeof(why)));
    ck_assert_str_eq(out.host, text);
    text[HOST_ROOM - 1] = 'h';
    text[HOST_ROOM] = '\0';
    ck_assert(!address_parse_peer(text, &out, why, sizeof(why)));
}
END_TEST

START_TEST(test_listen)
{
    const struct {
        const char *text, *host;
        uint16_t port;
    } rows[] = {
        { "11212", "", 11212 },
        { "0", "", 0 },
        { "127.0.0.1:0", "127.0.0.1", 0 },
        { "10.0.0.1:11300", "10.0.0.1", 11300 },
        { "[::]:7", "::", 7 },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct host_port out;
        char why[200];
        ck_assert_msg(address_parse_listen(rows[i].text, &out, why, sizeof(why)), "%s",
                      rows[i].text);
        ck_assert_str_eq(out.host, rows[i].host);
        ck_assert_uint_eq(out.port, rows[i].port);
    }
}
END_TEST

START_TEST(test_bad_listens)
{
    const char *const rows[] = { "",     "10.0.0.1", "10.0.0.1:", ":11212", "70000",
                                 "[::]", "[::]:x",   "::1:11212", "1 2" };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct host_port out;
        char why[200] = "";
        ck_assert_msg(!address_parse_listen(rows[i], &out, why, sizeof(why)), "'%s'",
                      rows[i]);
        ck_assert_ptr_nonnull(strstr(why, "option 'listen'"));
    }
}
END_TEST

START_TEST(test_numeric)
{
    struct address a;
    char text[ADDRESS_TEXT];
    ck_assert(address_numeric("10.1.2.3", 80, &a));
    ck_assert_int_eq(a.any.sa_family, AF_INET);
    ck_assert_uint_eq(a.length, sizeof(a.v4));
    address_format(&a, text);
    ck_assert_str_eq(text, "10.1.2.3:80");
    ck_assert(address_numeric("::1", 65535, &a));
    ck_assert_uint_eq(a.length, sizeof(a.v6));
    address_format(&a, text);
    ck_assert_str_eq(text, "[::1]:65535");
    ck_assert(address_numeric("::ffff:10.1.2.3", 9, &a));
    address_format(&a, text);
    ck_assert_str_eq(text, "10.1.2.3:9");
    ck_assert(!address_numeric("localhost", 80, &a));
    ck_assert(!address_numeric("10.1.2", 80, &a) || a.any.sa_family == AF_INET);
}
END_TEST

static bool same(const char *a, const char *b)
{
    struct address x, y;
    ck_assert(address_numeric(a, 1, &x));
    ck_assert(address_numeric(b, 2, &y));
    ck_assert_int_eq(address_same_host(&x, &y), address_same_host(&y, &x));
    return address_same_host(&x, &y);
}

START_TEST(test_same_host)
{
    ck_assert(same("10.0.0.1", "10.0.0.1"));
    ck_assert(same("10.0.0.1", "::ffff:10.0.0.1"));
    ck_assert(same("::1", "::1"));
    ck_assert(!same("10.0.0.1", "10.0.0.2"));
    ck_assert(!same("10.0.0.1", "::ffff:10.0.0.2"));
    ck_assert(!same("127.0.0.1", "::1"));
    ck_assert(!same("fe80::1", "fe80::2"));
}
END_TEST

static bool have(const struct address_ranges *ranges, const char *host)
{
    struct address a;
    ck_assert(address_numeric(host, 1, &a));
    return address_ranges_have(ranges, &a);
}

START_TEST(test_ranges)
{
    const struct {
        const char *ranges, *in, *out;
    } rows[] = {
        { "10.0.0.2", "10.0.0.2", "10.0.0.3" },
        { "10.0.0.2", "::ffff:10.0.0.2", "::10.0.0.2" },
        { "10.0.0.77/24", "10.0.0.255", "10.0.1.0" },
        { "10.0.0.64/26", "10.0.0.127", "10.0.0.128" },
        { "10.0.0.64/26", "10.0.0.64", "10.0.0.63" },
        { "0.0.0.0/0", "255.1.2.3", "::1" },
        { "::/0", "255.1.2.3", NULL },
        { "fd00:1::/32", "fd00:1:ffff::1", "fd00:2::" },
        { "[fd00::1],[fd00::8]/125", "fd00::f", "fd00::10" },
        { "10.0.0.1,10.0.0.2,10.0.0.3/32", "10.0.0.3", "10.0.0.4" },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct address_ranges ranges;
        char why[200];
        ck_assert_msg(address_ranges_parse(rows[i].ranges, &ranges, why, sizeof(why)),
                      "%s", rows[i].ranges);
        ck_assert_msg(have(&ranges, rows[i].in), "%s", rows[i].ranges);
        ck_assert_msg(rows[i].out == NULL || !have(&ranges, rows[i].out), "%s",
                      rows[i].ranges);
    }
}
END_TEST

START_TEST(test_bad_ranges)
{
    const char *const rows[] = {
        "",
        ",",
        "10.0.0.1,",
        "host",
        "10.0.0.1/33",
        "10.0.0.1/",
        "10.0.0.1/x",
        "[::1",
        "::1/129",
        "10.0.0.1:11212",
        "[]",
        "::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,::e,::f,::10,::11",
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        struct address_ranges ranges;
        char why[200] = "";
        ck_assert_msg(!address_ranges_parse(rows[i], &ranges, why, sizeof(why)), "'%s'",
                      rows[i]);
        ck_assert_ptr_nonnull(strstr(why, "option 'peer_from'"));
    }
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_peer,    test_bad_peers, test_host_length, test_listen,     test_bad_listens,
        test_numeric, test_same_host, test_ranges,      test_bad_ranges,
    };
    return unit_run("address", tests, N_ELEMENTS(tests));
}
