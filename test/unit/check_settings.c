#include "server/settings.h"

#include <string.h>

#include "server/address.h"
#include "server/log.h"
#include "server/settings_stats.h"
#include "test/unit/unit.h"

enum { WORDS = 40, WHY = 512 };

static struct settings s;
static char why[WHY];

/* Parses a command line given as one text. */
static bool parse(const char *line)
{
    static char text[512];
    char *words[WORDS] = { "mcd" };
    int n = 1;
    snprintf(text, sizeof(text), "%s", line);
    for (char *w = strtok(text, " "); w != NULL && n < WORDS - 1; w = strtok(NULL, " "))
        words[n++] = w;
    settings_fini(&s);
    why[0] = '\0';
    return settings_parse(&s, n, words, why, sizeof(why));
}

static void refuses(const char *line, const char *word)
{
    ck_assert_msg(!parse(line), "'%s' was taken", line);
    ck_assert_msg(strstr(why, word) != NULL, "'%s' is not in: %s", word, why);
    settings_fini(&s);
}

static void configures(const char *line, const char *wanted)
{
    bool ok;
    ck_assert_msg(parse(line), "%s: %s", line, why);
    char *config = settings_engine_config(&s, &ok);
    ck_assert(ok);
    if (wanted == NULL)
        ck_assert_ptr_null(config);
    else
        ck_assert_str_eq(config, wanted);
    free(config);
    settings_fini(&s);
}

START_TEST(test_defaults)
{
    ck_assert(parse(""));
    ck_assert_uint_eq(s.port, 11211);
    ck_assert_uint_eq(s.udp_port, 0);
    ck_assert_uint_eq(s.memory_mb, 64);
    ck_assert_uint_eq(s.max_connections, 1024);
    ck_assert_uint_eq(s.threads, 4);
    ck_assert_uint_eq(s.item_size_max, 1 << 20);
    ck_assert_str_eq(s.engine, "default_engine.so");
    ck_assert(s.maxconns_fast && !s.daemonize && !settings_given(&s, "port"));
    settings_fini(&s);
}
END_TEST

START_TEST(test_letters_and_long_names)
{
    ck_assert(parse("-p 1 -U 2 -t 3 -c 5 -R 7 -b 9 -vv -d -k -M"));
    ck_assert_uint_eq(s.port, 1);
    ck_assert_uint_eq(s.udp_port, 2);
    ck_assert_uint_eq(s.threads, 3);
    ck_assert_uint_eq(s.max_connections, 5);
    ck_assert_uint_eq(s.requests_per_event, 7);
    ck_assert_uint_eq(s.backlog, 9);
    ck_assert_uint_eq(s.verbosity, 2);
    ck_assert(s.daemonize && s.lock_memory && s.disable_evictions);
    ck_assert(settings_given(&s, "port"));
    ck_assert(parse("-m=64 -p=7 -I=2m"));
    ck_assert(s.memory_mb == 64 && s.port == 7 && s.item_size_max == 2 << 20);
    ck_assert(parse("--port=8 --memory-limit 100 --verbose --engine=x.so -v"));
    ck_assert_uint_eq(s.port, 8);
    ck_assert_uint_eq(s.memory_mb, 100);
    ck_assert_uint_eq(s.verbosity, 2);
    ck_assert_str_eq(s.engine, "x.so");
    settings_fini(&s);
}
END_TEST

START_TEST(test_any_free_port)
{
    ck_assert(parse("-p -1"));
    ck_assert_uint_eq(s.port, PORT_ANY);
    ck_assert(parse("-U -1 -p 7"));
    ck_assert_uint_eq(s.udp_port, PORT_ANY);
    ck_assert_uint_eq(s.port, 7);
    ck_assert(settings_want_tcp(&s));
    ck_assert(parse("-U 5"));
    ck_assert_uint_eq(s.port, 5);
    ck_assert(parse("-U 5 -p 6"));
    ck_assert_uint_eq(s.port, 6);
    settings_fini(&s);
}
END_TEST

START_TEST(test_no_tcp)
{
    ck_assert(parse("-p 0 -U 5") && !settings_want_tcp(&s));
    ck_assert(parse("-p 0 -s socket") && !settings_want_tcp(&s));
    ck_assert(parse("-p 0 -l 127.0.0.1 -s socket") && !settings_want_tcp(&s));
    ck_assert(parse("-s socket") && !settings_want_tcp(&s));
    ck_assert(parse("-s socket -l 127.0.0.1") && settings_want_tcp(&s));
    refuses("-p 0", "nothing to listen on");
    refuses("-p 0 -U 0 -l 127.0.0.1", "nothing to listen on");
}
END_TEST

START_TEST(test_repeated_options_add_up)
{
    ck_assert(parse("-l 127.0.0.1 -l ::1"));
    ck_assert_str_eq(s.listen, "127.0.0.1,::1");
    ck_assert(parse("-o idle_timeout=60 -o no_maxconns_fast --extended=threads=2"));
    ck_assert(s.idle_timeout == 60 && !s.maxconns_fast && s.threads == 2);
    refuses("-o nonsense -o idle_timeout=60", "nonsense");
    configures("-e peer=a -m 1 -e b=c -e d=e", "cache_size=1048576;peer=a;b=c;d=e");
    ck_assert(parse("-X one.so -X two.so,x=1"));
    ck_assert_str_eq(s.extension, "one.so\ntwo.so,x=1");
    settings_fini(&s);
}
END_TEST

START_TEST(test_refusals_name_the_option)
{
    refuses("-p 70000", "port");
    refuses("-p abc", "port");
    refuses("-t 0", "threads");
    refuses("-I 10", "max-item-size");
    refuses("-f 0.5", "slab-growth-factor");
    refuses("-a 99", "unix-mask");
    refuses("-Q", "-Q");
    refuses("--nonsense", "--nonsense");
    refuses("-m", "-m");
    refuses("--port", "--port");
    refuses("stray", "stray");
}
END_TEST

START_TEST(test_extended)
{
    ck_assert(parse("-o idle_timeout=60,no_maxconns_fast"));
    ck_assert_uint_eq(s.idle_timeout, 60);
    ck_assert(!s.maxconns_fast);
    ck_assert(parse("-o maxconns_fast,threads=2"));
    ck_assert(s.maxconns_fast);
    ck_assert_uint_eq(s.threads, 2);
    refuses("-o nonsense", "nonsense");
    refuses("-o idle_timeout", "idle-timeout");
    refuses("-o idle_timeout=x", "idle-timeout");
    refuses("-o extended=x", "extended");
}
END_TEST

START_TEST(test_switches_of_memcached)
{
    ck_assert(parse(""));
    ck_assert(!s.enable_shutdown && !s.disable_flush_all && !s.disable_cas);
    ck_assert_uint_eq(s.protocol, SETTINGS_PROTOCOL_AUTO);
    ck_assert(parse("-A -F -C -r -B binary"));
    ck_assert(s.enable_shutdown && s.disable_flush_all && s.disable_cas && s.core_dumps);
    ck_assert_uint_eq(s.protocol, SETTINGS_PROTOCOL_BINARY);
    ck_assert(parse("-B ascii"));
    ck_assert_uint_eq(s.protocol, SETTINGS_PROTOCOL_ASCII);
    refuses("-B text", "auto|ascii|binary");
    ck_assert(parse("-i --nonsense"));
    ck_assert(s.license);
    configures("-C -e a=b", "use_cas=false;a=b");
}
END_TEST

START_TEST(test_engine_config)
{
    configures("", NULL);
    configures("-e a=b", "a=b");
    configures("-m 64", "cache_size=67108864;");
    configures("-m 1 -e a=b;c=d", "cache_size=1048576;a=b;c=d");
    configures("-M -I 2m -f 1.5 -n 96",
               "item_size_max=2097152;eviction=false;factor=1.5;chunk_size=96;");
}
END_TEST

START_TEST(test_help_ends_the_parsing)
{
    ck_assert(parse("-h --nonsense"));
    ck_assert(s.help);
    ck_assert(parse("-V"));
    ck_assert(s.version);
    settings_fini(&s);
}
END_TEST

static void collect(void *context, const char *name, const char *value)
{
    char *all = context;
    size_t n = strlen(all);
    snprintf(all + n, 4096 - n, "%s=%s\n", name, value);
}

START_TEST(test_stats_settings_under_known_names)
{
    static const char *const wanted[] = { "tcpport=4\n",
                                          "maxbytes=104857600\n",
                                          "num_threads=4\n",
                                          "evictions=off\n",
                                          "umask=700\n",
                                          "inter=NULL\n",
                                          "verbosity=1\n",
                                          "maxconns_fast=yes\n",
                                          "flush_enabled=yes\n",
                                          "lru_crawler=yes\n",
                                          "dump_enabled=yes\n",
                                          "detail_enabled=no\n",
                                          "cas_enabled=no\n",
                                          "auth_enabled_ascii=no\n",
                                          "ssl_enabled=no\n",
                                          "ssl_chain_cert=NULL\n",
                                          "ssl_keyformat=1\n",
                                          "ssl_wbuf_size=16384\n",
                                          "ssl_min_version=tlsv1.2\n",
                                          "shutdown_command=yes\n",
                                          "binding_protocol=auto-negotiate\n",
                                          "extension=one\nextension=two\n" };
    char all[4096] = "";
    ck_assert(parse("-p 4 -m 100 -M -A -C -X one -X two"));
    log_set_level(EXTENSION_LOG_DEBUG);
    settings_each(&s, collect, all);
    for (size_t i = 0; i < N_ELEMENTS(wanted); i++)
        ck_assert_msg(strstr(all, wanted[i]) != NULL, "no %s in %s", wanted[i], all);
    settings_fini(&s);
}
END_TEST

START_TEST(test_addresses)
{
    struct listen_address at;
    ck_assert(parse("-l 10.0.0.1,cache.example:99,[::1]:99,::1,*,*:99"));
    ck_assert(address_parse("notls:proto[binary]:[::1]:5", &at));
    ck_assert(at.notls && at.has_protocol && at.protocol == SETTINGS_PROTOCOL_BINARY);
    ck_assert_str_eq(at.at.host, "::1");
    ck_assert_uint_eq(at.at.port, 5);
    ck_assert(address_parse("proto[negotiating]:*", &at));
    ck_assert(!at.notls && at.protocol == SETTINGS_PROTOCOL_AUTO);
    refuses("-l ,", "addresses");
    refuses("-l 10.0.0.1,host:http", "host:http");
    refuses("-l proto[proxy]:host", "proto[proxy]:host");
    refuses("-l notls:", "notls:");
    refuses("-l notls:host", "-Z");
}
END_TEST

START_TEST(test_passwords_are_for_the_text_protocol)
{
    ck_assert(parse("-Y file"));
    ck_assert_uint_eq(s.protocol, SETTINGS_PROTOCOL_ASCII);
    ck_assert(parse("-Y file -B ascii -U 0 -l proto[ascii]:host"));
    refuses("-Y file -B binary", "binary");
    refuses("-Y file -B auto", "binary");
    refuses("-Y file -U 5", "UDP");
    refuses("-Y file -l proto[negotiating]:host", "-Y");
    settings_fini(&s);
}
END_TEST

START_TEST(test_tls_needs_its_files)
{
    ck_assert(parse("-Z -o ssl_chain_cert=c -o ssl_key=k -l notls:a,b"));
    ck_assert(s.enable_ssl && s.ssl_min_version == 2 && s.ssl_wbuf_size == 16);
    ck_assert(parse("-Z -o ssl_chain_cert=c,ssl_verify_mode=2,ssl_ca_cert=a"));
    ck_assert(parse("-Z -o ssl_chain_cert=c,ssl_session_cache,ssl_keyformat=2"));
    ck_assert(s.ssl_session_cache && s.ssl_keyformat % 2 == 1);
    refuses("-Z", "ssl_chain_cert");
    refuses("-o ssl_chain_cert=c", "-Z");
    refuses("-Z -o ssl_chain_cert=c -s socket", "TCP");
    refuses("-Z -o ssl_chain_cert=c,ssl_verify_mode=1", "ssl_ca_cert");
    refuses("-Z -o ssl_chain_cert=c,ssl_verify_mode=4", "ssl-verify-mode");
    refuses("-Z -o ssl_chain_cert=c,ssl_min_version=1", "ssl-min-version");
}
END_TEST

/* The manual pages are written by hand: no option may be missing from them, and no
 * default may differ. */
static char page[64 * 1024];

static void open_page(const char *name)
{
    FILE *in = unit_open(name);
    page[fread(page, 1, sizeof(page) - 1, in)] = '\0';
    fclose(in);
}

/* A copy of the paragraph of an option; NULL if there is none. */
static char *paragraph_of(const char *name, char *room, size_t nroom)
{
    char wanted[80], *to = wanted + sprintf(wanted, "\\-\\-");
    for (; *name != '\0'; name++) {
        if (*name == '-')
            *to++ = '\\';
        *to++ = *name;
    }
    *to = '\0';
    const char *from = strstr(page, wanted);
    if (from == NULL)
        return NULL;
    const char *end = strstr(from, "\n.TP");
    snprintf(room, nroom, "%.*s", end != NULL ? (int)(end - from) : (int)strlen(from),
             from);
    return room;
}

START_TEST(test_manual_has_every_option)
{
    char room[4096];
    open_page("../../doc/mcd.1");
    for (size_t i = 0; i < settings_nrows; i++) {
        const struct option_row *row = &settings_rows[i];
        const char *paragraph = paragraph_of(row->name, room, sizeof(room));
        ck_assert_msg(paragraph != NULL, "no --%s in doc/mcd.1", row->name);
        if (row->form != NULL && row->preset != NULL)
            ck_assert_msg(strstr(paragraph, row->preset) != NULL,
                          "doc/mcd.1 does not say that --%s is %s", row->name,
                          row->preset);
    }
}
END_TEST

START_TEST(test_manual_of_the_tool_has_every_option)
{
    static const char *const names[] = {
#define OPTION_COMMON(name, letter, type, preset, min, max, form, help) #name,
#define OPTION_GUARD(name, member, type, preset, min, max, form, help)  name,
#define OPTION_KEEPALIVED(name, type, preset, min, max, form, help)     #name,
#include "ctl/ctl_option_rows.h"
    };
    char room[4096];
    open_page("../../doc/mcreplctl.1");
    for (size_t i = 0; i < N_ELEMENTS(names); i++)
        ck_assert_msg(paragraph_of(names[i], room, sizeof(room)) != NULL,
                      "no --%s in doc/mcreplctl.1", names[i]);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { test_defaults,
                             test_letters_and_long_names,
                             test_any_free_port,
                             test_no_tcp,
                             test_repeated_options_add_up,
                             test_refusals_name_the_option,
                             test_extended,
                             test_switches_of_memcached,
                             test_engine_config,
                             test_help_ends_the_parsing,
                             test_stats_settings_under_known_names,
                             test_addresses,
                             test_passwords_are_for_the_text_protocol,
                             test_tls_needs_its_files,
                             test_manual_has_every_option,
                             test_manual_of_the_tool_has_every_option };
    return unit_run("settings", tests, N_ELEMENTS(tests));
}
