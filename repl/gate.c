#include "repl/gate.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

#if defined(__SANITIZE_THREAD__)
enum { MEMBARRIER_IS_SEEN = 0 };
#else
enum { MEMBARRIER_IS_SEEN = 1 };
#endif

static int membarrier(int command)
{
    return (int)syscall(SYS_membarrier, command, 0, 0);
}

static bool membarrier_register(void)
{
    return MEMBARRIER_IS_SEEN &&
           membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

static void worker_thread_ended(void *arg)
{
    struct repl_worker *w = arg;
    atomic_store_explicit(&w->idle, true, memory_order_release);
}

bool gate_init(struct gate *g)
{
    atomic_init(&g->flags, 0);
    atomic_init(&g->workers, NULL);
    AZ(pthread_mutex_init(&g->hold, NULL));
    g->has_membarrier = membarrier_register();
    g->has_key = pthread_key_create(&g->key, worker_thread_ended) == 0;
    return g->has_key;
}

void gate_fini(struct gate *g)
{
    if (g->has_key)
        AZ(pthread_key_delete(g->key));
    AZ(pthread_mutex_destroy(&g->hold));
    struct repl_worker *w = atomic_load(&g->workers);
    while (w != NULL) {
        struct repl_worker *next = w->next;
        free(w);
        w = next;
    }
}

static struct repl_worker *worker_take_over(struct gate *g)
{
    struct repl_worker *w = atomic_load_explicit(&g->workers, memory_order_acquire);
    for (; w != NULL; w = w->next) {
        bool idle = true;
        if (atomic_compare_exchange_strong(&w->idle, &idle, false))
            return w;
    }
    return NULL;
}

struct repl_worker *gate_add(struct gate *g)
{
    struct repl_worker *w = aligned_alloc(_Alignof(struct repl_worker), sizeof(*w));
    if (w == NULL)
        return NULL;
    atomic_init(&w->open, 0);
    atomic_init(&w->idle, false);
    w->noted = 0;
    atomic_init(&w->overflows, 0);
    atomic_init(&w->absences, 0);
    atomic_init(&w->dirtied, 0);
    memset(w->absent, 0, sizeof(w->absent));
    ring_init(&w->ring);
    ring_init(&w->notices);
    atomic_init(&w->notices_lost, 0);
    atomic_init(&w->untold, 0);
    w->next = atomic_load(&g->workers);
    while (!atomic_compare_exchange_weak(&g->workers, &w->next, w))
        continue;
    return w;
}

struct repl_worker *gate_worker(struct gate *g)
{
    struct repl_worker *w = pthread_getspecific(g->key);
    if (__builtin_expect(w != NULL, 1))
        return w;
    w = worker_take_over(g);
    if (w == NULL)
        w = gate_add(g);
    if (w != NULL && pthread_setspecific(g->key, w) != 0) {
        atomic_store(&w->idle, true);
        return NULL;
    }
    return w;
}

unsigned gate_enter(struct gate *g, struct repl_worker *w)
{
    for (;;) {
        if (__builtin_expect(g->has_membarrier, 1)) {
            atomic_store_explicit(&w->open, 1, memory_order_relaxed);
            atomic_signal_fence(memory_order_seq_cst);
        } else {
            atomic_exchange(&w->open, 1);
        }
        unsigned flags = atomic_load(&g->flags);
        if (__builtin_expect(!(flags & GATE_HOLD), 1))
            return flags;
        gate_leave(w);
        AZ(pthread_mutex_lock(&g->hold));
        AZ(pthread_mutex_unlock(&g->hold));
    }
}

/* The quick command needs memory for a moment, and fails if there is none. The other
 * one takes longer and needs no memory. */
static void barrier_for_all(void)
{
    while (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 &&
           membarrier(MEMBARRIER_CMD_GLOBAL) != 0)
        sched_yield();
}

void gate_hold(struct gate *g)
{
    AZ(pthread_mutex_lock(&g->hold));
    atomic_fetch_or(&g->flags, GATE_HOLD);
    if (g->has_membarrier)
        barrier_for_all();
    struct repl_worker *w = atomic_load(&g->workers);
    for (; w != NULL; w = w->next) {
        while (atomic_load(&w->open) != 0)
            sched_yield();
    }
}

void gate_release(struct gate *g, unsigned flags)
{
    CHECK(!(flags & GATE_HOLD));
    atomic_store(&g->flags, flags);
    AZ(pthread_mutex_unlock(&g->hold));
}
