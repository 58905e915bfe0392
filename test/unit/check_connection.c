/*
 * A worker thread with a socket on one side and a scripted engine on the other.
 */
#include "server/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/server.h"
#include "server/server_api.h"
#include "server/stats.h"
#include "server/worker_loop.h"
#include "test/fake/tiny_engine.h"
#include "test/unit/unit.h"

enum { DEADLINE_MS = 20000, BIG = 300000 };

static struct server server;
static struct worker worker;
static int client;

static int connect_client(void)
{
    int ends[2];
    struct timeval limit = { DEADLINE_MS / 1000, 0 };
    AZ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    AZ(evutil_make_socket_nonblocking(ends[1]));
    AZ(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    ck_assert(worker_give(&worker, ends[1], false));
    atomic_fetch_add(&server.listeners.accepted, 1);
    return ends[0];
}

/* The worker reads the settings from the moment that it runs. */
static void begin_with(size_t piece, bool arithmetic, const struct settings *settings)
{
    char why[256];
    memset(&server, 0, sizeof(server));
    memset((void *)&worker, 0, sizeof(worker));
    AZ(pthread_mutex_init(&server.reset_lock, NULL));
    server.stop_fd = -1;
    server.settings = *settings;
    server.engine.api = tiny_engine_start(piece, arithmetic);
    server.engine.handle = (ENGINE_HANDLE *)server.engine.api;
    server.workers = &worker;
    server.nworkers = 1;
    server.pools.limit = settings->conn_memory_mb << 20;
    clock_start();
    server_api_init(&server);
    ck_assert_msg(worker_init(&worker, &server, why, sizeof(why)), "%s", why);
    ck_assert_msg(worker_start(&worker, why, sizeof(why)), "%s", why);
    client = connect_client();
}

static void begin(size_t piece, bool arithmetic)
{
    const struct settings settings = { .requests_per_event = 20, .threads = 1 };
    begin_with(piece, arithmetic, &settings);
}

static void finish(void)
{
    close(client);
    worker_stop(&worker);
    worker_join(&worker);
    worker_fini(&worker);
    ck_assert_uint_eq(tiny_engine_stop(), 0);
}

static void say(const char *text)
{
    size_t n = strlen(text);
    ck_assert_int_eq(send(client, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void hear(const char *wanted)
{
    static char got[2 * BIG];
    size_t n = strlen(wanted);
    ck_assert_uint_lt(n, sizeof(got));
    ssize_t all = recv(client, got, n, MSG_WAITALL);
    got[all > 0 ? all : 0] = '\0';
    ck_assert_str_eq(got, wanted);
}

static void hear_end(void)
{
    char byte;
    ssize_t n = recv(client, &byte, 1, 0);
    ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "it did not close");
}

static void ask(const char *text, const char *wanted)
{
    say(text);
    hear(wanted);
}

/* Wait until the engine has refused a call with EWOULDBLOCK. */
static const void *wait_for_cookie(void)
{
    for (unsigned i = 0; i < DEADLINE_MS && tiny_engine_cookie() == NULL; i++)
        poll(NULL, 0, 1);
    ck_assert_ptr_nonnull(tiny_engine_cookie());
    return tiny_engine_cookie();
}

static void notify(ENGINE_ERROR_CODE status)
{
    server_api_get()->cookie->notify_io_complete(wait_for_cookie(), status);
}

START_TEST(test_store_and_read)
{
    begin(0, true);
    ask("set a 5 0 3\r\nabc\r\n", "STORED\r\n");
    ask("get a b\r\ngets a\r\n",
        "VALUE a 5 3\r\nabc\r\nEND\r\nVALUE a 5 3 1\r\nabc\r\nEND\r\n");
    ask("cas a 1 0 1 1\r\nx\r\ncas a 1 0 1 1\r\ny\r\ncas z 1 0 1 1\r\ny\r\n",
        "STORED\r\nEXISTS\r\nNOT_FOUND\r\n");
    ask("delete a\r\ndelete a\r\n", "DELETED\r\nNOT_FOUND\r\n");
    ask("set q 0 0 1\r\nabc\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\n");
    ask("flush_all\r\n", "OK\r\n");
    ck_assert_int_eq(tiny_engine_flushed(), 0);
    ask("flush_all 30\r\nflush_all noreply\r\nversion\r\n", "OK\r\nVERSION ");
    finish();
}
END_TEST

/* Byte for byte, so that every state has to wait in every place. */
START_TEST(test_any_cut)
{
    static const char line[] =
        "set a 0 0 5\r\nhello\r\nget a\r\nset b 0 0 0\r\n\r\ngat 0 a\r\n";
    begin(2, true);
    for (size_t i = 0; i < sizeof(line) - 1; i++) {
        char one[2] = { line[i], '\0' };
        say(one);
        if (i % 7 == 0)
            poll(NULL, 0, 1);
    }
    hear("STORED\r\nVALUE a 0 5\r\nhello\r\nEND\r\nSTORED\r\nVALUE a 0 "
         "5\r\nhello\r\nEND\r\n");
    finish();
}
END_TEST

/* A large value: received into the item's pieces, and sent from them. */
START_TEST(test_large_value_in_pieces)
{
    static char text[BIG + 64], answer[BIG + 64];
    for (size_t piece = 0; piece <= BIG; piece += BIG / 10) {
        begin(piece, true);
        int n = sprintf(text, "set big 0 0 %d\r\n", BIG);
        for (int i = 0; i < BIG; i++)
            text[n + i] = (char)('a' + i % 23);
        strcpy(text + n + BIG, "\r\n");
        sprintf(answer, "VALUE big 0 %d\r\n%sEND\r\n", BIG, text + n);
        ask(text, "STORED\r\n");
        ask("get big\r\n", answer);
        ask("touch big 0\r\n", "TOUCHED\r\n");
        finish();
    }
}
END_TEST

START_TEST(test_many_requests_in_one_go)
{
    static char text[40000], answer[40000];
    begin(0, true);
    text[0] = answer[0] = '\0';
    for (int i = 0; i < 500; i++) {
        sprintf(text + strlen(text), "set k%d 0 0 1\r\nv\r\nget k%d\r\n", i, i);
        sprintf(answer + strlen(answer), "STORED\r\nVALUE k%d 0 1\r\nv\r\nEND\r\n", i);
    }
    ask(text, answer);
    ck_assert_uint_gt(__atomic_load_n(&worker.counters.conn_yields, __ATOMIC_RELAXED), 0);
    finish();
}
END_TEST

/* The value that was there must not outlive a set that failed. */
START_TEST(test_failed_allocate_removes_the_key)
{
    begin(0, true);
    ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    tiny_engine_answer(TINY_ALLOCATE, ENGINE_ENOMEM);
    ask("set a 0 0 3\r\nabc\r\nget a\r\n",
        "SERVER_ERROR out of memory storing object\r\nEND\r\n");
    ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    tiny_engine_answer(TINY_ALLOCATE, ENGINE_E2BIG);
    ask("add a 0 0 3\r\nabc\r\nget a\r\n",
        "SERVER_ERROR object too large for cache\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    ck_assert_uint_eq(tiny_engine_called(TINY_REMOVE), 1);
    finish();
}
END_TEST

/* Each call that may block: asked again after the notification, and only then. */
START_TEST(test_engine_would_block)
{
    static const struct {
        enum tiny_call call;
        const char *request, *answer;
    } rows[] = {
        { TINY_GET, "get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n" },
        { TINY_ALLOCATE, "set b 0 0 1\r\ny\r\n", "STORED\r\n" },
        { TINY_STORE, "set b 0 0 1\r\ny\r\n", "STORED\r\n" },
        { TINY_REMOVE, "delete a\r\n", "DELETED\r\n" },
        { TINY_ARITHMETIC, "incr n 5\r\n", "5\r\n" },
        { TINY_FLUSH, "flush_all 7\r\n", "OK\r\n" },
        { TINY_STATS, "stats tiny\r\n", "STAT tiny yes\r\nEND\r\n" },
        { TINY_UNKNOWN, "gat 0 a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n" },
        { TINY_UNKNOWN, "touch a 0\r\n", "TOUCHED\r\n" },
    };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        begin(0, true);
        ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
        unsigned before = tiny_engine_called(rows[i].call);
        tiny_engine_answer(rows[i].call, ENGINE_EWOULDBLOCK);
        say(rows[i].request);
        say("version\r\n");
        notify(ENGINE_SUCCESS);
        hear(rows[i].answer);
        hear("VERSION ");
        ck_assert_uint_ge(tiny_engine_called(rows[i].call), before + 2);
        finish();
    }
}
END_TEST

START_TEST(test_status_of_the_notification_is_the_answer)
{
    begin(0, true);
    tiny_engine_answer(TINY_STORE, ENGINE_EWOULDBLOCK);
    say("set a 0 0 1\r\nx\r\n");
    notify(ENGINE_TMPFAIL);
    hear("SERVER_ERROR temporary failure\r\n");
    ck_assert_uint_eq(tiny_engine_called(TINY_STORE), 1);
    ask("get a\r\n", "END\r\n");
    finish();
}
END_TEST

START_TEST(test_disconnect_closes)
{
    begin(0, true);
    tiny_engine_answer(TINY_GET, ENGINE_DISCONNECT);
    say("get a\r\n");
    hear_end();
    finish();
}
END_TEST

/* A cookie stays valid for the engine after its connection has gone. */
START_TEST(test_reserved_cookie_outlives_the_connection)
{
    begin(0, true);
    tiny_engine_answer(TINY_GET, ENGINE_TMPFAIL);
    ask("get a\r\n", "SERVER_ERROR temporary failure\r\n");
    const void *cookie = wait_for_cookie();
    SERVER_COOKIE_API *api = server_api_get()->cookie;
    ck_assert_int_eq(api->reserve(cookie), ENGINE_SUCCESS);
    ask("quit\r\n", "");
    hear_end();
    for (unsigned i = 0; i < DEADLINE_MS && api->get_socket_fd(cookie) >= 0; i++)
        poll(NULL, 0, 1);
    ck_assert_int_eq(api->get_socket_fd(cookie), -1);
    api->notify_io_complete(cookie, ENGINE_SUCCESS);
    ck_assert_int_eq(api->release(cookie), ENGINE_SUCCESS);
    finish();
}
END_TEST

START_TEST(test_no_cookie)
{
    SERVER_COOKIE_API *api;
    begin(0, true);
    api = server_api_get()->cookie;
    ck_assert_int_eq(api->get_socket_fd(NULL), -1);
    ck_assert_ptr_null(api->get_engine_specific(NULL));
    api->store_engine_specific(NULL, &api);
    api->notify_io_complete(NULL, ENGINE_SUCCESS);
    ck_assert_int_ne(api->reserve(NULL), ENGINE_SUCCESS);
    finish();
}
END_TEST

START_TEST(test_arithmetic_without_the_engine)
{
    begin(3, false);
    ask("incr n 1\r\n", "NOT_FOUND\r\n");
    ask("set n 3 0 2\r\n10\r\nincr n 5\r\n", "STORED\r\n15\r\n");
    ask("decr n 6\r\nget n\r\n", "9\r\nVALUE n 3 2\r\n9 \r\nEND\r\n");
    ask("decr n 100\r\n", "0\r\n");
    ask("set n 0 0 20\r\n18446744073709551615\r\nincr n 2\r\n", "STORED\r\n1\r\n");
    ask("set n 0 0 5\r\n  7  \r\nincr n 2\r\n", "STORED\r\n9\r\n");
    ask("get n\r\n", "VALUE n 0 5\r\n9    \r\nEND\r\n");
    ask("set n 0 0 1\r\nx\r\nincr n 2\r\n",
        "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
    ck_assert_uint_eq(tiny_engine_called(TINY_ARITHMETIC), 0);
    finish();
}
END_TEST

/* What has been asked is answered, although the end was ordered meanwhile. */
START_TEST(test_stop_answers_what_was_asked)
{
    begin(0, true);
    ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    tiny_engine_answer(TINY_GET, ENGINE_EWOULDBLOCK);
    say("get a\r\nget a\r\n");
    const void *cookie = wait_for_cookie();
    int idle = connect_client(), other = client;
    worker_stop(&worker);
    client = idle;
    hear_end();
    close(idle);
    client = other;
    server_api_get()->cookie->notify_io_complete(cookie, ENGINE_SUCCESS);
    hear("VALUE a 0 1\r\nx\r\nEND\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    hear_end();
    finish();
}
END_TEST

/* ---- what clients may cost ---- */

/* Polls until a counter of the worker, or what it has in buffers, is as wanted. */
static bool reaches(const uint64_t *value, uint64_t least, uint64_t most)
{
    for (unsigned i = 0; i < DEADLINE_MS; i++) {
        uint64_t now = __atomic_load_n(value, __ATOMIC_RELAXED);
        if (now >= least && now <= most)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

static void store_big(void)
{
    static char text[BIG + 64];
    int n = sprintf(text, "set big 7 0 %d\r\n", BIG);
    memset(text + n, 'b', BIG);
    strcpy(text + n + BIG, "\r\n");
    ask(text, "STORED\r\n");
}

/* Whoever does not read costs no copy of the value; who does gets it whole. */
START_TEST(test_large_values_are_sent_from_their_items)
{
    static const char *const requests[] = { "get big\r\n", "gat 0 big\r\n",
                                            "gats 0 big\r\n", "mg big v T0\r\n" };
    static char got[BIG + 64];
    begin(BIG / 3, true);
    store_big();
    for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
        uint64_t before =
            __atomic_load_n(&worker.counters.bytes_written, __ATOMIC_RELAXED);
        say(requests[i]);
        ck_assert(reaches(&worker.counters.bytes_written, before + 1, UINT64_MAX));
        ck_assert(reaches(&worker.pool.bytes, 0, BIG / 4));
        ssize_t n = recv(client, got, BIG, MSG_WAITALL);
        ck_assert_int_eq(n, BIG);
        ck_assert_ptr_nonnull(memchr(got, '\n', 64));
        say("mn\r\n");
        do {
            n = recv(client, got, sizeof(got) - 1, 0);
            ck_assert_int_gt(n, 0);
            got[n] = '\0';
        } while (strstr(got, "MN\r\n") == NULL);
    }
    ck_assert_uint_eq(tiny_engine_called(TINY_UNKNOWN), 3);
    finish();
}
END_TEST

/* It expires at once, and yet its value is the answer. */
START_TEST(test_gat_that_expires_at_once_answers)
{
    static char answer[BIG + 64];
    begin(0, true);
    store_big();
    int n = sprintf(answer, "VALUE big 7 %d\r\n", BIG);
    memset(answer + n, 'b', BIG);
    strcpy(answer + n + BIG, "\r\nEND\r\n");
    ask("gat -1 big\r\n", answer);
    ck_assert_uint_eq(tiny_engine_called(TINY_GET), 0);
    finish();
}
END_TEST

/* The engine may want to wait with the look-up of a gat, too: all is done again. */
START_TEST(test_gat_parks_in_its_look_up)
{
    begin(0, true);
    store_big();
    tiny_engine_answer(TINY_GET, ENGINE_EWOULDBLOCK);
    say("mg big T0 v q\r\n");
    notify(ENGINE_SUCCESS);
    ck_assert(reaches(&worker.counters.touch_hits, 1, 1));
    hear("VA 300000\r\nbbb");
    finish();
}
END_TEST

/* Answers of small values are copied: a client that does not read them has buffers. */
static int hoard(unsigned requests)
{
    int other = client;
    client = connect_client();
    for (unsigned i = 0; i < requests; i++)
        say("get k k k k k k k k\r\n");
    int hoarder = client;
    client = other;
    return hoarder;
}

START_TEST(test_largest_are_closed_beyond_the_limit)
{
    enum { HOARDERS = 12, LIMIT = 1 << 20 };
    int hoarders[HOARDERS];
    const struct settings settings = { .requests_per_event = 10000, /* one answer */
                                       .threads = 1,
                                       .conn_memory_mb = LIMIT >> 20 };
    begin_with(0, true, &settings);
    char value[1200];
    int n = sprintf(value, "set k 0 0 1000\r\n");
    memset(value + n, 'v', 1000);
    strcpy(value + n + 1000, "\r\n");
    ask(value, "STORED\r\n");
    for (unsigned i = 0; i < HOARDERS; i++)
        hoarders[i] = hoard(100);
    ck_assert(reaches(&worker.counters.conn_mem_kicks, 1, HOARDERS - 1));
    ck_assert(reaches(&worker.pool.bytes, 1, LIMIT + LIMIT / 16));
    ask("get none\r\n", "END\r\n");
    for (unsigned i = 0; i < HOARDERS; i++)
        close(hoarders[i]);
    ck_assert(reaches(&worker.pool.bytes, 0, LIMIT / 2));
    finish();
}
END_TEST

/* A file is nothing that epoll watches. */
START_TEST(test_what_cannot_be_watched_is_closed)
{
    begin(0, true);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert(worker_give(&worker, fd, false));
    ck_assert(reaches(&worker.counters.conn_unwatched, 1, 1));
    ck_assert(reaches(&worker.counters.closed, 1, 1));
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ask("get a\r\n", "END\r\n");
    finish();
}
END_TEST

static void find_stat(void *context, const char *name, const char *value)
{
    char *all = context;
    if (strcmp(name, "get_hits") == 0 || strcmp(name, "get_misses") == 0 ||
        strcmp(name, "cmd_set") == 0 || strcmp(name, "curr_connections") == 0)
        sprintf(all + strlen(all), "%s=%s ", name, value);
}

START_TEST(test_counters)
{
    char all[256] = "";
    begin(0, true);
    ask("set a 0 0 1\r\nx\r\nget a b\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    stats_each(&server, find_stat, all);
    ck_assert_str_eq(all, "curr_connections=1 cmd_set=1 get_hits=1 get_misses=1 ");
    ask("stats reset\r\nget a\r\n", "RESET\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    all[0] = '\0';
    stats_each(&server, find_stat, all);
    ck_assert_str_eq(all, "curr_connections=1 cmd_set=0 get_hits=1 get_misses=0 ");
    ask("stats nonsense\r\n", "ERROR\r\n");
    ask("stats detail on\r\n", "OK\r\n");
    finish();
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_store_and_read,
                             test_any_cut,
                             test_large_value_in_pieces,
                             test_many_requests_in_one_go,
                             test_failed_allocate_removes_the_key,
                             test_engine_would_block,
                             test_status_of_the_notification_is_the_answer,
                             test_disconnect_closes,
                             test_reserved_cookie_outlives_the_connection,
                             test_no_cookie,
                             test_arithmetic_without_the_engine,
                             test_stop_answers_what_was_asked,
                             test_large_values_are_sent_from_their_items,
                             test_gat_that_expires_at_once_answers,
                             test_gat_parks_in_its_look_up,
                             test_largest_are_closed_beyond_the_limit,
                             test_what_cannot_be_watched_is_closed,
                             test_counters };
    return unit_run("connection", tests, N_ELEMENTS(tests));
}
