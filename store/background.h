/*
 * A thread that makes a turn every so often, and sooner when somebody wakes it.
 */
#ifndef STORE_BACKGROUND_H
#define STORE_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>

struct background {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned period_ms; /* below a second */
    void (*turn)(void *context);
    void *context;
    bool started; /* constant while the thread runs */
    bool stop, hurry;
};

/* The struct must be zeroed before. False: the system gives no thread. */
bool background_start(struct background *b, unsigned period_ms,
                      void (*turn)(void *context), void *context);
/* Wait for the end of its turn, and of the thread. Nothing happens if there is none. */
void background_stop(struct background *b);
/* Any thread; nothing happens if none was started. */
void background_wake(struct background *b);

#endif
