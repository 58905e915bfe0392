/*
 * The set family: allocates the item, lets receive.c fill in the value, and stores the
 * item.
 */
#include "server/set.h"

#include <arpa/inet.h>

#include "server/answer.h"
#include "server/detail.h"
#include "server/handlers.h"
#include "server/receive.h"
#include "server/watch.h"

enum phase { PHASE_ALLOCATE, PHASE_REMOVE, PHASE_STORE };

static ENGINE_STORE_OPERATION store_operation(const struct request *req)
{
    switch (req->command) {
    case COMMAND_ADD:
        return OPERATION_ADD;
    case COMMAND_REPLACE:
        return OPERATION_REPLACE;
    case COMMAND_APPEND:
        return OPERATION_APPEND;
    case COMMAND_PREPEND:
        return OPERATION_PREPEND;
    case COMMAND_CAS:
        return OPERATION_CAS;
    default:
        return OPERATION_SET;
    }
}

/* No memory for the value. A set that fails must not leave the old value: the client
 * believes that it is gone. */
static enum verdict refuse_value(struct connection *c)
{
    struct worker *w = c->worker;
    struct response res = { .outcome = c->list_outcome };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS && c->req.command == COMMAND_SET)
        rc = w->api->remove(w->handle, c, c->req.key, c->req.nkey, 0, c->req.vbucket);
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    if (res.outcome == OUTCOME_TOO_LARGE)
        count(&w->counters.store_too_large);
    else if (res.outcome == OUTCOME_NO_MEMORY)
        count(&w->counters.store_no_memory);
    c->list_outcome = OUTCOME_OK;
    return command_answer(c, &res) == VERDICT_DONE ? VERDICT_DISCARD : VERDICT_DROP;
}

static void count_store(struct connection *c, ENGINE_ERROR_CODE rc)
{
    struct thread_counters *n = &c->worker->counters;
    count(&n->cmd_set);
    if (c->req.command == COMMAND_CAS) {
        if (rc == ENGINE_SUCCESS)
            count(&n->cas_hits);
        else if (rc == ENGINE_KEY_EEXISTS)
            count(&n->cas_badval);
        else if (rc == ENGINE_KEY_ENOENT)
            count(&n->cas_misses);
    }
    if (rc == ENGINE_ENOMEM)
        count(&n->store_no_memory);
    else if (rc == ENGINE_E2BIG)
        count(&n->store_too_large);
}

static ENGINE_ERROR_CODE store(struct connection *c, uint64_t *cas)
{
    const struct meta *m = c->req.meta;
    struct worker *w = c->worker;
    ENGINE_STORE_OPERATION operation = store_operation(&c->req);
    if (m == NULL || w->meta == NULL)
        return w->api->store(w->handle, c, c->value.item, cas, operation, c->req.vbucket);
    const struct meta_store how = { .operation = operation,
                                    .overdue = m->invalid,
                                    .marks = m->base64 ? META_BASE64 : 0 };
    return w->meta->store(w->handle, c, c->value.item, cas, &how);
}

static enum verdict store_value(struct connection *c)
{
    struct response res = { .cas = c->req.cas };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    watch_new_value(c);
    if (rc == ENGINE_SUCCESS)
        rc = store(c, &res.cas);
    watch_store(c, rc);
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    connection_release_value(c);
    count_store(c, rc);
    return command_finish(c, rc, &res);
}

enum verdict command_run_set(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    if (c->phase == PHASE_REMOVE)
        return refuse_value(c);
    if (c->phase == PHASE_STORE)
        return store_value(c);
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS)
        rc = w->api->allocate(w->handle, c, &c->value.item, req->key, req->nkey,
                              req->nvalue, (int)htonl(req->flags),
                              command_exptime(req->exptime));
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    detail_note(c, PREFIX_SETS, PREFIX_COUNTERS);
    if (rc == ENGINE_SUCCESS && receive_start(c)) {
        c->phase = PHASE_STORE;
        return VERDICT_VALUE;
    }
    connection_release_value(c);
    c->phase = PHASE_REMOVE;
    watch_store(c, rc);
    c->list_outcome = rc == ENGINE_SUCCESS ? OUTCOME_INTERNAL : command_outcome(rc);
    return refuse_value(c);
}

enum verdict command_bad_chunk(struct connection *c)
{
    struct response res = { .outcome = OUTCOME_BAD_CHUNK };
    connection_release_value(c);
    return command_answer(c, &res);
}
