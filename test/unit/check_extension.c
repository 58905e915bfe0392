#include "server/extensions.h"

#include <string.h>

#include "test/unit/unit.h"

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

int main(void)
{
    const TTest *tests[] = { test_what_is_no_extension };
    return unit_run("extension", tests, N_ELEMENTS(tests));
}
