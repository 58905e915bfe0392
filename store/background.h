/*
 * A thread that runs a function periodically, and earlier when it is woken.
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

/* The struct must be zeroed before. False: the system cannot create a thread. */
bool background_start(struct background *b, unsigned period_ms,
                      void (*turn)(void *context), void *context);
/* Waits until its turn has finished and the thread has ended. Does nothing if there is no
 * thread. */
void background_stop(struct background *b);
/* Any thread. Does nothing if no thread was started. */
void background_wake(struct background *b);

#endif
