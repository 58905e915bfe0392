/*
 * The commands of the control socket, one table row each. Their answers are lines
 * (repl/control.h). All functions run on the replication thread.
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

/* How many clients may want news, and how many may wait for something: for news, or for
 * the answer of one of the three jobs. */
enum { COMMAND_LISTENERS_MAX = 8, COMMAND_OWED_MAX = COMMAND_LISTENERS_MAX + 3 };

/* config->path is not used here. */
void commands_init(struct commands *c, struct repl_thread *thread,
                   const struct control_config *config);

/* Carry out a line and answer it. */
void command_run(struct command_client *client, const char *line);
/* Tell the client, if it wants news, that something that health depends on has
 * changed. */
void command_news(struct command_client *client);
/* Does the client wait for news, or for an answer? */
bool command_client_is_owed(const struct command_client *client);
/* Look at the jobs: report new steps, and end what takes too long. */
void commands_look(struct commands *c);
/* The client's connection ends: send it nothing more. */
void command_client_gone(struct command_client *client);

#endif
