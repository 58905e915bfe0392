/*
 * Watchers: rings that drop rather than wait, lines, buffers that skip rather than wait,
 * and the command on a connection.
 */
#include "base/monotonic.h"
#include "protocol/request.h"
#include "server/watch_line.h"
#include "server/watcher.h"
#include "test/unit/connection_rig.h"

/* ---- the ring of a feed */

static _Atomic uint64_t gid;
static struct watch_feed feed;

static void feed_begin(size_t size)
{
    memset((void *)&feed, 0, sizeof(feed));
    gid = 0;
    feed.gid = &gid;
    ck_assert(watch_feed_make(&feed, size));
}

static void put(const char *key)
{
    struct watch_record r = { .kind = WATCH_ITEM_GET, .status = "found" };
    watch_feed_put(&feed, &r, key, (uint8_t)strlen(key));
}

static void take(const char *key, uint64_t wanted)
{
    const struct watch_record *r = watch_feed_next(&feed);
    ck_assert_ptr_nonnull(r);
    ck_assert_uint_eq(r->nkey, strlen(key));
    ck_assert_mem_eq(r + 1, key, r->nkey);
    ck_assert_uint_eq(r->gid, wanted);
    watch_feed_drop(&feed, r);
}

START_TEST(records_come_out_in_order_round_and_round)
{
    char key[KEY_MAX + 1];
    feed_begin(2048);
    for (unsigned i = 0; i < 1000; i++) {
        memset(key, 'a' + (int)(i % 26), sizeof(key));
        key[i % KEY_MAX + 1] = '\0';
        put("short");
        put(key);
        take("short", 2 * (uint64_t)i + 1);
        take(key, 2 * (uint64_t)i + 2);
        ck_assert_ptr_null(watch_feed_next(&feed));
    }
    ck_assert_uint_eq(feed.written, 2000);
    ck_assert_uint_eq(feed.dropped, 0);
    watch_feed_fini(&feed);
}
END_TEST

START_TEST(what_a_full_ring_does_not_take_is_counted)
{
    uint64_t kept = 0;
    feed_begin(2048);
    for (unsigned i = 0; i < 100; i++)
        put("key");
    ck_assert_uint_gt(feed.dropped, 0);
    while (watch_feed_next(&feed) != NULL)
        take("key", ++kept);
    ck_assert_uint_eq(feed.written, kept);
    ck_assert_uint_eq(feed.written + feed.dropped, 100);
    put("again");
    take("again", kept + 1);
    watch_feed_fini(&feed);
}
END_TEST

/* ---- lines */

static void expect_line(const struct watch_record *r, const char *key, const char *wanted)
{
    char line[WATCH_LINE_MAX], whole[WATCH_LINE_MAX];
    struct watch_record full = *r;
    full.seconds = 1700000000;
    full.microseconds = 42;
    full.gid = 7;
    full.nkey = (uint8_t)strlen(key);
    size_t n = watch_line_write(line, &full, key);
    line[n] = '\0';
    snprintf(whole, sizeof(whole), "ts=1700000000.000042 gid=7 type=%s\n", wanted);
    ck_assert_str_eq(line, whole);
}

START_TEST(lines_are_those_of_memcached)
{
    const struct origin v4 = { .family = AF_INET, .at = { 10, 0, 0, 1 }, .port = 4000 };
    const struct origin v6 = { .family = AF_INET6, .at = { [15] = 1 }, .port = 1 };
    expect_line(&(struct watch_record){ .kind = WATCH_ITEM_GET,
                                        .status = "found",
                                        .clsid = 1,
                                        .fd = 30,
                                        .nbytes = 5 },
                "a b", "item_get key=a%20b status=found clsid=1 cfd=30 size=5");
    expect_line(&(struct watch_record){ .kind = WATCH_ITEM_STORE,
                                        .status = "stored",
                                        .command = "set",
                                        .ttl = 9,
                                        .fd = 30,
                                        .nbytes = 5 },
                "k",
                "item_store key=k status=stored cmd=set ttl=9 clsid=0 cfd=30 size=5");
    expect_line(&(struct watch_record){ .kind = WATCH_EVICTION,
                                        .is_known = true,
                                        .fetched = true,
                                        .ttl = -1,
                                        .idle = 3,
                                        .clsid = 1,
                                        .nbytes = 5 },
                "k", "eviction key=k fetch=yes ttl=-1 la=3 clsid=1 size=5");
    expect_line(&(struct watch_record){ .kind = WATCH_EVICTION }, "k", "eviction key=k");
    expect_line(&(struct watch_record){ .kind = WATCH_DELETED, .command = "md" }, "k",
                "deleted key=k cmd=md clsid=0 size=0");
    expect_line(
        &(struct watch_record){
            .kind = WATCH_CONN_NEW, .origin = v4, .transport = "tcp", .fd = 30 },
        "", "conn_new rip=10.0.0.1 rport=4000 transport=tcp cfd=30");
    expect_line(&(struct watch_record){ .kind = WATCH_CONN_CLOSE,
                                        .origin = v6,
                                        .transport = "tcp",
                                        .reason = "normal",
                                        .fd = 30 },
                "", "conn_close rip=::1 rport=1 transport=tcp reason=normal cfd=30");
}
END_TEST

START_TEST(the_longest_key_fits_a_line)
{
    char key[KEY_MAX + 1], line[WATCH_LINE_MAX];
    struct watch_record r = { .kind = WATCH_ITEM_STORE,
                              .nkey = KEY_MAX,
                              .clsid = UINT8_MAX,
                              .status = "not_stored",
                              .command = "prepend",
                              .fd = INT32_MIN,
                              .microseconds = 999999,
                              .seconds = INT64_MIN,
                              .gid = UINT64_MAX,
                              .ttl = INT64_MIN,
                              .nbytes = UINT32_MAX };
    memset(key, '#', sizeof(key));
    size_t n = watch_line_write(line, &r, key);
    ck_assert_uint_lt(n, sizeof(line));
    ck_assert_int_eq(line[n - 1], '\n');
}
END_TEST

/* ---- a watcher's buffer */

static void expect_bytes(struct watcher *w, const char *wanted)
{
    struct buffer out;
    buffer_init(&out);
    ck_assert(watcher_take(w, &out, SIZE_MAX));
    ck_assert_uint_eq(buffer_length(&out), strlen(wanted));
    ck_assert_mem_eq(buffer_head(&out), wanted, strlen(wanted));
    buffer_fini(&out);
}

START_TEST(a_full_buffer_skips_lines_and_says_how_many)
{
    static struct watcher w;
    memset((void *)&w, 0, sizeof(w));
    watcher_init(&w, NULL);
    ck_assert(watcher_begin(&w, 24, 5, NULL, (struct connection *)&w));
    ck_assert_int_eq(watcher_offer(&w, 5, "before\n", 7), WATCHER_IGNORED);
    ck_assert_int_eq(watcher_offer(&w, 6, "a line of 16 b.\n", 16), WATCHER_TOOK);
    ck_assert_int_eq(watcher_offer(&w, 7, "another one\n", 12), WATCHER_SKIPPED);
    ck_assert_int_eq(watcher_offer(&w, 8, "another one\n", 12), WATCHER_SKIPPED);
    ck_assert_int_eq(watcher_offer(&w, 9, "fits\n", 5), WATCHER_SKIPPED);
    expect_bytes(&w, "a line of 16 b.\n");
    ck_assert_int_eq(watcher_offer(&w, 9, "fits\n", 5), WATCHER_TOOK);
    expect_bytes(&w, "skipped=3\nfits\n");
    ck_assert_int_eq(watcher_offer(&w, 9, "again\n", 6), WATCHER_TOOK);
    expect_bytes(&w, "again\n");
    watcher_end(&w);
    ck_assert_int_eq(watcher_offer(&w, 10, "late\n", 5), WATCHER_IGNORED);
    watcher_fini(&w);
}
END_TEST

/* ---- the command */

static const struct settings small = { .requests_per_event = 20,
                                       .threads = 1,
                                       .watcher_logbuf_size = 2,
                                       .worker_logbuf_size = 64 };

static void send_to(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void read_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    while (n < size - 1 && (n == 0 || line[n - 1] != '\n'))
        ck_assert_int_eq(recv(fd, line + n++, 1, 0), 1);
    line[n] = '\0';
}

/* The next line, without what differs from run to run. */
static void expect_event(int fd, const char *wanted)
{
    char line[WATCH_LINE_MAX];
    read_line(fd, line, sizeof(line));
    const char *event = strstr(line, "type=");
    ck_assert_msg(event != NULL && strncmp(event + 5, wanted, strlen(wanted)) == 0,
                  "%s, not %s", line, wanted);
}

static int watch(const char *command)
{
    char line[100];
    int fd = connect_client();
    send_to(fd, command);
    read_line(fd, line, sizeof(line));
    ck_assert_str_eq(line, "OK\r\n");
    return fd;
}

static uint64_t watching(void)
{
    struct watch_counts n;
    watchers_count(&server.watch, &n);
    return n.watchers;
}

static void wait_for_watchers(uint64_t wanted)
{
    for (unsigned i = 0; i < DEADLINE_MS && watching() != wanted; i++)
        poll(NULL, 0, 1);
    ck_assert_uint_eq(watching(), wanted);
}

START_TEST(each_watcher_gets_what_its_words_select)
{
    begin_with(0, true, &small);
    int gets = watch("watch\r\n"), sets = watch("watch mutations deletions\r\n");
    int evicted = watch("watch evictions sysevents\r\n");
    ask("set k 0 0 3\r\nabc\r\n", "STORED\r\n");
    ask("get k none\r\n", "VALUE k 0 3\r\nabc\r\nEND\r\n");
    ask("delete k\r\n", "DELETED\r\n");
    server_api_get()->stat->evicting(NULL, "gone", 4);
    expect_event(gets, "item_get key=k status=found");
    expect_event(gets, "item_get key=none status=not_found clsid=0 cfd=");
    expect_event(sets, "item_store key=k status=stored cmd=set ttl=0 clsid=");
    expect_event(sets, "deleted key=k cmd=delete");
    expect_event(evicted, "eviction key=gone\n");
    close(gets);
    close(sets);
    close(evicted);
    wait_for_watchers(0);
    ck_assert(!watch_feed_wants(&worker.feed, UINT32_MAX));
    finish();
}
END_TEST

START_TEST(stores_that_fail_are_told_with_the_reason)
{
    begin_with(0, true, &small);
    int fd = watch("watch mutations\r\n");
    ask("cas k 0 0 1 5\r\nx\r\n", "NOT_FOUND\r\n");
    ask("replace k 0 0 1\r\nx\r\n", "NOT_STORED\r\n");
    tiny_engine_answer(TINY_ALLOCATE, ENGINE_E2BIG);
    ask("set k 0 0 1\r\nx\r\n", "SERVER_ERROR object too large for cache\r\n");
    tiny_engine_answer(TINY_ALLOCATE, ENGINE_ENOMEM);
    ask("add k 0 0 1\r\nx\r\n", "SERVER_ERROR out of memory storing object\r\n");
    expect_event(fd, "item_store key=k status=not_found cmd=cas");
    expect_event(fd, "item_store key=k status=not_stored cmd=replace");
    expect_event(fd, "item_store key=k status=too_large cmd=set ttl=0 clsid=0");
    expect_event(fd, "item_store key=k status=no_memory cmd=add");
    close(fd);
    finish();
}
END_TEST

START_TEST(connections_are_told_with_why_they_end)
{
    begin_with(0, true, &small);
    int fd = watch("watch connevents\r\n"), other = connect_client();
    expect_event(fd, "conn_new rip=unix rport=0 transport=local cfd=");
    send_to(other, "quit\r\n");
    expect_event(fd, "conn_close rip=unix rport=0 transport=local reason=normal cfd=");
    close(other);
    other = connect_client();
    expect_event(fd, "conn_new");
    close(other);
    expect_event(fd, "conn_close rip=unix rport=0 transport=local reason=normal");
    other = connect_client();
    expect_event(fd, "conn_new");
    send_to(other, "GET / HTTP/1.1\r\n");
    expect_event(fd, "conn_close rip=unix rport=0 transport=local reason=error");
    close(other);
    close(fd);
    finish();
}
END_TEST

START_TEST(refusals)
{
    struct settings off = small;
    begin_with(0, true, &small);
    ask("watch fetchers other\r\n", "ERROR\r\n");
    ask("watch noreply\r\nmn\r\n", "MN\r\n");
    ask("mn\r\nwatch fetchers\r\n",
        "MN\r\nERROR cannot pipeline other commands before watch\r\n");
    wait_for_watchers(0);
    finish();
    off.disable_watch = true;
    begin_with(0, true, &off);
    ask("watch fetchers\r\n", "CLIENT_ERROR watch commands not allowed\r\n");
    finish();
}
END_TEST

START_TEST(there_is_a_limit_and_places_are_free_again)
{
    int fds[WATCHERS_MOST];
    begin_with(0, true, &small);
    for (unsigned i = 0; i < WATCHERS_MOST; i++)
        fds[i] = watch("watch connevents\r\n");
    ask("watch\r\n", "WATCHER_TOO_MANY log watcher limit reached\r\n");
    close(fds[0]);
    wait_for_watchers(WATCHERS_MOST - 1);
    fds[0] = watch("watch\r\n");
    for (unsigned i = 0; i < WATCHERS_MOST; i++)
        close(fds[i]);
    wait_for_watchers(0);
    finish();
}
END_TEST

/* Far more than its buffer and the sockets hold; what it sends meanwhile is dropped. */
START_TEST(a_watcher_that_does_not_read_holds_up_nobody)
{
    char line[WATCH_LINE_MAX] = "";
    bool told = false;
    begin_with(0, true, &small);
    int fd = watch("watch\r\nflush_all\r\n");
    send_to(fd, "set dropped 0 0 1\r\nx\r\n");
    for (unsigned i = 0; i < 20000; i++)
        ask("get none\r\n", "END\r\n");
    for (unsigned i = 0; !told && i < 20000; i++) {
        read_line(fd, line, sizeof(line));
        told = strncmp(line, "skipped=", 8) == 0;
    }
    ck_assert_msg(told, "nothing was skipped: %s", line);
    ask("get dropped\r\n", "END\r\n");
    expect_event(fd, "item_get key=");
    ck_assert_uint_eq(tiny_engine_called(TINY_FLUSH), 0);
    close(fd);
    finish();
}
END_TEST

/* At the end of mcd a watcher is closed soon, also in the middle of a line. */
START_TEST(a_stop_ends_watchers)
{
    begin_with(0, true, &small);
    int idle = watch("watch\r\n"), stuck = watch("watch\r\n");
    for (unsigned i = 0; i < 20000; i++)
        ask("get none\r\n", "END\r\n");
    uint64_t began = monotonic_us();
    finish();
    ck_assert_uint_lt(monotonic_us() - began, 4000000); /* a client has 5 s to read */
    close(idle);
    close(stuck);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        records_come_out_in_order_round_and_round,
        what_a_full_ring_does_not_take_is_counted,
        lines_are_those_of_memcached,
        the_longest_key_fits_a_line,
        a_full_buffer_skips_lines_and_says_how_many,
        each_watcher_gets_what_its_words_select,
        stores_that_fail_are_told_with_the_reason,
        connections_are_told_with_why_they_end,
        refusals,
        there_is_a_limit_and_places_are_free_again,
        a_watcher_that_does_not_read_holds_up_nobody,
        a_stop_ends_watchers,
    };
    return unit_run("watch", tests, N_ELEMENTS(tests));
}
