/*
 * The command handlers: each makes engine calls for c->req and queues an answer. They run
 * on the worker's thread.
 *
 * lookup.c has get, touch, and the opcodes that only the engine knows; set.c has the set
 * family; offer.c has the lines that only extensions know; command_stats.c has stats;
 * commands.c has the rest.
 *
 * If a handler returned VERDICT_PARK, it is called again with the same request after the
 * engine has notified the connection; after VERDICT_VALUE, when the value has come.
 */
#ifndef SERVER_HANDLERS_H
#define SERVER_HANDLERS_H

#include "server/connection.h"
#include "server/verdict.h"

#define COMMAND(NAME, handler, ...)                                                      \
    enum verdict command_run_##handler(struct connection *c);
#include "protocol/command_table.h"

#endif
