/*
 * Commands that take their time: a handover, a demotion, a comparison. The core carries
 * them out, and says when it has made a step; then, and now and then, they are looked at
 * here: whoever asked is told, and what takes too long is ended. They go on when whoever
 * asked has gone.
 */
#ifndef REPL_WATCH_H
#define REPL_WATCH_H

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
    bool under_way;
    struct command_client *client;
    unsigned state, round; /* as last told */
    uint64_t since_us;     /* it is in this state */
    uint64_t told_us;
};

void watch_init(struct watch *w, const struct errand *errand, struct repl_core *core);
/* It may have made a step, or gone on for long. No-op if it is not under way. */
void watch_look(struct watch *w);
void watch_begin(struct watch *w, struct command_client *client);

#endif
