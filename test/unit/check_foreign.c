/* Every option of memcached 1.6 is one of mcd, or accepted, or refused with a reason. */
#include "server/settings.h"

#include <string.h>

#include "test/unit/unit.h"

static struct settings s;
static char why[512];

/* The options of memcached 1.6: letter, long name, whether it has a value. */
static const struct {
    const char *letter, *name;
    bool has_value;
} options[] = {
    { "-a", "--unix-mask", true },
    { "-A", "--enable-shutdown", false },
    { "-b", "--listen-backlog", true },
    { "-B", "--protocol", true },
    { "-c", "--conn-limit", true },
    { "-C", "--disable-cas", false },
    { "-d", "--daemon", false },
    { "-D", NULL, true },
    { "-f", "--slab-growth-factor", true },
    { "-F", "--disable-flush-all", false },
    { "-h", "--help", false },
    { "-i", "--license", false },
    { "-I", "--max-item-size", true },
    { "-k", "--lock-memory", false },
    { "-l", "--listen", true },
    { "-L", "--enable-largepages", false },
    { "-m", "--memory-limit", true },
    { "-M", "--disable-evictions", false },
    { "-n", "--slab-min-size", true },
    { "-N", "--napi-ids", true },
    { "-o", "--extended", true },
    { "-p", "--port", true },
    { "-P", "--pidfile", true },
    { "-r", "--enable-coredumps", false },
    { "-R", "--max-reqs-per-event", true },
    { "-s", "--unix-socket", true },
    { "-S", "--enable-sasl", false },
    { "-t", "--threads", true },
    { "-u", "--user", true },
    { "-U", "--udp-port", true },
    { "-v", "--verbose", false },
    { "-V", "--version", false },
    { "-W", "--disable-watch", false },
    { "-Y", "--auth-file", true },
    { "-Z", "--enable-ssl", false },
    /* Their letters, -e and -X, are other options here. */
    { NULL, "--memory-file", true },
    { NULL, "--disable-dumping", false },
};

/* The words of its -o. */
static const char *const words[] = {
    "maxconns_fast",
    "no_maxconns_fast",
    "hashpower=20",
    "no_hashexpand",
    "slab_reassign",
    "no_slab_reassign",
    "slab_automove",
    "slab_automove=2",
    "no_slab_automove",
    "slab_automove_ratio=0.8",
    "slab_automove_window=30",
    "slab_automove_freeratio=0.01",
    "tail_repair_time=3600",
    "hash_algorithm=murmur3",
    "lru_crawler",
    "no_lru_crawler",
    "lru_crawler_sleep=100",
    "lru_crawler_tocrawl=0",
    "lru_maintainer",
    "no_lru_maintainer",
    "hot_lru_pct=20",
    "warm_lru_pct=40",
    "hot_max_factor=0.2",
    "warm_max_factor=2",
    "temporary_ttl=61",
    "idle_timeout=60",
    "watcher_logbuf_size=256",
    "worker_logbuf_size=64",
    "slab_sizes=100-200-300",
    "slab_chunk_max=512",
    "track_sizes",
    "inline_ascii_resp",
    "no_inline_ascii_resp",
    "no_chunked_items",
    "modern",
    "no_modern",
    "drop_privileges",
    "no_drop_privileges",
    "relaxed_privileges",
    "read_buf_mem_limit=0",
    "resp_obj_mem_limit=0",
    "ext_page_size=64",
    "ext_wbuf_size=4",
    "ext_threads=1",
    "ext_io_depth=1",
    "ext_item_size=512",
    "ext_item_age=3600",
    "ext_low_ttl=0",
    "ext_drop_unread",
    "ext_recache_rate=2000",
    "ext_compact_under=1",
    "ext_drop_under=1",
    "ext_max_frag=0.8",
    "ext_max_sleep=1000000",
    "!sock_cookie_id=1",
    "!ext_path=/mnt/extstore:1G",
    "ssl_chain_cert=x",
    "ssl_key=x",
    "ssl_keyformat=1",
    "ssl_verify_mode=1",
    "ssl_ciphers=x",
    "ssl_ca_cert=x",
    "ssl_wbuf_size=16",
    "ssl_session_cache",
    "ssl_kernel_tls",
    "ssl_min_version=2",
    "!proxy_config=x",
    "!proxy_arg=x",
    "!proxy_uring",
    "!proxy_memprofile",
};

static bool parse(const char *first, const char *second)
{
    char *line[] = { "mcd", (char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL };
    settings_fini(&s);
    why[0] = '\0';
    return settings_parse(&s, second != NULL ? 3 : 2, line, why, sizeof(why));
}

/* Words of TLS need -Z, and a certificate. */
static bool parse_word(const char *word, bool tls)
{
    char text[128];
    snprintf(text, sizeof(text),
             tls ? "%s,enable_ssl,ssl_chain_cert=c,ssl_ca_cert=a" : "%s", word);
    return parse("-o", text);
}

static bool has_value(const char *letters, const struct option_row *rows, size_t nrows)
{
    for (size_t i = 0; i < nrows; i++) {
        if ((letters[1] == '-' && strcmp(rows[i].name, letters + 2) == 0) ||
            (letters[1] != '-' && rows[i].letter == letters[1]))
            return rows[i].form != NULL;
    }
    ck_abort_msg("mcd has no option %s", letters);
    return false;
}

static bool is_foreign(const char *letters)
{
    for (size_t i = 0; i < foreign_option_count; i++) {
        const struct option_row *row = &foreign_option_rows[i];
        if (letters[1] == '-' ? strcmp(row->name, letters + 2) == 0
                              : row->letter == letters[1])
            return true;
    }
    return false;
}

static void check_option(const char *option, bool wanted)
{
    if (option == NULL)
        return;
    bool has = is_foreign(option)
                   ? has_value(option, foreign_option_rows, foreign_option_count)
                   : has_value(option, settings_rows, settings_nrows);
    ck_assert_msg(has == wanted, "%s %s a value", option, has ? "has" : "has not");
}

START_TEST(test_every_option_has_a_row)
{
    for (size_t i = 0; i < N_ELEMENTS(options); i++) {
        check_option(options[i].letter, options[i].has_value);
        check_option(options[i].name, options[i].has_value);
    }
}
END_TEST

START_TEST(test_every_word_is_taken_or_refused_with_a_reason)
{
    for (size_t i = 0; i < N_ELEMENTS(words); i++) {
        bool refused = words[i][0] == '!';
        bool tls = strncmp(words[i], "ssl_", 4) == 0;
        ck_assert_msg(parse_word(words[i] + refused, tls) == !refused, "%s: %s", words[i],
                      why);
        ck_assert_msg(!refused || strstr(why, " is refused: ") != NULL, "%s: %s",
                      words[i], why);
    }
    settings_fini(&s);
}
END_TEST

START_TEST(test_what_protects_is_refused)
{
    ck_assert(!parse("-S", NULL));
    ck_assert_ptr_nonnull(strstr(why, "without a password"));
    ck_assert(!parse("--memory-file=x", NULL));
    ck_assert(!parse("-X", "-v"));
    ck_assert_ptr_nonnull(strstr(why, "--disable-dumping"));
    settings_fini(&s);
}
END_TEST

START_TEST(test_help_names_every_option)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    settings_help(out);
    fclose(out);
    for (size_t i = 0; i < N_ELEMENTS(options); i++) {
        const char *name = options[i].letter ? options[i].letter : options[i].name;
        ck_assert_msg(strstr(text, name) != NULL, "%s is not in the help", name);
    }
    for (size_t i = 0; i < N_ELEMENTS(words); i++) {
        const char *word = words[i] + (words[i][0] == '!');
        word += strncmp(word, "no_", 3) == 0 ? 3 : 0;
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
        char *dashed = strdup(name);
        for (char *c = dashed; *c != '\0'; c++)
            *c = *c == '_' ? '-' : *c;
        ck_assert_msg(strstr(text, name) != NULL || strstr(text, dashed) != NULL,
                      "%s is not in the help", name);
        free(dashed);
    }
    free(text);
}
END_TEST

START_TEST(test_one_line_tells_of_all_without_effect)
{
    char line[512];
    ck_assert(parse("-v", NULL));
    foreign_tell(&s.foreign, line, sizeof(line));
    ck_assert_str_eq(line, "");
    ck_assert(parse("-L", "-oslab_reassign,no_hashexpand,slab_automove=1"));
    foreign_tell(&s.foreign, line, sizeof(line));
    ck_assert_str_eq(
        line, "options of memcached without effect: -L (the store gives memory back page "
              "by page); "
              "-o hashexpand (the store's table has one hash, and grows with its "
              "items); -o slab_reassign, -o slab_automove (memory is not divided "
              "into slab classes)");
    settings_fini(&s);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_every_option_has_a_row,
                             test_every_word_is_taken_or_refused_with_a_reason,
                             test_what_protects_is_refused, test_help_names_every_option,
                             test_one_line_tells_of_all_without_effect };
    return unit_run("foreign", tests, N_ELEMENTS(tests));
}
