/*
 * Commands that take their time: a handover, a demotion, a comparison. The core carries
 * them out; a timer looks at how far it is, tells whoever asked, and ends what takes too
 * long. It goes on when whoever asked has gone.
 */
#ifndef REPL_WATCH_H
#define REPL_WATCH_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct command_client;
struct repl_core;
struct watch;

struct errand {
    /* Both with the core LOCKED. begin: NULL, or why not. look: tell what is new; false
     * when it has ended. */
    const char *(*begin)(struct repl_core *c);
    bool (*look)(struct watch *w, struct repl_core *c);
};

extern const struct errand errand_handover, errand_demotion, errand_verify;

struct watch {
    const struct errand *errand;
    struct repl_core *core;
    struct event *timer;
    bool under_way;
    struct command_client *client;
    unsigned state, round; /* as last told */
    uint64_t since_us;     /* it is in this state */
    uint64_t told_us;
};

/* False if memory is out. */
bool watch_init(struct watch *w, const struct errand *errand, struct event_base *base,
                struct repl_core *core);
void watch_fini(struct watch *w);
/* Look at it now if memory was out for the timer. */
void watch_tick(struct watch *w);
void watch_begin(struct watch *w, struct command_client *client);

#endif
