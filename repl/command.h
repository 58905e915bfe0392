/*
 * The commands that the control socket takes, one table row each; their answers are lines
 * (repl/control.h). All on the replication thread.
 */
#ifndef REPL_COMMAND_H
#define REPL_COMMAND_H

#include <stdbool.h>

#include "repl/control_answer.h"
#include "repl/loop.h"
#include "repl/job.h"

struct commands {
    struct repl_thread *thread;
    struct control_config config;
    struct job handover, demotion, verify;
    unsigned listeners; /* clients that want news */
};

/* So many clients may be owed something: news, or the answer to a command that takes its
 * time. */
enum { COMMAND_LISTENERS_MAX = 8, COMMAND_OWED_MAX = COMMAND_LISTENERS_MAX + 3 };

/* The path in config is not used here. */
void commands_init(struct commands *c, struct repl_thread *thread,
                   const struct control_config *config);

/* Carry out a line and answer it. */
void command_run(struct command_client *client, const char *line);
/* What health goes by has changed: tell it, if it wants to know. */
void command_news(struct command_client *client);
/* Does it wait for news, or for an answer? */
bool command_client_is_owed(const struct command_client *client);
/* Look at commands that take their time: they may have come to another step, or go on for
 * long. */
void commands_look(struct commands *c);
/* Nothing may be answered to it any more. */
void command_client_gone(struct command_client *client);

#endif
