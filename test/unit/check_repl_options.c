/* The options of repl_engine: presets, refusals with reasons, and what it passes on. */
#include "engine/repl_options.h"

#include <string.h>

#include "repl/core.h"
#include "test/unit/unit.h"

static struct repl_options o;
static char why[400];

static void parse(const char *config)
{
    why[0] = '\0';
    ck_assert_msg(repl_options_parse(&o, config, why, sizeof(why)), "%s: %s",
                  config != NULL ? config : "(none)", why);
}

static void refuse(const char *config, const char *reason)
{
    why[0] = '\0';
    ck_assert_msg(!repl_options_parse(&o, config, why, sizeof(why)), "%s", config);
    ck_assert_msg(strstr(why, reason) != NULL, "%s: %s", config, why);
    repl_options_free(&o);
}

static void check_presets(void)
{
    ck_assert_ptr_null(o.peer);
    ck_assert_str_eq(o.listen, "11212");
    ck_assert_str_eq(o.engine, "default_engine.so");
    ck_assert_uint_eq(o.standby_writes, STANDBY_WRITES_PROMOTE);
    ck_assert_uint_eq(o.on_conflict, ON_CONFLICT_INVALIDATE);
    ck_assert_uint_eq(o.journal, 16 << 20);
    ck_assert_uint_eq(o.dirty_bits, 24);
    ck_assert_uint_eq(o.heartbeat, 250);
    ck_assert_uint_eq(o.timeout, 2000);
    ck_assert_ptr_null(o.rest);
    ck_assert_str_eq(o.listen_at.host, "");
    ck_assert_uint_eq(o.listen_at.port, 11212);
    ck_assert_uint_eq(o.item_max, 1 << 20);
    ck_assert_uint_eq(o.memory, 64 << 20);
}

START_TEST(test_presets)
{
    parse(NULL);
    check_presets();
    repl_options_free(&o);
    parse("");
    check_presets();
    repl_options_free(&o);
}
END_TEST

START_TEST(test_each_option)
{
    parse("peer=[::1]:1;listen=127.0.0.1:0;engine=./x.so;standby_writes=reject;"
          "journal=1g;dirty_bits=6;heartbeat=10;timeout=20");
    ck_assert_str_eq(o.peer_at.host, "::1");
    ck_assert_uint_eq(o.peer_at.port, 1);
    ck_assert_str_eq(o.listen_at.host, "127.0.0.1");
    ck_assert_uint_eq(o.listen_at.port, 0);
    ck_assert_str_eq(o.engine, "./x.so");
    ck_assert_uint_eq(o.standby_writes, STANDBY_WRITES_REJECT);
    ck_assert_uint_eq(o.journal, 1 << 30);
    ck_assert_uint_eq(o.dirty_bits, 6);
    ck_assert_uint_eq(o.heartbeat, 10);
    ck_assert_uint_eq(o.timeout, 20);
    repl_options_free(&o);
}
END_TEST

START_TEST(test_refusals_name_the_option)
{
    refuse("tls_cert=a", "go together");
    refuse("tls_cert=a;tls_ca=b", "go together");
    refuse("secret_file=a;tls_cert=b;tls_key=c;tls_ca=d", "exclude each other");
    refuse("peer=", "option 'peer'");
    refuse("peer=a:b:c", "option 'peer'");
    refuse("listen=nowhere", "option 'listen'");
    refuse("standby_writes=maybe", "standby_writes");
    parse("standby_writes=alone");
    ck_assert_uint_eq(o.standby_writes, STANDBY_WRITES_ALONE);
    repl_options_free(&o);
    refuse("on_conflict=fight", "on_conflict");
    refuse("journal=4095", "journal");
    refuse("journal=lots", "journal");
    refuse("dirty_bits=5", "dirty_bits");
    refuse("dirty_bits=31", "dirty_bits");
    refuse("heartbeat=9", "heartbeat");
    refuse("timeout=0", "timeout");
    refuse("heartbeat=1001", "at least twice 'heartbeat'");
    refuse("timeout=499", "at least twice 'heartbeat'");
}
END_TEST

START_TEST(test_what_is_not_known_is_passed_on)
{
    parse("cache_size=256m;peer=b;some\\;thing=a\\;b;item_size_max=2m;flag=on");
    ck_assert_ptr_nonnull(o.rest);
    ck_assert_ptr_nonnull(strstr(o.rest, "cache_size=256m"));
    ck_assert_ptr_nonnull(strstr(o.rest, "item_size_max=2m"));
    ck_assert_ptr_nonnull(strstr(o.rest, "a\\;b"));
    ck_assert_ptr_nonnull(strstr(o.rest, "flag=on"));
    ck_assert_ptr_null(strstr(o.rest, "peer"));
    ck_assert_uint_eq(o.memory, 256 << 20);
    ck_assert_uint_eq(o.item_max, 2 << 20);
    repl_options_free(&o);
}
END_TEST

/* If the wrapped engine will refuse a limit, it is the one to report that. */
START_TEST(test_limits_that_are_no_sizes)
{
    parse("cache_size=plenty;item_size_max=2m");
    ck_assert_str_eq(o.rest, "cache_size=plenty;item_size_max=2m");
    ck_assert_uint_eq(o.memory, 64 << 20);
    repl_options_free(&o);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_presets,
        test_each_option,
        test_refusals_name_the_option,
        test_what_is_not_known_is_passed_on,
        test_limits_that_are_no_sizes,
    };
    return unit_run("repl_options", tests, N_ELEMENTS(tests));
}
