/* Brackets of worker threads against exclusive sections, and the ownership of workers. */
#include "repl/gate.h"

#include "test/unit/unit.h"

enum { THREADS = 4, SECTIONS = 300 };

static struct gate g;

static void setup(void)
{
    ck_assert(gate_init(&g));
}

static void teardown(void)
{
    gate_fini(&g);
}

static unsigned count_workers(void)
{
    unsigned n = 0;
    for (const struct repl_worker *w = atomic_load(&g.workers); w != NULL; w = w->next)
        n++;
    return n;
}

START_TEST(test_flags_are_seen_in_brackets)
{
    struct repl_worker *w = gate_worker(&g);
    ck_assert_ptr_nonnull(w);
    ck_assert_ptr_eq(gate_worker(&g), w);
    ck_assert_uint_eq(gate_enter(&g, w), 0);
    gate_leave(w);
    gate_hold(&g);
    ck_assert_uint_eq(gate_flags(&g), GATE_HOLD);
    gate_release(&g, GATE_ACCEPTS | GATE_WRITTEN);
    ck_assert_uint_eq(gate_enter(&g, w), GATE_ACCEPTS | GATE_WRITTEN);
    gate_leave(w);
    ck_assert_uint_eq(gate_flags(&g), GATE_ACCEPTS | GATE_WRITTEN);
    ck_assert_uint_eq(count_workers(), 1);
}
END_TEST

START_TEST(test_two_gates_do_not_mix)
{
    struct gate other;
    ck_assert(gate_init(&other));
    struct repl_worker *w = gate_worker(&g), *o = gate_worker(&other);
    ck_assert_ptr_ne(w, o);
    gate_enter(&g, w);
    gate_hold(&other); /* does not wait for the other gate's bracket */
    gate_release(&other, 0);
    gate_leave(w);
    gate_fini(&other);
}
END_TEST

/* ---- several threads */

/* Plain variables: only the gate keeps the threads from accessing them at the same time,
 * and the thread sanitizer verifies that. */
static struct {
    unsigned generation;      /* written in exclusive sections */
    unsigned inside[THREADS]; /* each written by its thread, in brackets */
    atomic_uint entered;      /* brackets, of all threads */
    atomic_bool stop;
} shared;

struct visitor {
    unsigned number, wrong;
};

static void *visit(void *arg)
{
    struct visitor *v = arg;
    struct repl_worker *w = gate_worker(&g);
    AN(w != NULL);
    while (!atomic_load(&shared.stop)) {
        unsigned flags = gate_enter(&g, w);
        shared.inside[v->number] = 1;
        v->wrong += (flags & GATE_HOLD) != 0;
        v->wrong += ((flags & GATE_ACCEPTS) != 0) != (shared.generation % 2 == 1);
        v->wrong += (gate_flags(&g) & ~(unsigned)GATE_HOLD) != flags;
        shared.inside[v->number] = 0;
        gate_leave(w);
        atomic_fetch_add(&shared.entered, 1);
    }
    return NULL;
}

static unsigned section(void)
{
    unsigned wrong = 0;
    gate_hold(&g);
    for (unsigned t = 0; t < THREADS; t++)
        wrong += shared.inside[t];
    shared.generation++;
    gate_release(&g, shared.generation % 2 == 1 ? GATE_ACCEPTS : 0);
    return wrong;
}

static void run_visitors(void)
{
    pthread_t threads[THREADS];
    struct visitor visitors[THREADS];
    unsigned wrong = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        visitors[t] = (struct visitor){ .number = t };
        AZ(pthread_create(&threads[t], NULL, visit, &visitors[t]));
    }
    for (unsigned i = 0; i < SECTIONS; i++) {
        unsigned before = atomic_load(&shared.entered);
        wrong += section();
        while (atomic_load(&shared.entered) == before)
            sched_yield();
    }
    atomic_store(&shared.stop, true);
    for (unsigned t = 0; t < THREADS; t++) {
        AZ(pthread_join(threads[t], NULL));
        wrong += visitors[t].wrong;
    }
    ck_assert_uint_eq(wrong, 0);
}

START_TEST(test_brackets_and_exclusive_sections)
{
    run_visitors();
}
END_TEST

START_TEST(test_without_membarrier)
{
    g.has_membarrier = false;
    run_visitors();
}
END_TEST

/* ---- workers outlive their threads */

static void *note_worker(void *arg)
{
    struct repl_worker **w = arg;
    *w = gate_worker(&g);
    if (*w != NULL) {
        gate_enter(&g, *w);
        (*w)->noted++;
        gate_leave(*w);
    }
    return NULL;
}

START_TEST(test_a_new_thread_takes_over_an_idle_worker)
{
    struct repl_worker *mine = gate_worker(&g), *first = NULL, *next;
    pthread_t thread;
    for (unsigned i = 0; i < 20; i++) {
        AZ(pthread_create(&thread, NULL, note_worker, &next));
        AZ(pthread_join(thread, NULL));
        if (i == 0)
            first = next;
        ck_assert_ptr_nonnull(next);
        ck_assert_ptr_ne(next, mine);
        ck_assert_ptr_eq(next, first);
        ck_assert_uint_eq(next->noted, i + 1); /* as its previous thread left it */
        gate_hold(&g);
        gate_release(&g, 0);
    }
    ck_assert_uint_eq(count_workers(), 2);
}
END_TEST

static void *come_and_go(void *arg)
{
    struct repl_worker *w = gate_worker(&g);
    (void)arg;
    AN(w != NULL);
    for (unsigned i = 0; i < 50; i++) {
        gate_enter(&g, w);
        w->noted++; /* no other thread may have this worker now */
        gate_leave(w);
    }
    return NULL;
}

START_TEST(test_threads_come_and_go_during_sections)
{
    pthread_t threads[THREADS];
    unsigned total = 0;
    for (unsigned i = 0; i < 30; i++) {
        for (unsigned t = 0; t < THREADS; t++)
            AZ(pthread_create(&threads[t], NULL, come_and_go, NULL));
        section();
        for (unsigned t = 0; t < THREADS; t++)
            AZ(pthread_join(threads[t], NULL));
    }
    ck_assert_uint_le(count_workers(), THREADS);
    for (const struct repl_worker *w = atomic_load(&g.workers); w != NULL; w = w->next)
        total += w->noted;
    ck_assert_uint_eq(total, 30 * THREADS * 50);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_flags_are_seen_in_brackets,
        test_two_gates_do_not_mix,
        test_brackets_and_exclusive_sections,
        test_without_membarrier,
        test_a_new_thread_takes_over_an_idle_worker,
        test_threads_come_and_go_during_sections,
    };
    return unit_run_with("gate", setup, teardown, tests, N_ELEMENTS(tests));
}
