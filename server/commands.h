/*
 * Requests to engine calls, results to responses. One row a command. Worker thread.
 *
 * A handler is called anew with the same request when it answered VERDICT_PARK and the
 * engine has notified the connection.
 */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "server/connection.h"

enum verdict {
    VERDICT_DONE,    /* what there is to answer is queued */
    VERDICT_PARK,    /* the engine would block */
    VERDICT_VALUE,   /* c->item waits for its value */
    VERDICT_SWALLOW, /* the same, but the value that follows is to be dropped */
    VERDICT_QUIT,    /* close after what is queued has been sent */
    VERDICT_DROP     /* close at once */
};

/* c->req has been parsed; c->io is there. */
enum verdict command_execute(struct connection *c);
/* c->item is filled: store it. */
enum verdict command_store(struct connection *c);
/* The value did not end as it must. */
enum verdict command_bad_chunk(struct connection *c);
/* The codec refused the request in c->req. */
enum verdict command_refuse(struct connection *c);

void command_release_item(struct connection *c);
/* Output gives an item back; context is the connection. */
void command_release_sent(void *context, void *it);

/* ---- for the files that hold handlers ---- */

enum verdict command_run_get(struct connection *c);
enum verdict command_run_touch(struct connection *c);  /* touch and gat */
enum verdict command_run_engine(struct connection *c); /* opcodes of the engine's own */
enum verdict command_run_stats(struct connection *c);

/* The host's own arithmetic, for engines without, and for requests with a CAS. */
ENGINE_ERROR_CODE command_arithmetic(struct connection *c, struct response *res);

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

/* What an item holds; its value may be in several pieces. */
enum { ITEM_PIECES = 16 };
union item_view {
    item_info info;
    char room[sizeof(item_info) + (ITEM_PIECES - 1) * sizeof(struct iovec)];
};
bool command_view_item(struct connection *c, item *it, union item_view *view);

/* The pieces; the member is declared with room for one. */
static inline const struct iovec *command_pieces(const item_info *info)
{
    return info->value;
}

#endif
