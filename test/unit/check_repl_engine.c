/*
 * The product's module, twice in this process, over the default store and real sockets on
 * the loopback: changes by clients of one node reach the other, and stay there when the
 * first one is gone. Both nodes are engines of one host, as modules in a server are. Long
 * because all tests need the pair, its ports and the helpers that wait for it.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <memcached/engine_meta.h>

#include "config.h"
#include "test/fake/client.h"
#include "test/unit/unit.h"

/* $DEADLINE_MS: shorter, for callers that expect failures (test/sim/mutants). */
static int deadline_ms(void)
{
    const char *text = getenv("DEADLINE_MS");
    return text != NULL ? atoi(text) : 30000;
}

#ifdef UNDER_SANITIZER
enum { CROWD_WRITES = 2000 };
#else
enum { CROWD_WRITES = 20000 };
#endif

static struct fake_host *host;
static const void *cookie;

static struct node {
    ENGINE_HANDLE_V1 *engine;
    unsigned port, peer;
} a, b;

/* ---- nodes */

/* The kernel chooses. The socket stays bound, without listening, until the test's process
 * ends: nobody else gets the port, and the engine may still listen on it. */
static unsigned free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    return ntohs(at.sin_port);
}

static void start_with(struct node *n, const char *more)
{
    char config[300];
    snprintf(config, sizeof(config),
             "listen=127.0.0.1:%u;peer=127.0.0.1:%u;dirty_bits=12;cache_size=16m;"
             "heartbeat=50;timeout=20000%s",
             n->port, n->peer, more);
    n->engine = fake_engine_load(host, "repl_engine.so", config);
    ck_assert_ptr_nonnull(n->engine);
}

static void start(struct node *n)
{
    start_with(n, "");
}

static void stop(struct node *n)
{
    if (n->engine != NULL)
        fake_engine_destroy(n->engine);
    n->engine = NULL;
}

static void setup(void)
{
    host = fake_host_create();
    cookie = fake_cookie_create(host);
    a.port = b.peer = free_port();
    b.port = a.peer = free_port();
}

static void teardown(void)
{
    stop(&a);
    stop(&b);
    fake_cookie_destroy(cookie);
    ck_assert_uint_eq(fake_host_cookies(host), 0);
    fake_host_destroy(host);
}

/* ---- polling */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t stat(const struct node *n, const char *name)
{
    return fake_stat_number(n->engine, cookie, "repl", name);
}

#define UNTIL(condition)                                                                 \
    do {                                                                                 \
        int64_t deadline = now_ms() + deadline_ms();                                     \
        while (!(condition)) {                                                           \
            ck_assert_msg(now_ms() < deadline, "timed out: %s", #condition);             \
            poll(NULL, 0, 1);                                                            \
        }                                                                                \
    } while (0)

static void until_in_sync(void)
{
    UNTIL(stat(&a, "repl_in_sync") == 1 && stat(&b, "repl_in_sync") == 1 &&
          stat(&a, "repl_at_risk") == 0 && stat(&b, "repl_at_risk") == 0);
}

/* a is active, b follows, in sync. */
static void link_up(void)
{
    start(&a);
    start(&b);
    ck_assert_int_eq(fake_set(a.engine, cookie, "first", "1"), ENGINE_SUCCESS);
    until_in_sync();
    ck_assert_uint_eq(stat(&a, "repl_active"), 1);
    ck_assert_uint_eq(stat(&b, "repl_active"), 0);
}

/* On a busy machine a node knows the other one's seconds less exactly, so an item may
 * expire a second earlier there. */
static bool is_near(rel_time_t x, rel_time_t y)
{
    return x == y || x + 1 == y || y + 1 == x;
}

static bool is_same(const char *key)
{
    struct fake_value x = { 0 }, y = { 0 };
    ENGINE_ERROR_CODE on_a = fake_get(a.engine, cookie, key, &x);
    ENGINE_ERROR_CODE on_b = fake_get(b.engine, cookie, key, &y);
    bool same = on_a == on_b;
    if (on_a == ENGINE_SUCCESS && on_b == ENGINE_SUCCESS)
        same = x.nbytes == y.nbytes && memcmp(x.bytes, y.bytes, x.nbytes) == 0 &&
               x.flags == y.flags && is_near(x.exptime, y.exptime) && x.cas == y.cas;
    if (on_a == ENGINE_SUCCESS)
        fake_value_fini(&x);
    if (on_b == ENGINE_SUCCESS)
        fake_value_fini(&y);
    return same;
}

/* The key has this value on a, and becomes the same on b: value, flags, TTL, CAS. */
static void arrives(const char *key, const char *value)
{
    ck_assert(fake_has(a.engine, cookie, key, value));
    UNTIL(is_same(key));
    ck_assert(fake_has(b.engine, cookie, key, value));
}

/* ---- each kind of change */

static void put(ENGINE_STORE_OPERATION op, const char *key, const char *value,
                uint64_t expected, uint64_t *cas)
{
    struct fake_store what = { .op = op,
                               .key = key,
                               .value = value,
                               .flags = 0xfedcba98,
                               .exptime = 1000,
                               .expected = expected };
    ck_assert_int_eq(fake_store(a.engine, cookie, &what, cas), ENGINE_SUCCESS);
}

START_TEST(test_stores_arrive)
{
    uint64_t cas;
    link_up();
    put(OPERATION_SET, "k", "set", 0, &cas);
    arrives("k", "set");
    put(OPERATION_REPLACE, "k", "replaced", 0, &cas);
    arrives("k", "replaced");
    put(OPERATION_APPEND, "k", "+", 0, &cas);
    arrives("k", "replaced+");
    put(OPERATION_PREPEND, "k", "-", 0, &cas);
    arrives("k", "-replaced+");
    put(OPERATION_CAS, "k", "cas", cas, &cas);
    arrives("k", "cas");
    put(OPERATION_ADD, "l", "added", 0, &cas);
    arrives("l", "added");
    put(OPERATION_SET, "empty", "", 0, &cas);
    arrives("empty", "");
    ck_assert_int_eq(fake_delete(a.engine, cookie, "k", 0), ENGINE_SUCCESS);
    arrives("k", NULL);
    until_in_sync();
    ck_assert_uint_eq(stat(&b, "repl_promotions"), 0);
}
END_TEST

START_TEST(test_arithmetic_arrives)
{
    struct fake_arith what = {
        .key = "n", .create = true, .initial = 10, .exptime = 500
    };
    uint64_t result, cas;
    link_up();
    ck_assert_int_eq(fake_arith(a.engine, cookie, &what, &result, &cas), ENGINE_SUCCESS);
    arrives("n", "10");
    what = (struct fake_arith){ .key = "n", .delta = 5 };
    ck_assert_int_eq(fake_arith(a.engine, cookie, &what, &result, &cas), ENGINE_SUCCESS);
    arrives("n", "15");
    what = (struct fake_arith){ .key = "n", .delta = 6, .decrement = true };
    ck_assert_int_eq(fake_arith(a.engine, cookie, &what, &result, &cas), ENGINE_SUCCESS);
    UNTIL(is_same("n"));
    ck_assert_uint_eq(result, 9);
}
END_TEST

START_TEST(test_touches_arrive)
{
    struct fake_value v;
    link_up();
    ck_assert_int_eq(fake_set(a.engine, cookie, "k", "v"), ENGINE_SUCCESS);
    arrives("k", "v");
    fake_touch(a.engine, cookie, "k", 300);
    arrives("k", "v");
    ck_assert_int_eq(fake_get(b.engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.exptime, fake_host_time(host) + 300);
    fake_value_fini(&v);
    fake_gat(a.engine, cookie, "k", 0, NULL);
    arrives("k", "v");
    UNTIL(is_same("k"));
    ck_assert_int_eq(fake_get(b.engine, cookie, "k", &v), ENGINE_SUCCESS);
    ck_assert_uint_eq(v.exptime, 0);
    fake_value_fini(&v);
}
END_TEST

static struct meta_get ask_meta(struct node *n, const char *key, bool yields)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)n->engine;
    const struct engine_meta *meta = engine_meta_of(n->engine->get_info(handle));
    struct meta_get g = { .yields = yields, .unread = true, .vivifies = !yields };
    item *it;
    ck_assert_ptr_nonnull(meta);
    if (meta->get(handle, cookie, &it, key, strlen(key), &g) == ENGINE_SUCCESS)
        n->engine->release(handle, cookie, it);
    return g;
}

static void invalidate(struct node *n, const char *key)
{
    ENGINE_HANDLE *handle = (ENGINE_HANDLE *)n->engine;
    const struct engine_meta *meta = engine_meta_of(n->engine->get_info(handle));
    struct meta_invalidate i = { .key = key, .nkey = strlen(key) };
    ck_assert_int_eq(meta->invalidate(handle, cookie, &i), ENGINE_SUCCESS);
}

#define MARKS(n, key) (ask_meta(n, key, true).was.marks)

/* To look at the standby does not make it active. */
START_TEST(test_marks_arrive)
{
    link_up();
    ck_assert(ask_meta(&a, "k", false).created);
    UNTIL(MARKS(&b, "k") == META_WON);
    invalidate(&a, "k");
    UNTIL(MARKS(&b, "k") == META_STALE);
    ck_assert(ask_meta(&a, "k", false).wins);
    UNTIL(MARKS(&b, "k") == (META_STALE | META_WON));
    ck_assert_uint_eq(stat(&b, "repl_active"), 0);
    stop(&a);
    ck_assert(!ask_meta(&b, "k", false).wins);
    invalidate(&b, "k");
    ck_assert(ask_meta(&b, "k", false).wins);
}
END_TEST

/* Checks the answer, and whether the peer was told of it. */
static void in_vain(ENGINE_ERROR_CODE rc, ENGINE_ERROR_CODE expected, bool told)
{
    static uint64_t shipped;
    ck_assert_int_eq(rc, expected);
    shipped = told ? shipped + 1 : stat(&a, "repl_shipped");
    UNTIL(stat(&a, "repl_shipped") == shipped && stat(&a, "repl_pending") == 0);
}

/* The peer is told of each answer that a key is absent, but of no other failure. */
START_TEST(test_absences_arrive)
{
    struct fake_store what = { .key = "k", .value = "v", .expected = 7 };
    const struct fake_arith incr = { .key = "n" },
                            decr = { .key = "m", .decrement = true };
    const ENGINE_STORE_OPERATION rows[] = { OPERATION_REPLACE, OPERATION_APPEND,
                                            OPERATION_PREPEND };
    uint64_t n;
    link_up();
    ck_assert_int_eq(fake_set(a.engine, cookie, "k", "v"), ENGINE_SUCCESS);
    until_in_sync();
    what.op = OPERATION_ADD;
    in_vain(fake_store(a.engine, cookie, &what, NULL), ENGINE_NOT_STORED, false);
    what.op = OPERATION_CAS;
    in_vain(fake_store(a.engine, cookie, &what, NULL), ENGINE_KEY_EEXISTS, false);
    what.key = "l";
    in_vain(fake_store(a.engine, cookie, &what, NULL), ENGINE_KEY_ENOENT, true);
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        what.op = rows[i];
        in_vain(fake_store(a.engine, cookie, &what, NULL), ENGINE_NOT_STORED, true);
    }
    in_vain(fake_arith(a.engine, cookie, &incr, &n, NULL), ENGINE_KEY_ENOENT, true);
    in_vain(fake_arith(a.engine, cookie, &decr, &n, NULL), ENGINE_KEY_ENOENT, true);
    in_vain(fake_touch(a.engine, cookie, "t", 10), ENGINE_KEY_ENOENT, true);
    in_vain(fake_gat(a.engine, cookie, "g", 10, NULL), ENGINE_KEY_ENOENT, true);
    ck_assert_uint_eq(stat(&b, "repl_promotions"), 0);
}
END_TEST

START_TEST(test_flush_arrives)
{
    link_up();
    ck_assert_int_eq(fake_set(a.engine, cookie, "k", "v"), ENGINE_SUCCESS);
    arrives("k", "v");
    ck_assert_int_eq(fake_flush(a.engine, cookie, 0), ENGINE_SUCCESS);
    arrives("k", NULL);
    until_in_sync();
    ck_assert_int_eq(fake_set(a.engine, cookie, "l", "v"), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_flush(a.engine, cookie, 10), ENGINE_SUCCESS);
    until_in_sync();
    arrives("l", "v");
    fake_host_advance(host, 11);
    arrives("l", NULL);
    UNTIL(stat(&a, "repl_in_sync") == 1 && stat(&a, "repl_dirty_buckets") == 0);
}
END_TEST

START_TEST(test_large_values_arrive)
{
    size_t n = 900000;
    char *value = malloc(n);
    struct fake_store what = { .op = OPERATION_SET, .key = "large", .value = value };
    link_up();
    for (size_t i = 0; i < n; i++)
        value[i] = (char)(i * 7 + i / 1000);
    for (what.nvalue = 2047; what.nvalue < n; what.nvalue = what.nvalue * 3 + 2) {
        ck_assert_int_eq(fake_store(a.engine, cookie, &what, NULL), ENGINE_SUCCESS);
        UNTIL(is_same("large"));
    }
    free(value);
}
END_TEST

/* ---- fail-over */

static void check_numbered(const struct node *n, unsigned from, unsigned to)
{
    char key[20];
    for (unsigned i = from; i < to; i++) {
        snprintf(key, sizeof(key), "key %u", i);
        ck_assert_msg(fake_has(n->engine, cookie, key, key), "%s", key);
    }
}

static void set_numbered(const struct node *n, unsigned from, unsigned to)
{
    char key[20];
    for (unsigned i = from; i < to; i++) {
        snprintf(key, sizeof(key), "key %u", i);
        ck_assert_int_eq(fake_set(n->engine, cookie, key, key), ENGINE_SUCCESS);
    }
}

START_TEST(test_the_standby_takes_over)
{
    struct fake_value before, after;
    link_up();
    set_numbered(&a, 0, 1000);
    ck_assert_int_eq(fake_get(a.engine, cookie, "key 7", &before), ENGINE_SUCCESS);
    stop(&a); /* it drains first */
    check_numbered(&b, 0, 1000);
    struct fake_store what = { .op = OPERATION_CAS, .key = "key 7", .value = "new" };
    what.expected = before.cas - 1;
    ck_assert_int_eq(fake_store(b.engine, cookie, &what, NULL), ENGINE_KEY_EEXISTS);
    what.expected = before.cas;
    ck_assert_int_eq(fake_store(b.engine, cookie, &what, NULL), ENGINE_SUCCESS);
    ck_assert_int_eq(fake_get(b.engine, cookie, "key 7", &after), ENGINE_SUCCESS);
    ck_assert_uint_gt(after.cas, before.cas);
    fake_value_fini(&before);
    fake_value_fini(&after);
    ck_assert_uint_eq(stat(&b, "repl_active"), 1);
}
END_TEST

START_TEST(test_the_old_active_comes_back)
{
    link_up();
    set_numbered(&a, 0, 1000);
    stop(&a);
    set_numbered(&b, 1000, 1200);
    start(&a);
    until_in_sync();
    ck_assert_uint_eq(stat(&a, "repl_active"), 0);
    check_numbered(&a, 0, 1200);
    set_numbered(&a, 1200, 1300); /* and becomes active again */
    until_in_sync();
    ck_assert_uint_eq(stat(&b, "repl_active"), 0);
    check_numbered(&b, 0, 1300);
}
END_TEST

START_TEST(test_a_standby_that_refuses_writes)
{
    char why[200] = "";
    start_with(&a, ";standby_writes=reject");
    ck_assert_int_eq(fake_set(a.engine, cookie, "k", "v"), ENGINE_TMPFAIL);
    size_t n = a.engine->errinfo(&a.engine->interface, cookie, why, sizeof(why));
    ck_assert_uint_lt(n, sizeof(why));
    ck_assert_ptr_nonnull(strstr(why, "standby"));
}
END_TEST

START_TEST(test_bad_options_are_explained)
{
    ENGINE_ERROR_CODE error;
    const char *const rows[] = { "peer=::1", "listen=no.such.address:1;peer=b",
                                 "nonsense=1", "engine=no_such_engine.so" };
    for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
        fake_host_log_clear(host);
        ck_assert_ptr_null(fake_engine_try(host, "repl_engine.so", rows[i], &error));
        ck_assert_int_ne(error, ENGINE_SUCCESS);
        ck_assert_msg(fake_host_logged(host, "replication: "), "%s", rows[i]);
    }
}
END_TEST

/* ---- many clients at once */

static void *write_a_lot(void *arg)
{
    const void *mine = fake_cookie_create(host);
    unsigned seed = *(unsigned *)arg;
    char key[20], value[40];
    for (unsigned i = 0; i < CROWD_WRITES; i++) {
        snprintf(key, sizeof(key), "key %d", rand_r(&seed) % 300);
        snprintf(value, sizeof(value), "%u by %u", i, *(unsigned *)arg);
        if (i % 7 == 3)
            fake_delete(a.engine, mine, key, 0);
        else
            fake_set(a.engine, mine, key, value);
    }
    fake_cookie_destroy(mine);
    return NULL;
}

static void crowd(const char *more)
{
    pthread_t threads[3];
    unsigned numbers[3] = { 1, 2, 3 };
    char key[20];
    start_with(&a, more);
    start_with(&b, more);
    for (unsigned i = 0; i < 3; i++)
        AZ(pthread_create(&threads[i], NULL, write_a_lot, &numbers[i]));
    for (unsigned i = 0; i < 3; i++)
        AZ(pthread_join(threads[i], NULL));
    until_in_sync();
    for (unsigned i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "key %u", i);
        ck_assert_msg(is_same(key), "%s", key);
    }
}

START_TEST(test_many_clients)
{
    crowd("");
}
END_TEST

START_TEST(test_many_clients_and_a_tiny_journal)
{
    crowd(";journal=4096");
    ck_assert_uint_gt(stat(&a, "repl_resyncs_partial") + stat(&a, "repl_resyncs_full"),
                      0);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_stores_arrive,
        test_arithmetic_arrives,
        test_touches_arrive,
        test_marks_arrive,
        test_absences_arrive,
        test_flush_arrives,
        test_large_values_arrive,
        test_the_standby_takes_over,
        test_the_old_active_comes_back,
        test_a_standby_that_refuses_writes,
        test_bad_options_are_explained,
        test_many_clients,
        test_many_clients_and_a_tiny_journal,
    };
    return unit_run_with("repl_engine", setup, teardown, tests, N_ELEMENTS(tests));
}
