/*
 * The replication thread on real sockets, with a peer that this test plays: one that
 * dials and misbehaves, refuses, or is absent.
 */
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "repl/internal.h"
#include "repl/thread.h"
#include "test/fake/toy_store.h"
#include "test/unit/unit.h"

enum { DEADLINE_MS = 20000 };

static struct toy_store store;
static struct repl_core core;
static struct repl_thread thread;
static atomic_uint logged;
static int listener = -1; /* where the thread finds its peer */
static uint16_t listener_port;

static void count_log(void *context, enum repl_log level, const char *text)
{
    (void)context, (void)level;
    atomic_fetch_add(&logged, 1);
    if (getenv("FAKE_LOG") != NULL)
        fprintf(stderr, "%s\n", text);
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void open_listener(void)
{
    struct sockaddr_in at = loopback(0);
    socklen_t n = sizeof(at);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, n), 0);
    ck_assert_int_eq(listen(listener, 16), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    listener_port = ntohs(at.sin_port);
}

static void start(const char *peer)
{
    struct repl_thread_config config = { .store_ops = &toy_store_ops,
                                         .store = &store,
                                         .log = count_log };
    char why[200] = "";
    config.peer.port = listener_port;
    snprintf(config.peer.host, sizeof(config.peer.host), "%s", peer);
    snprintf(config.listen.host, sizeof(config.listen.host), "127.0.0.1");
    repl_thread_init(&thread, &core, &config);
    ck_assert_msg(repl_thread_start(&thread, why, sizeof(why)), "%s", why);
}

static void setup(void)
{
    struct toy_store_config config = { .side = 2, .clock = 1000 };
    struct repl_config core_config = { .journal_bytes = 64 << 10,
                                       .map_bits = 10,
                                       .times = { 40, 5000 } };
    memset(&core_config.run, 'n', sizeof(core_config.run));
    toy_store_init(&store, &config);
    ck_assert(repl_core_init(&core, &core_config, &toy_store_ops, &store,
                             &repl_thread_port, &thread));
    atomic_store(&logged, 0);
    open_listener();
}

static void teardown(void)
{
    repl_thread_stop(&thread, 0);
    repl_core_fini(&core);
    toy_store_fini(&store);
    close(listener);
}

/* ---- the peer */

static int dial(void)
{
    struct sockaddr_in at = loopback(repl_thread_port_number(&thread));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static bool readable_within(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, ms) == 1;
}

static void say_hello(int fd)
{
    struct buffer out;
    struct link_hello hello = {
        .version = LINK_VERSION, .hash_id = HASH_ID, .map_bits = 10, .item_max = 1 << 20
    };
    memset(&hello.run, 'p', sizeof(hello.run));
    buffer_init(&out);
    ck_assert(link_put_hello(&out, &hello));
    ck_assert_int_eq(write(fd, buffer_head(&out), buffer_length(&out)),
                     (ssize_t)buffer_length(&out));
    buffer_fini(&out);
}

static void until_closed(int fd)
{
    char bytes[500];
    do {
        ck_assert(readable_within(fd, DEADLINE_MS));
    } while (read(fd, bytes, sizeof(bytes)) > 0);
    close(fd);
}

static void last_error(char text[160])
{
    AZ(pthread_mutex_lock(&core.lock));
    memcpy(text, core.fault.text, sizeof(core.fault.text));
    AZ(pthread_mutex_unlock(&core.lock));
}

static bool has_session(void)
{
    AZ(pthread_mutex_lock(&core.lock));
    bool has = thread.session != NULL;
    AZ(pthread_mutex_unlock(&core.lock));
    return has;
}

/* ---- */

static int64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A connection that cannot be accepted has to wait; the thread does not spin. */
START_TEST(test_no_file_descriptor_is_left)
{
    struct rlimit before, none;
    start("127.0.0.1");
    struct sockaddr_in at = loopback(repl_thread_port_number(&thread));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AZ(getrlimit(RLIMIT_NOFILE, &before));
    none = before;
    none.rlim_cur = 1; /* poll itself needs one */
    AZ(setrlimit(RLIMIT_NOFILE, &none));
    int64_t used = cpu_ms();
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert(!readable_within(fd, 400));
    used = cpu_ms() - used;
    AZ(setrlimit(RLIMIT_NOFILE, &before));
    ck_assert_int_lt(used, 80);
    ck_assert(readable_within(fd, DEADLINE_MS));
    close(fd);
}
END_TEST

START_TEST(test_the_same_fault_does_not_flood_the_log)
{
    start("127.0.0.1");
    for (unsigned i = 0; i < 200; i++) {
        int fd = dial();
        ck_assert_int_eq(write(fd, "get x\r\n", 7), 7);
        until_closed(fd);
    }
    ck_assert_uint_lt(atomic_load(&logged), 40);
    ck_assert_uint_gt(atomic_load(&logged), 1);
}
END_TEST

/* If a session ends as soon as it has begun, the thread does not restart it fifty times a
 * second. */
START_TEST(test_sessions_that_fail_at_once)
{
    unsigned sessions = 0;
    start("127.0.0.1");
    while (readable_within(listener, 400)) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        say_hello(fd);
        say_hello(fd); /* a second one is not allowed */
        until_closed(fd);
        ck_assert_uint_lt(++sessions, 20);
    }
    ck_assert_uint_gt(sessions, 2);
}
END_TEST

/* A stranger's invalid input does not change the state of the replication. */
START_TEST(test_a_fault_elsewhere_does_not_hide_the_session)
{
    char before[160], after[160];
    start("127.0.0.1");
    int session = dial();
    say_hello(session);
    while (!has_session())
        poll(NULL, 0, 1);
    last_error(before);
    int fd = dial();
    ck_assert_int_eq(write(fd, "get x\r\n", 7), 7);
    until_closed(fd);
    last_error(after);
    ck_assert_str_eq(before, after);
    close(session);
}
END_TEST

START_TEST(test_a_name)
{
    start("localhost");
    ck_assert(readable_within(listener, DEADLINE_MS));
}
END_TEST

START_TEST(test_a_name_that_nobody_knows)
{
    start("no-such-host.invalid");
    ck_assert(!readable_within(listener, 100));
}
END_TEST

/* ---- memory runs out while a message is composed */

static void no_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

START_TEST(test_half_a_message_is_not_sent)
{
    int pair[2];
    uint64_t written = 0;
    struct link l;
    struct event_base *base = event_base_new();
    struct address from = { .v4 = loopback(1), .length = sizeof(struct sockaddr_in) };
    start("127.0.0.1");
    AZ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
    link_init(&l, &toy_store_ops, &store);
    ck_assert(link_adopt(&l, base, pair[0], &from, no_event, NULL));
    ck_assert(link_put_plain(&l.out.bytes, LINK_PING, 1));
    ck_assert_int_eq(link_write(&l, &written), LINK_IO_OK);
    ck_assert(link_put_plain(&l.out.bytes, LINK_MAP, 1));
    ck_assert_ptr_null(buffer_reserve(&l.out.bytes, SIZE_MAX / 2)); /* the maps */
    ck_assert(link_put_plain(&l.out.bytes, LINK_PING, 1));
    uint64_t before = written;
    ck_assert_int_eq(link_write(&l, &written), LINK_IO_FAILED);
    ck_assert_uint_eq(written, before);
    link_close(&l);
    close(pair[1]);
    event_base_free(base);
}
END_TEST

/* ---- */

START_TEST(test_repeats)
{
    struct repeats r = { 0 };
    unsigned passed = 0;
    for (unsigned i = 0; i < 1000; i++) {
        char text[40];
        snprintf(text, sizeof(text), "refused a connection from port %u", i);
        passed += repeats_note(&r, text, 1000) != 0;
    }
    ck_assert_uint_eq(passed, 14); /* 1 to 8, 16, 32, ... 512 */
    ck_assert_uint_eq(repeats_note(&r, "another", 1000), 1);
    ck_assert_uint_eq(repeats_note(&r, "refused a connection from port 1", 2000), 0);
    ck_assert_uint_eq(repeats_note(&r, "refused a connection from port 1", 70000000), 1);
    for (unsigned i = 0; i < 2 * REPEATS_KINDS; i++) {
        char text[2] = { (char)('A' + i), '\0' };
        ck_assert_uint_eq(repeats_note(&r, text, 80000000 + i), 1);
    }
    ck_assert_uint_eq(repeats_note(&r, "another", 90000000), 1);
}
END_TEST

/* Texts that all differ, as a peer may send them, do not get a line each. */
START_TEST(test_a_crowd_of_kinds)
{
    struct repeats r = { 0 };
    unsigned passed = 0;
    ck_assert_uint_eq(repeats_note(&r, "known", 1000), 1);
    for (unsigned i = 0; i < 100000; i++) {
        char text[20];
        snprintf(text, sizeof(text), "%c%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26,
                 'a' + i / 676 % 26, 'a' + i / 17576);
        passed += repeats_note(&r, text, 2000 + i) != 0;
        if (i % 1000 == 0)
            repeats_note(&r, "known", 2000 + i);
    }
    ck_assert_uint_lt(passed, 120);
    ck_assert_uint_gt(passed, 64);
    ck_assert_uint_eq(repeats_note(&r, "known", 200000), 0); /* 102 times */
    ck_assert_uint_eq(repeats_note(&r, "news", 70200000), 1);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_no_file_descriptor_is_left,
        test_the_same_fault_does_not_flood_the_log,
        test_sessions_that_fail_at_once,
        test_a_fault_elsewhere_does_not_hide_the_session,
        test_a_name,
        test_a_name_that_nobody_knows,
        test_half_a_message_is_not_sent,
        test_repeats,
        test_a_crowd_of_kinds,
    };
    return unit_run_with("repl_thread", setup, teardown, tests, N_ELEMENTS(tests));
}
