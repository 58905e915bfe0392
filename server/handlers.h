/*
 * The handlers of commands: c->req to engine calls and an answer. The worker's thread.
 *
 * lookup.c has get, touch, and what only the engine knows; set.c the set family;
 * command_stats.c stats; commands.c the rest.
 *
 * One is called anew with the same request when it answered VERDICT_PARK and the engine
 * has notified the connection.
 */
#ifndef SERVER_HANDLERS_H
#define SERVER_HANDLERS_H

#include "server/connection.h"
#include "server/verdict.h"

#define COMMAND(NAME, handler, ...)                                                      \
    enum verdict command_run_##handler(struct connection *c);
#include "protocol/command_table.h"

#endif
