/*
 * Shared by the command handlers: turns engine results into responses, and responses
 * into bytes. Called on the worker's thread.
 */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "server/connection.h"
#include "server/verdict.h"

enum outcome command_outcome(ENGINE_ERROR_CODE rc);
/* The status of the notification that ended a wait. ENGINE_SUCCESS if there was no
 * notification: then the handler has to call the engine (again). */
ENGINE_ERROR_CODE command_take_status(struct connection *c);
/* Queues a whole answer, or the part that precedes the value. */
enum verdict command_answer(struct connection *c, const struct response *res);
/* The same, for an engine call that returns nothing but its code. */
enum verdict command_finish(struct connection *c, ENGINE_ERROR_CODE rc,
                            struct response *res);
/* The answer to a lookup that did not hit, and the end of a list after one that did. */
enum verdict command_finish_list(struct connection *c, enum outcome outcome);
/* Converts an expiry to the engine interface's 32 bits. A negative expiry on the wire
 * becomes a date long past. */
rel_time_t command_exptime(int64_t exptime);

/* The CAS that an item must have; 0: any. To meta commands 0 is a CAS that no item has.
 */
uint64_t command_expected(const struct request *req);

#endif
