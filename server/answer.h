/*
 * What handlers of commands have in common: results of the engine to responses, responses
 * to bytes. The worker's thread.
 */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "server/connection.h"
#include "server/verdict.h"

enum outcome command_outcome(ENGINE_ERROR_CODE rc);
/* The status of the notification that ended a wait; ENGINE_SUCCESS if there was none:
 * then the engine is to be called (again). */
ENGINE_ERROR_CODE command_take_status(struct connection *c);
/* Queue a whole answer, or what precedes the value. */
enum verdict command_answer(struct connection *c, const struct response *res);
/* The same, for a call without more results than its code. */
enum verdict command_finish(struct connection *c, ENGINE_ERROR_CODE rc,
                            struct response *res);
/* The answer to a lookup that was no hit, and the end of a list after one that was. */
enum verdict command_finish_list(struct connection *c, enum outcome outcome);
/* An expiry as the engine interface takes it: 32 bits, and what is negative on the
 * wire is a date long past. */
rel_time_t command_exptime(int64_t exptime);

#endif
