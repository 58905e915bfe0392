/*
 * The background thread of a store. Every turn, or sooner when a worker asks:
 *
 *   free segments    kept in reserve, so that workers seldom reclaim themselves
 *   aged segments    sealed when nothing more comes for them
 *   due flush        fired; what a flush left is swept out of the table
 *   expired items    removed, for at most a hundredth of the time
 *   CAS              kept at or above the clock, once a second
 *   ghost table      sized after the number of items
 *   hash table       made smaller when it has become far too large for its items
 */
#include "store/store.h"

#include <time.h>

#include "base/check.h"

enum {
    TURN_MS = 100,
    EXPIRE_US = TURN_MS * 10,
    TURNS_A_SECOND = 1000 / TURN_MS,
    REFILL_MAX = 64,
    SHRINK_STEPS = 10000
};

static void keep_free_segments(struct store *s)
{
    for (int i = 0; i < REFILL_MAX && memory_available(&s->memory) <= s->memory.target;
         i++) {
        if (!store_reclaim(s, NULL))
            return;
    }
}

/* A walk must not lose sight of an item: none may begin within a step. */
static bool shrink_step(struct store *s)
{
    AZ(pthread_mutex_lock(&s->tap_lock));
    bool done = s->walks == NULL && table_shrink(&s->table);
    AZ(pthread_mutex_unlock(&s->tap_lock));
    return done;
}

/* From less than one and a half items a bucket to three: full ones hold seven. */
static void shrink_table(struct store *s)
{
    uint64_t items = store_count_items(s);
    uint32_t buckets = table_count(&s->table);
    s->maintenance.shrinking =
        s->maintenance.shrinking ? items < 3ull * buckets : 2 * items < 3ull * buckets;
    if (!s->maintenance.shrinking)
        return;
    AZ(pthread_mutex_lock(&s->sweep_lock));
    for (int i = 0; i < SHRINK_STEPS && shrink_step(s); i++)
        ;
    AZ(pthread_mutex_unlock(&s->sweep_lock));
}

static void turn(struct store *s)
{
    store_check_flush(s);
    store_sweep(s);
    keep_free_segments(s);
    memory_seal_aged(&s->memory);
    store_expire(s, EXPIRE_US);
    if (++s->maintenance.turns % TURNS_A_SECOND == 0)
        store_reclaim_parked(s);
    shrink_table(s);
    store_follow_clock(s);
    memory_charge(&s->memory, ghost_resize(&s->ghost, store_count_items(s)));
}

/* Sleep to the next turn. False: stop. */
static bool pause_turn(struct maintenance *m)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TURN_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    AZ(pthread_mutex_lock(&m->lock));
    while (!m->stop && !m->hurry) {
        if (pthread_cond_timedwait(&m->wake, &m->lock, &until) != 0)
            break;
    }
    bool go_on = !m->stop;
    m->hurry = false;
    AZ(pthread_mutex_unlock(&m->lock));
    return go_on;
}

static void *maintain(void *arg)
{
    struct store *s = arg;
    do
        turn(s);
    while (pause_turn(&s->maintenance));
    return NULL;
}

bool store_maintenance_start(struct store *s)
{
    struct maintenance *m = &s->maintenance;
    pthread_condattr_t attributes;
    AZ(pthread_mutex_init(&m->lock, NULL));
    AZ(pthread_condattr_init(&attributes));
    AZ(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    AZ(pthread_cond_init(&m->wake, &attributes));
    pthread_condattr_destroy(&attributes);
    m->started = true; /* the thread looks at it */
    if (pthread_create(&m->thread, NULL, maintain, s) != 0)
        m->started = false;
    return m->started;
}

void store_maintenance_stop(struct store *s)
{
    struct maintenance *m = &s->maintenance;
    if (!m->started)
        return;
    AZ(pthread_mutex_lock(&m->lock));
    m->stop = true;
    pthread_cond_signal(&m->wake);
    AZ(pthread_mutex_unlock(&m->lock));
    AZ(pthread_join(m->thread, NULL));
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    m->started = false;
}

void store_maintenance_wake(void *store)
{
    struct maintenance *m = &((struct store *)store)->maintenance;
    if (!m->started)
        return;
    AZ(pthread_mutex_lock(&m->lock));
    if (!m->hurry) {
        m->hurry = true;
        pthread_cond_signal(&m->wake);
    }
    AZ(pthread_mutex_unlock(&m->lock));
}
