#include "base/engine_module.h"

#include <string.h>

#include "test/unit/unit.h"

enum { WHY = 1024 };

static char why[WHY];

static SERVER_HANDLE_V1 *no_server(void)
{
    return NULL;
}

static const char *directory(void)
{
    static char path[512];
    const char *build = getenv("MCD_BUILD");
    snprintf(path, sizeof(path), "%s", build != NULL ? build : ".");
    return path;
}

static bool load(struct engine_module *e, const char *flaw)
{
    char path[640];
    snprintf(path, sizeof(path), "%s/.libs/broken_engine.so", directory());
    setenv("BROKEN_ENGINE", flaw, 1);
    why[0] = '\0';
    return engine_module_load(e, "engine", path, "/nowhere", no_server, why, sizeof(why));
}

static void refuses(const char *flaw, const char *word)
{
    struct engine_module e;
    ck_assert_msg(!load(&e, flaw), "an engine with flaw '%s' was loaded", flaw);
    ck_assert_msg(strstr(why, word) != NULL, "no '%s' in: %s", word, why);
    ck_assert_ptr_null(e.handle);
}

START_TEST(test_sound_engine)
{
    struct engine_module e;
    char name[64];
    ck_assert_msg(load(&e, ""), "%s", why);
    ck_assert_int_eq(engine_module_initialize(&e, NULL, why, sizeof(why)),
                     ENGINE_SUCCESS);
    engine_module_describe(&e, name, sizeof(name));
    ck_assert_str_eq(name, "a broken engine");
    engine_module_destroy(&e, false);
    ck_assert_ptr_null(e.handle);
    engine_module_destroy(&e, false);
}
END_TEST

START_TEST(test_missing_file)
{
    struct engine_module e;
    ck_assert(!engine_module_load(&e, "engine", "absent.so", "/nowhere", no_server, why,
                                  sizeof(why)));
    ck_assert(strstr(why, "/nowhere/absent.so") != NULL);
    ck_assert(!engine_module_load(&e, "engine", "./absent.so", "/nowhere", no_server, why,
                                  sizeof(why)));
    ck_assert(strstr(why, "/nowhere/absent.so") == NULL);
    ck_assert(strstr(why, "./absent.so") != NULL);
}
END_TEST

START_TEST(test_no_module)
{
    struct engine_module e;
    ck_assert(!engine_module_load(&e, "engine", "/proc/self/status", "/", no_server, why,
                                  sizeof(why)));
    ck_assert(strstr(why, "/proc/self/status") != NULL);
    ck_assert(!engine_module_load(&e, "engine", "libm.so.6", "/lib/x86_64-linux-gnu",
                                  no_server, why, sizeof(why)));
}
END_TEST

START_TEST(test_flawed_engines)
{
    refuses("create", "not supported");
    refuses("handle", "no handle");
    refuses("version", "version 2");
    refuses("store", "'store'");
    refuses("get_item_info", "'get_item_info'");
}
END_TEST

START_TEST(test_initialize_fails)
{
    struct engine_module e;
    ck_assert(load(&e, "initialize"));
    ck_assert_int_eq(engine_module_initialize(&e, "colour=blue", why, sizeof(why)),
                     ENGINE_EINVAL);
    ck_assert(strstr(why, "wrong quarter") != NULL);
    ck_assert(strstr(why, "colour=blue") != NULL);
    ck_assert_ptr_null(e.handle);
    ck_assert(load(&e, "initialize silently"));
    ck_assert_int_eq(engine_module_initialize(&e, NULL, why, sizeof(why)), ENGINE_EINVAL);
    ck_assert(strstr(why, engine_error_text(ENGINE_EINVAL)) != NULL);
}
END_TEST

START_TEST(test_every_code_has_words)
{
    for (int code = 0; code < 256; code++)
        ck_assert_uint_gt(strlen(engine_error_text((ENGINE_ERROR_CODE)code)), 0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_sound_engine,     test_missing_file,
                             test_no_module,        test_flawed_engines,
                             test_initialize_fails, test_every_code_has_words };
    return unit_run("engine_module", tests, N_ELEMENTS(tests));
}
