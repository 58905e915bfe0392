/*
 * A worker thread with a socket on one side and a scripted engine on the other.
 */
#include "server/connection.h"

#include "test/unit/connection_rig.h"

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

/* Byte by byte, so that every state has to wait at every position. */
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

/* A large value is received into the item's pieces, and sent from them. */
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

/* All of the value has arrived when the worker may read it. */
START_TEST(test_a_long_value_gives_way)
{
    enum { SIZE = 150000 };
    static char value[SIZE + 1];
    const struct settings settings = { .requests_per_event = 2, .threads = 1 };
    begin_with(0, true, &settings);
    memset(value, 'x', SIZE);
    tiny_engine_answer(TINY_ALLOCATE, ENGINE_EWOULDBLOCK);
    say("set a 0 0 150000\r\n");
    wait_for_cookie();
    say(value);
    say("\r\n");
    notify(ENGINE_SUCCESS);
    hear("STORED\r\n");
    ck_assert_uint_ge(__atomic_load_n(&worker.counters.conn_yields, __ATOMIC_RELAXED), 1);
    finish();
}
END_TEST

/* The old value must not survive a set that failed. */
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

/* Each call that may block is repeated after the notification, and only then. */
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

/* The rest is served as far as the interface goes. */
START_TEST(test_an_engine_without_the_meta_extension)
{
#define WHY                                                                              \
    "SERVER_ERROR this storage engine does not offer what this needs: "                  \
    "default_engine.so does\r\n"
    begin(0, true);
    ask("set a 0 0 1\r\n5\r\n", "STORED\r\n");
    ask("mg a v k u\r\n", "VA 1 ka\r\n5\r\n");
    ask("mg a T30 t\r\n", "HD t30\r\n");
    ask("ma a\r\n", "HD\r\n");
    ask("mg a h\r\n", WHY);
    ask("mg a N5\r\n", WHY);
    ask("mg a R5\r\n", WHY);
    ask("ma a t\r\n", WHY);
    ask("md a I\r\n", WHY);
    ask("ms a 1 I C1\r\nx\r\n", WHY);
    ask("me a\r\n", WHY);
    ask("md a\r\n", "HD\r\n");
    finish();
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

/* A cookie stays valid for the engine after its connection has closed. */
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

/* Requests that have arrived are answered, although a shutdown was ordered meanwhile. */
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

int main(void)
{
    const TTest *tests[] = {
        test_store_and_read,
        test_any_cut,
        test_large_value_in_pieces,
        test_many_requests_in_one_go,
        test_a_long_value_gives_way,
        test_failed_allocate_removes_the_key,
        test_engine_would_block,
        test_an_engine_without_the_meta_extension,
        test_status_of_the_notification_is_the_answer,
        test_disconnect_closes,
        test_reserved_cookie_outlives_the_connection,
        test_no_cookie,
        test_arithmetic_without_the_engine,
        test_stop_answers_what_was_asked,
    };
    return unit_run("connection", tests, N_ELEMENTS(tests));
}
