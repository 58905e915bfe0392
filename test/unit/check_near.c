/* What a wrong word may have meant. */
#include "base/near.h"

#include <string.h>

#include "test/unit/unit.h"

/* The nearest of these words; NULL if none is near. */
static const char *nearest(const char *word)
{
    static const char *const words[] = {
        "port",        "pidfile",        "protocol", "idle-timeout",
        "lru_crawler", "lru-maintainer", "v"
    };
    struct near n;
    near_init(&n, word);
    for (size_t i = 0; i < N_ELEMENTS(words); i++)
        near_try(&n, words[i]);
    return n.best;
}

START_TEST(test_one_step)
{
    ck_assert_str_eq(nearest("prt"), "port");
    ck_assert_str_eq(nearest("porrt"), "port");
    ck_assert_str_eq(nearest("pord"), "port");
    ck_assert_str_eq(nearest("prot"), "port");
    ck_assert_str_eq(nearest("port"), "port");
}
END_TEST

START_TEST(test_longer_words_may_be_more_wrong)
{
    ck_assert_str_eq(nearest("idle_timout"), "idle-timeout");
    ck_assert_str_eq(nearest("idel_timeuot"), "idle-timeout");
    ck_assert_str_eq(nearest("lru-crawlr"), "lru_crawler");
    ck_assert_str_eq(nearest("lru_maintainre"), "lru-maintainer");
    ck_assert_str_eq(nearest("protcol"), "protocol");
}
END_TEST

START_TEST(test_nothing_is_near)
{
    ck_assert_ptr_null(nearest(""));
    ck_assert_ptr_null(nearest("p"));
    ck_assert_ptr_null(nearest("nonsense"));
    ck_assert_ptr_null(nearest("a word that is much longer than any option's name is"));
}
END_TEST

START_TEST(test_hint)
{
    static const struct option_row rows[] = { { .name = "peer" }, { .name = "listen" } };
    char room[NEAR_HINT];
    struct near n;
    near_init(&n, "pear");
    near_try_rows(&n, rows, N_ELEMENTS(rows));
    ck_assert_str_eq(near_hint(&n, "--", room, sizeof(room)),
                     " (did you mean '--peer'?)");
    near_init(&n, "nonsense");
    near_try_rows(&n, rows, N_ELEMENTS(rows));
    ck_assert_str_eq(near_hint(&n, "--", room, sizeof(room)), "");
}
END_TEST

START_TEST(test_pairs)
{
    static const struct option_row rows[] = { { .name = "peer" }, { .name = "listen" } };
    char key[16];
    struct near n;
    ck_assert(near_find_pair(&n, "cache_size=1m;lisen=1;pear=x", rows, 2, key, 16));
    ck_assert_str_eq(n.word, "lisen");
    ck_assert_str_eq(n.best, "listen");
    ck_assert(!near_find_pair(&n, "cache_size=1m", rows, 2, key, 16));
    ck_assert(!near_find_pair(&n, "", rows, 2, key, 16));
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_one_step, test_longer_words_may_be_more_wrong,
                             test_nothing_is_near, test_hint, test_pairs };
    return unit_run("near", tests, N_ELEMENTS(tests));
}
