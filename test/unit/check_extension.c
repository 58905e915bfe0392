#include "server/extensions.h"

#include <string.h>

#include "test/unit/connection_rig.h"

static SERVER_HANDLE_V1 *no_server(void)
{
    return NULL;
}

START_TEST(test_what_is_no_extension)
{
    const char *build = getenv("MCD_BUILD");
    char text[640], why[1024];
    snprintf(text, sizeof(text), "%s/.libs/broken_engine.so,x=1",
             build != NULL ? build : ".");
    ck_assert(!extension_load(text, "/nowhere", no_server, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "memcached_extensions_initialize"));
    ck_assert(!extension_load("absent.so,x=1", "/nowhere", no_server, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "/nowhere/absent.so"));
}
END_TEST

/* A text extension: "echo" returns its words, "keep" takes eight bytes of data and
 * returns them, "wait" waits for the engine once, "bad" ends the connection. */

static struct {
    char data[9];
    unsigned accepted, executed, aborted, waits;
} seen;

static const char *get_name(const void *mine)
{
    return mine;
}

static bool accept_line(const void *mine, void *cookie, int argc, token_t *argv,
                        size_t *ndata, char **data)
{
    static const char *const words[] = { "echo", "keep", "wait", "bad" };
    (void)cookie;
    ck_assert_str_eq(mine, "mine");
    ck_assert_int_gt(argc, 0);
    ck_assert_uint_eq(strlen(argv[0].value), argv[0].length);
    for (size_t i = 0; i < N_ELEMENTS(words); i++) {
        if (strcmp(words[i], argv[0].value) != 0)
            continue;
        __atomic_add_fetch(&seen.accepted, 1, __ATOMIC_RELAXED);
        *ndata = i == 1 ? sizeof(seen.data) - 1 : 0;
        *data = seen.data;
        return true;
    }
    return false;
}

typedef ENGINE_ERROR_CODE (*respond)(const void *cookie, int n, const char *bytes);

static ENGINE_ERROR_CODE echo(const void *cookie, int argc, token_t *argv, respond say_it)
{
    for (int i = 0; i < argc; i++) {
        ck_assert_int_eq(say_it(cookie, 1, "<"), ENGINE_SUCCESS);
        ck_assert_int_eq(say_it(cookie, (int)argv[i].length, argv[i].value),
                         ENGINE_SUCCESS);
        ck_assert_int_eq(say_it(cookie, 1, ">"), ENGINE_SUCCESS);
    }
    return say_it(cookie, 2, "\r\n");
}

static ENGINE_ERROR_CODE execute(const void *mine, const void *cookie, int argc,
                                 token_t *argv, respond say_it)
{
    (void)mine;
    seen.executed++;
    if (argc == 0)
        return say_it(cookie, sizeof(seen.data) - 1, seen.data);
    if (strcmp(argv[0].value, "bad") == 0)
        return ENGINE_DISCONNECT;
    if (strcmp(argv[0].value, "wait") == 0 && seen.waits++ == 0) {
        say_it(cookie, 1, "?");
        server_api_get()->cookie->notify_io_complete(cookie, ENGINE_SUCCESS);
        return ENGINE_EWOULDBLOCK;
    }
    return echo(cookie, argc, argv, say_it);
}

static void forget(const void *mine, const void *cookie)
{
    (void)cookie;
    ck_assert_str_eq(mine, "mine");
    __atomic_add_fetch(&seen.aborted, 1, __ATOMIC_SEQ_CST);
}

static EXTENSION_ASCII_PROTOCOL_DESCRIPTOR text = { .get_name = get_name,
                                                    .accept = accept_line,
                                                    .execute = execute,
                                                    .abort = forget,
                                                    .cookie = "mine" };

static void begin_extended(void)
{
    memset(&seen, 0, sizeof(seen));
    begin(0, true);
    ck_assert(
        server_api_get()->extension->register_extension(EXTENSION_ASCII_PROTOCOL, &text));
    ck_assert_ptr_eq(server_api_get()->extension->get_extension(EXTENSION_ASCII_PROTOCOL),
                     &text);
}

static void finish_extended(void)
{
    finish();
    server_api_get()->extension->unregister_extension(EXTENSION_ASCII_PROTOCOL, &text);
    ck_assert_ptr_null(
        server_api_get()->extension->get_extension(EXTENSION_ASCII_PROTOCOL));
}

#define TEN      " 1 2 3 4 5 6 7 8 9 0"
#define TEN_BACK "<1><2><3><4><5><6><7><8><9><0>"

START_TEST(test_unknown_lines_are_offered)
{
    begin_extended();
    ask("echo  a bc \r\nversion\r\n", "<echo><a><bc>\r\nVERSION ");
    finish_extended();
    begin_extended();
    ask("other\r\n\r\nget\r\n", "ERROR\r\nERROR\r\nERROR\r\n");
    ask("echo" TEN TEN " 1 2 3 4 5 6 7\n",
        "<echo>" TEN_BACK TEN_BACK "<1><2><3><4><5><6><7>\r\n");
    ask("echo" TEN TEN TEN "\r\n", "ERROR too many arguments\r\n");
    finish_extended();
}
END_TEST

/* The data arrive with the line, and piece by piece. */
START_TEST(test_data_follow_the_line)
{
    static const char line[] = "keep it\r\nABCDEF\r\n";
    begin_extended();
    ask("keep it\r\nabcdef\r\nversion\r\n", "abcdef\r\nVERSION ");
    finish_extended();
    begin_extended();
    for (const char *at = line; *at != '\0'; at++) {
        char one[2] = { *at, '\0' };
        say(one);
        poll(NULL, 0, 1);
    }
    hear("ABCDEF\r\n");
    ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    finish_extended();
    ck_assert_uint_eq(seen.aborted, 0);
}
END_TEST

static bool has_accepted(void)
{
    return __atomic_load_n(&seen.accepted, __ATOMIC_RELAXED) != 0;
}

START_TEST(test_a_line_without_its_data)
{
    begin_extended();
    ask("keep it\r\nabc", "");
    for (unsigned i = 0; i < DEADLINE_MS && !has_accepted(); i++)
        poll(NULL, 0, 1);
    finish_extended();
    ck_assert_uint_eq(seen.aborted, 1);
    ck_assert_uint_eq(seen.executed, 0);
}
END_TEST

START_TEST(test_an_extension_may_wait_or_end_it)
{
    begin_extended();
    ask("wait here\r\n", "<wait><here>\r\n");
    ck_assert_uint_eq(seen.executed, 2);
    say("bad\r\n");
    hear_end();
    finish_extended();
}
END_TEST

START_TEST(test_what_cannot_be_registered)
{
    EXTENSION_ASCII_PROTOCOL_DESCRIPTOR empty = { .get_name = get_name };
    SERVER_EXTENSION_API *api = server_api_get()->extension;
    ck_assert(!api->register_extension(EXTENSION_ASCII_PROTOCOL, &empty));
    ck_assert(!api->register_extension(EXTENSION_ASCII_PROTOCOL, NULL));
    ck_assert(!api->register_extension((extension_type_t)9, &empty));
    api->unregister_extension(EXTENSION_ASCII_PROTOCOL, &empty);
    ck_assert_ptr_null(api->get_extension((extension_type_t)9));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_what_is_no_extension,
                             test_unknown_lines_are_offered,
                             test_data_follow_the_line,
                             test_a_line_without_its_data,
                             test_an_extension_may_wait_or_end_it,
                             test_what_cannot_be_registered };
    return unit_run("extension", tests, N_ELEMENTS(tests));
}
