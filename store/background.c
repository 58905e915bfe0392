#include "store/background.h"

#include <time.h>

#include "base/check.h"

static void time_of_next_turn(const struct background *b, struct timespec *t)
{
    clock_gettime(CLOCK_MONOTONIC, t);
    t->tv_nsec += (long)b->period_ms * 1000000;
    if (t->tv_nsec >= 1000000000) {
        t->tv_sec++;
        t->tv_nsec -= 1000000000;
    }
}

/* Sleeps until the next turn. False: stop. */
static bool pause_turn(struct background *b)
{
    struct timespec until;
    time_of_next_turn(b, &until);
    AZ(pthread_mutex_lock(&b->lock));
    while (!b->stop && !b->hurry) {
        if (pthread_cond_timedwait(&b->wake, &b->lock, &until) != 0)
            break;
    }
    bool go_on = !b->stop;
    b->hurry = false;
    AZ(pthread_mutex_unlock(&b->lock));
    return go_on;
}

static void *run(void *arg)
{
    struct background *b = arg;
    do
        b->turn(b->context);
    while (pause_turn(b));
    return NULL;
}

bool background_start(struct background *b, unsigned period_ms,
                      void (*turn)(void *context), void *context)
{
    pthread_condattr_t attributes;
    b->period_ms = period_ms;
    b->turn = turn;
    b->context = context;
    AZ(pthread_mutex_init(&b->lock, NULL));
    AZ(pthread_condattr_init(&attributes));
    AZ(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    AZ(pthread_cond_init(&b->wake, &attributes));
    pthread_condattr_destroy(&attributes);
    b->started = true; /* the thread reads it */
    if (pthread_create(&b->thread, NULL, run, b) != 0)
        b->started = false;
    return b->started;
}

void background_stop(struct background *b)
{
    if (!b->started)
        return;
    AZ(pthread_mutex_lock(&b->lock));
    b->stop = true;
    pthread_cond_signal(&b->wake);
    AZ(pthread_mutex_unlock(&b->lock));
    AZ(pthread_join(b->thread, NULL));
    pthread_cond_destroy(&b->wake);
    pthread_mutex_destroy(&b->lock);
    b->started = false;
}

void background_wake(struct background *b)
{
    if (!b->started)
        return;
    AZ(pthread_mutex_lock(&b->lock));
    if (!b->hurry) {
        b->hurry = true;
        pthread_cond_signal(&b->wake);
    }
    AZ(pthread_mutex_unlock(&b->lock));
}
