/*
 * Commands that take their time: a handover, a demotion, a comparison. The core carries
 * them out, and says when it has made a step; then, and now and then, they are looked at
 * here: whoever asked is told, and what takes too long is ended. They go on when whoever
 * asked has gone.
 */
#ifndef REPL_JOB_H
#define REPL_JOB_H

#include <stdbool.h>
#include <stdint.h>

struct command_client;
struct repl_core;
struct job;

struct job_kind {
    /* Both with the core LOCKED. begin: NULL, or why not. look: tell what is new; false
     * when it has ended. */
    const char *(*begin)(struct repl_core *c);
    bool (*look)(struct job *job, struct repl_core *c);
};

extern const struct job_kind job_handover, job_demotion, job_verify;

struct job {
    const struct job_kind *kind;
    struct repl_core *core;
    bool under_way;
    struct command_client *client;
    unsigned state, round; /* as last told */
    uint64_t since_us;     /* it is in this state */
    uint64_t told_us;
};

void job_init(struct job *job, const struct job_kind *kind, struct repl_core *core);
/* It may have made a step, or gone on for long. No-op if it is not under way. */
void job_look(struct job *job);
void job_begin(struct job *job, struct command_client *client);

#endif
