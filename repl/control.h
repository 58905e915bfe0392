/*
 * The control socket of a node: a UNIX stream socket, mode 0660, served by the
 * replication thread. A request is a line "COMMAND\n". The answer is any number of
 * lines "STAT NAME VALUE" or "STEP TEXT", and then one of these lines, which ends it:
 *
 *   OK TEXT     done, or yes
 *   NO TEXT     the answer to a question is no
 *   ERROR TEXT  not done, and why
 *
 * A connection may send any number of requests, one after the other. A connection that
 * asked for news also gets a line "NEWS TEXT" whenever a role or the link has changed,
 * between answers or inside one.
 *
 * There is room for 16 connections. If all places are taken, a new connection gets the
 * place of the one that has been silent for longest, except of those that wait for news
 * or for an answer. At most 8 connections get news, so that a place can always be
 * freed.
 */
#ifndef REPL_CONTROL_H
#define REPL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "repl/loop.h"

/* Listen. The thread must have its event loop and must not run yet. NULL: why holds the
 * reason, for the user. */
struct control *control_open(struct repl_thread *t, const struct control_config *config,
                             char *why, size_t nwhy);
/* The next three: on the replication thread, the last two without the core lock;
 * control may be NULL. */
/* A role or the link has changed: tell the clients that want news. */
void control_news(struct control *control);
/* A handover or a comparison has made a step: report it. */
void control_progress(struct control *control);
/* Call now and then: accepts again after a shortage of memory or descriptors, and looks
 * at the jobs. */
void control_tick(struct control *control);
/* Close all connections and remove the socket. The thread must have ended. */
void control_close(struct control *control);

#endif
