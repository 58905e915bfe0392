/* The cost that a client may cause: large values, memory, descriptors; and counters. */
#include "test/unit/connection_rig.h"

/* Polls until a counter of the worker, or the size of its buffers, is in this range. */
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

/* A client that does not read costs no copy of the value; one that does gets it whole. */
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

/* The item expires at once, and its value is the answer nevertheless. */
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

/* The engine may also block in the look-up of a gat: then everything is repeated. */
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

/* Answers with small values are copied: a client that does not read them fills buffers.
 * It sends everything at once; otherwise the size of the buffers would depend on timing.
 */
static int hoard(void)
{
    static const char request[] = "get k k k k k k k k\r\n";
    char text[100 * sizeof(request)] = "";
    int other = client;
    for (char *at = text; at < text + 100 * strlen(request); at += strlen(request))
        strcpy(at, request);
    client = connect_client();
    say(text);
    int hoarder = client;
    client = other;
    return hoarder;
}

START_TEST(test_largest_are_closed_beyond_the_limit)
{
    enum {
        HOARDERS = 12,
        LIMIT = 4 << 20
    }; /* one hoarder takes a quarter of the limit */
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
        hoarders[i] = hoard();
    ck_assert(reaches(&worker.counters.conn_mem_kicks, 1, HOARDERS - 1));
    ck_assert(reaches(&worker.pool.bytes, 1, LIMIT + LIMIT / 16));
    ask("get none\r\n", "END\r\n");
    for (unsigned i = 0; i < HOARDERS; i++)
        close(hoarders[i]);
    ck_assert(reaches(&worker.pool.bytes, 0, LIMIT / 2));
    finish();
}
END_TEST

/* epoll cannot watch a regular file. */
START_TEST(test_what_cannot_be_watched_is_closed)
{
    begin(0, true);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert(worker_give(&worker, fd, (struct entrance){ 0 }));
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
    const TTest *tests[] = {
        test_large_values_are_sent_from_their_items,
        test_gat_that_expires_at_once_answers,
        test_gat_parks_in_its_look_up,
        test_largest_are_closed_beyond_the_limit,
        test_what_cannot_be_watched_is_closed,
        test_counters,
    };
    return unit_run("connection_cost", tests, N_ELEMENTS(tests));
}
