/*
 * Jobs: commands that take some time, which are a handover, a demotion and a
 * comparison. The core carries a job out and says when it has made a step. job_look
 * runs then, and now and then besides: it reports to the client that asked, and ends a
 * job that takes too long. A job goes on when its client has gone.
 */
#ifndef REPL_JOB_H
#define REPL_JOB_H

#include <stdbool.h>
#include <stdint.h>

struct command_client;
struct repl_core;
struct job;

struct job_kind {
    /* Both with the core LOCKED. begin: returns NULL, or why it cannot begin. look:
     * reports what is new; false when the job has ended. */
    const char *(*begin)(struct repl_core *c);
    bool (*look)(struct job *job, struct repl_core *c);
};

extern const struct job_kind job_handover, job_demotion, job_verify;

struct job {
    const struct job_kind *kind;
    struct repl_core *core;
    bool under_way;
    struct command_client *client;
    unsigned state, round; /* as reported last */
    uint64_t since_us;     /* when it came to this state */
    uint64_t told_us;      /* when it was reported last */
};

void job_init(struct job *job, const struct job_kind *kind, struct repl_core *core);
/* Report a new step; end the job if it takes too long. No-op if it is not under way. */
void job_look(struct job *job);
void job_begin(struct job *job, struct command_client *client);

#endif
