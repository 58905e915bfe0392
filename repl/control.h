/*
 * The control socket of a node: a UNIX stream socket, mode 0660, served by the
 * replication thread. A request is a line "COMMAND\n"; the answer is any number of lines
 * "STAT NAME VALUE" or "STEP TEXT" and then one that ends it:
 *
 *   OK TEXT     done, or yes
 *   NO TEXT     a question's answer is no
 *   ERROR TEXT  not done, and why
 *
 * A connection may ask again and again, one request after the other. One that has asked
 * for news also gets a line "NEWS TEXT", between answers or in the middle of one,
 * whenever a role or the link has changed.
 *
 * There are places for 16. Who comes when all are taken gets that of the one that has
 * been silent for longest; but not of one that waits for news or for an answer. At most 8
 * are told news, so that a place can always be had.
 */
#ifndef REPL_CONTROL_H
#define REPL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "repl/loop.h"

/* Listen; the thread must have its event loop and not run yet. NULL: why holds the
 * reason, for the user. */
struct control *control_open(struct repl_thread *t, const struct control_config *config,
                             char *why, size_t nwhy);
/* A role or the link has changed. The thread's; control may be NULL. */
void control_news(struct control *control);
/* A handover or a comparison has made a step. The thread's, without the core lock;
 * control may be NULL. */
void control_progress(struct control *control);
/* Again what memory or descriptors were short for; now and then. The thread's, without
 * the core lock; control may be NULL. */
void control_tick(struct control *control);
/* Closes all connections and removes the socket. The thread must have ended. */
void control_close(struct control *control);

#endif
