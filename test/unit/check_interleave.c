/*
 * Interleavings of two threads. Each story stops one thread at a dangerous place, starts
 * the other one, and continues when that has either finished or is waiting; then it
 * checks the result.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "test/unit/core_rig.h"

enum { WAITS_MS = 100 }; /* a thread that has not finished after this time is waiting */

static struct repl_store_ops hooked;
static pthread_t other;
static atomic_bool came_through;
static unsigned hooks;

static void *finish(void)
{
    atomic_store(&came_through, true);
    return NULL;
}

static bool runs; /* true if this thread has started the other one */

static void await_other(void)
{
    if (runs)
        AZ(pthread_join(other, NULL));
    runs = false;
}

/* The time-out need not be long: only a wrong program finishes here at all. */
static void let_other_run(void *(*run)(void *))
{
    struct timespec now, end;
    atomic_store(&came_through, false);
    hooks++;
    AZ(pthread_create(&other, NULL, run, NULL));
    runs = true;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += WAITS_MS * 1000000;
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!atomic_load(&came_through) &&
             (now.tv_sec - end.tv_sec) * 1000000000 + now.tv_nsec - end.tv_nsec < 0);
}

static void hook(struct node *n)
{
    hooked = toy_store_ops;
    hooks = 0;
    n->core.store_ops = &hooked;
}

static void unhook(struct node *n)
{
    ck_assert_uint_eq(hooks, 1);
    await_other();
    n->core.store_ops = &toy_store_ops;
}

/* ---- R2: a change and its record are one bracket */

static void *take_next_message(void *arg)
{
    (void)arg;
    wire_deliver(&p.wire, 0, false);
    return finish();
}

static void promote_b_unheard(void)
{
    node_promote(b);
    wire_deliver(&p.wire, 0, false);         /* TAKEN */
    ck_assert(wire_has_message(&p.wire, 0)); /* its ROLE, for a to step down */
}

/* The map that a sends as it steps down includes the change in progress. */
START_TEST(test_a_step_down_waits_for_a_change)
{
    struct change ch;
    struct link_change c = { .key = "k", .nkey = 1, .value = "new", .nvalue = 3 };
    link_up();
    set(a, "k", "old");
    settle_in_sync();
    promote_b_unheard();
    ck_assert_int_eq(change_begin(&a->core, &ch, NULL, "k", 1), CHANGE_OK);
    let_other_run(take_next_message);
    ck_assert(a->core.active);
    toy_store_set(&a->store, &c);
    change_record(&a->core, &ch);
    change_end(&a->core, &ch);
    AZ(pthread_join(other, NULL));
    ck_assert(!a->core.active);
    settle_in_sync();
    both_have("k", "new");
}
END_TEST

/* ---- R4: no frame that was checked under the old role is stored under the new */

static void *write_at_b(void *arg)
{
    (void)arg;
    ck_assert_int_eq(node_set(b, "k", "of b's client"), CHANGE_OK);
    return finish();
}

static enum repl_answer put_beside_a_client(void *store, const struct link_change *c,
                                            void *made)
{
    if (hooks == 0 && c->nkey == 1 && memcmp(c->key, "k", 1) == 0)
        let_other_run(write_at_b);
    return toy_store_ops.put(store, c, made);
}

START_TEST(test_a_promotion_waits_for_a_frame)
{
    link_up();
    set(a, "k", "of a, late");
    hook(b);
    hooked.put = put_beside_a_client;
    while (hooks == 0) {
        node_work(a);
        ck_assert(wire_deliver(&p.wire, 1, false));
    }
    unhook(b);
    ck_assert(b->core.active);
    ck_assert(node_has(b, "k", "of b's client"));
    settle();
    ck_assert(!node_has(b, "k", "of a, late"));
}
END_TEST

/* ---- R12: a leader takes an item of a copy only if no client was there before it */

static sem_t may_append;

static void *delete_then_append(void *arg)
{
    (void)arg;
    ck_assert_int_eq(node_delete(a, "n"), CHANGE_OK);
    finish();
    AZ(sem_wait(&may_append));
    if (!node_has(a, "n", NULL))
        ck_assert_int_eq(node_set(a, "n", "old, appended to"), CHANGE_OK);
    return NULL;
}

/* The toy store is for one thread at a time, so the client runs when the gate is open
 * again. */
static enum repl_answer scan_after_the_client(void *store, struct repl_scan *scan,
                                              struct repl_item *out)
{
    await_other();
    return toy_store_ops.scan_next(store, scan, out);
}

static enum repl_answer lookup_after_the_client(void *store, const void *key, size_t nkey,
                                                struct repl_item *out)
{
    await_other();
    return toy_store_ops.lookup(store, key, nkey, out);
}

static enum repl_answer add_beside_a_client(void *store, const struct link_change *c,
                                            void *made)
{
    if (c->nkey != 1 || memcmp(c->key, "n", 1) != 0)
        return toy_store_ops.add(store, c, made);
    let_other_run(delete_then_append);
    enum repl_answer stored = toy_store_ops.add(store, c, made);
    AZ(sem_post(&may_append));
    return stored;
}

START_TEST(test_a_deleted_key_is_not_copied_back)
{
    AZ(sem_init(&may_append, 0, 0));
    set(a, "n", "old");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "x", "y");
    hook(a);
    hooked.add = add_beside_a_client;
    hooked.scan_next = scan_after_the_client;
    hooked.lookup = lookup_after_the_client;
    settle();
    unhook(a);
    settle_in_sync();
    both_have("n", NULL);
}
END_TEST

/* A run of items is stored as one: no client can act between the first and the last. */
static void *delete_m(void *arg)
{
    (void)arg;
    ck_assert_int_eq(node_delete(a, "m"), CHANGE_OK);
    return finish();
}

static enum repl_answer add_in_a_run(void *store, const struct link_change *c, void *made)
{
    if (c->nkey == 1 && memcmp(c->key, "n", 1) == 0)
        let_other_run(delete_m);
    ck_assert(hooks == 0 || !atomic_load(&came_through));
    return toy_store_ops.add(store, c, made);
}

START_TEST(test_a_run_is_one_bracket)
{
    const struct link_change run[] = {
        { .key = "n", .nkey = 1, .value = "old", .nvalue = 3 },
        { .key = "m", .nkey = 1, .value = "old", .nvalue = 3 },
    };
    set(a, "n", "old");
    set(a, "m", "old");
    settle_in_sync();
    node_crash(a);
    wire_lose(&p.wire, 1);
    node_start(a);
    set(a, "x", "y");
    wire_connect(&p.wire);
    while (!a->core.session.merged)
        one_round();
    hook(a);
    hooked.add = add_in_a_run;
    AZ(pthread_mutex_lock(&a->core.lock));
    ck_assert_ptr_null(repl_core_run(&a->core, LINK_FILL, run, N_ELEMENTS(run)));
    AZ(pthread_mutex_unlock(&a->core.lock));
    unhook(a);
    ck_assert(node_has(a, "n", "old") && node_has(a, "m", NULL));
    settle();
    both_have("m", NULL);
}
END_TEST

/* ---- R12: looking an item up and queueing it is one step */

static void *delete_at_a(void *arg)
{
    (void)arg;
    ck_assert_int_eq(node_delete(a, "n"), CHANGE_OK);
    return finish();
}

/* A client deletes the item that the scan of its part has just reached. */
static enum repl_answer next_beside_a_client(void *store, struct repl_scan *scan,
                                             struct repl_item *out)
{
    enum repl_answer found = toy_store_ops.scan_next(store, scan, out);
    if (found == REPL_YES && out->state.nkey == 1 &&
        memcmp(out->state.key, "n", 1) == 0 && hooks == 0 &&
        map_has(&a->core.in_flight, hash_key("n", 1)))
        let_other_run(delete_at_a);
    return found;
}

START_TEST(test_a_key_deleted_under_the_scan_stays_deleted)
{
    set(a, "n", "old");
    set_many(a, 0, 500, "v");
    hook(a);
    hooked.scan_next = next_beside_a_client;
    settle();
    unhook(a);
    settle_in_sync();
    both_have("n", NULL);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_step_down_waits_for_a_change,
        test_a_promotion_waits_for_a_frame,
        test_a_deleted_key_is_not_copied_back,
        test_a_run_is_one_bracket,
        test_a_key_deleted_under_the_scan_stays_deleted,
    };
    return unit_run_with("interleave", setup, teardown, tests, N_ELEMENTS(tests));
}
