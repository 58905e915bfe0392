#include "server/commands.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"
#include "server/clock.h"
#include "server/log.h"
#include "server/server_api.h"

enum outcome command_outcome(ENGINE_ERROR_CODE rc)
{
    static const enum outcome outcomes[] = {
        [ENGINE_SUCCESS] = OUTCOME_OK,
        [ENGINE_KEY_ENOENT] = OUTCOME_NOT_FOUND,
        [ENGINE_KEY_EEXISTS] = OUTCOME_EXISTS,
        [ENGINE_ENOMEM] = OUTCOME_NO_MEMORY,
        [ENGINE_NOT_STORED] = OUTCOME_NOT_STORED,
        [ENGINE_EINVAL] = OUTCOME_INVALID,
        [ENGINE_ENOTSUP] = OUTCOME_NOT_SUPPORTED,
        [ENGINE_EWOULDBLOCK] = OUTCOME_INTERNAL,
        [ENGINE_E2BIG] = OUTCOME_TOO_LARGE,
        [ENGINE_WANT_MORE] = OUTCOME_INTERNAL,
        [ENGINE_DISCONNECT] = OUTCOME_INTERNAL,
        [ENGINE_EACCESS] = OUTCOME_DENIED,
        [ENGINE_NOT_MY_VBUCKET] = OUTCOME_INTERNAL,
        [ENGINE_TMPFAIL] = OUTCOME_TEMPORARY,
        [ENGINE_ERANGE] = OUTCOME_INVALID,
    };
    return (size_t)rc < N_ELEMENTS(outcomes) ? outcomes[rc] : OUTCOME_INTERNAL;
}

ENGINE_ERROR_CODE command_take_status(struct connection *c)
{
    ENGINE_ERROR_CODE rc = c->status;
    c->status = ENGINE_SUCCESS;
    return rc;
}

rel_time_t command_exptime(int64_t exptime)
{
    if (exptime < 0)
        return CLOCK_RELATIVE_MAX + 1;
    return exptime > UINT32_MAX ? UINT32_MAX : (rel_time_t)exptime;
}

bool command_view_item(struct connection *c, item *it, union item_view *view)
{
    struct worker *w = c->worker;
    view->info.nvalue = ITEM_PIECES;
    return w->api->get_item_info(w->handle, c, it, &view->info);
}

void command_release_item(struct connection *c)
{
    if (c->item != NULL)
        c->worker->api->release(c->worker->handle, c, c->item);
    c->item = NULL;
}

void command_release_sent(void *context, void *it)
{
    struct connection *c = context;
    c->worker->api->release(c->worker->handle, c, it);
}

/* Only the engine knows why it cannot do a thing now. */
static void add_reason(struct connection *c, struct response *res, char *room,
                       size_t nroom)
{
    const struct worker *w = c->worker;
    if (w->api->errinfo == NULL)
        return;
    size_t n = w->api->errinfo(w->handle, c, room, nroom);
    if (n == 0 || n >= nroom || memchr(room, '\n', n) != NULL)
        return;
    res->text = room;
    res->ntext = (uint32_t)n;
}

enum verdict command_answer(struct connection *c, const struct response *response)
{
    static struct log_pace pace;
    struct response explained;
    char room[200];
    const struct response *res = response;
    if (response->outcome == OUTCOME_TEMPORARY && response->text == NULL) {
        explained = *response;
        add_reason(c, &explained, room, sizeof(room));
        res = &explained;
    }
    if (c->codec->compose_head(&c->req, res, &c->io->out.bytes))
        return VERDICT_DONE;
    log_warning_paced(&pace, "out of memory: a connection is closed without its answer");
    return VERDICT_DROP;
}

enum verdict command_finish(struct connection *c, ENGINE_ERROR_CODE rc,
                            struct response *res)
{
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    if (res->outcome == OUTCOME_OK)
        res->outcome = command_outcome(rc);
    return command_answer(c, res);
}

enum verdict command_refuse(struct connection *c)
{
    struct response res = { .outcome = c->parser.why };
    return command_answer(c, &res);
}

/* ---- the set family ---- */

enum phase { PHASE_ALLOCATE, PHASE_REMOVE };

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

/* No room for the value. A set that fails must not leave the old value behind: the
 * client believes that it is gone. */
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
    return command_answer(c, &res) == VERDICT_DONE ? VERDICT_SWALLOW : VERDICT_DROP;
}

/* Where the value goes: the first piece of the new item. */
static bool start_value(struct connection *c)
{
    union item_view view;
    struct worker *w = c->worker;
    if (!command_view_item(c, c->item, &view) || view.info.nbytes < c->req.nvalue)
        return false;
    w->api->item_set_cas(w->handle, c, c->item, c->req.cas);
    c->piece_index = 0;
    c->piece = view.info.nvalue > 0 ? view.info.value[0] : (struct iovec){ 0 };
    c->value_left = c->req.nvalue;
    return true;
}

static enum verdict run_set(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    if (c->phase == PHASE_REMOVE)
        return refuse_value(c);
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS)
        rc = w->api->allocate(w->handle, c, &c->item, req->key, req->nkey, req->nvalue,
                              (int)htonl(req->flags), command_exptime(req->exptime));
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    if (rc == ENGINE_SUCCESS && start_value(c))
        return VERDICT_VALUE;
    command_release_item(c);
    c->phase = PHASE_REMOVE;
    c->list_outcome = rc == ENGINE_SUCCESS ? OUTCOME_INTERNAL : command_outcome(rc);
    return refuse_value(c);
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

enum verdict command_store(struct connection *c)
{
    struct worker *w = c->worker;
    struct response res = { .cas = c->req.cas };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS)
        rc = w->api->store(w->handle, c, c->item, &res.cas, store_operation(&c->req),
                           c->req.vbucket);
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    command_release_item(c);
    count_store(c, rc);
    return command_finish(c, rc, &res);
}

enum verdict command_bad_chunk(struct connection *c)
{
    struct response res = { .outcome = OUTCOME_BAD_CHUNK };
    command_release_item(c);
    return command_answer(c, &res);
}

/* ---- the rest ---- */

static enum verdict run_delete(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct response res = { 0 };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS)
        rc = w->api->remove(w->handle, c, req->key, req->nkey, req->cas, req->vbucket);
    if (rc == ENGINE_SUCCESS)
        count(&w->counters.delete_hits);
    else if (rc == ENGINE_KEY_ENOENT)
        count(&w->counters.delete_misses);
    return command_finish(c, rc, &res);
}

static void count_arithmetic(struct connection *c, ENGINE_ERROR_CODE rc)
{
    struct thread_counters *n = &c->worker->counters;
    bool up = c->req.command == COMMAND_INCR;
    if (rc == ENGINE_SUCCESS)
        count(up ? &n->incr_hits : &n->decr_hits);
    else if (rc == ENGINE_KEY_ENOENT)
        count(up ? &n->incr_misses : &n->decr_misses);
}

static enum verdict run_arithmetic(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct response res = { 0 };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS && (w->api->arithmetic == NULL || req->cas != 0))
        rc = command_arithmetic(c, &res);
    else if (rc == ENGINE_SUCCESS)
        rc = w->api->arithmetic(w->handle, c, req->key, req->nkey,
                                req->command == COMMAND_INCR, req->create, req->delta,
                                req->initial, command_exptime(req->exptime), &res.cas,
                                &res.number, req->vbucket);
    count_arithmetic(c, rc);
    if (rc == ENGINE_EINVAL)
        res.outcome = OUTCOME_NOT_A_NUMBER;
    return command_finish(c, rc, &res);
}

static enum verdict run_flush(struct connection *c)
{
    struct worker *w = c->worker;
    struct response res = { 0 };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    time_t when = c->req.exptime > 0 ? (time_t)command_exptime(c->req.exptime) : 0;
    if (rc == ENGINE_SUCCESS)
        rc = w->api->flush(w->handle, c, when);
    if (rc != ENGINE_EWOULDBLOCK)
        count(&w->counters.cmd_flush);
    return command_finish(c, rc, &res);
}

static enum verdict run_verbosity(struct connection *c)
{
    struct response res = { 0 };
    server_api_set_level(log_level_of(c->req.verbosity));
    return command_answer(c, &res);
}

static enum verdict run_version(struct connection *c)
{
    const char *version = server_api_version();
    struct response res = { .text = version, .ntext = (uint32_t)strlen(version) };
    return command_answer(c, &res);
}

static enum verdict run_noop(struct connection *c)
{
    struct response res = { 0 };
    return command_answer(c, &res);
}

static enum verdict run_quit(struct connection *c)
{
    return run_noop(c) == VERDICT_DONE ? VERDICT_QUIT : VERDICT_DROP;
}

typedef enum verdict (*command_handler)(struct connection *c);

static const command_handler handlers[COMMAND_COUNT] = {
    [COMMAND_GET] = command_run_get,
    [COMMAND_GAT] = command_run_touch,
    [COMMAND_SET] = run_set,
    [COMMAND_ADD] = run_set,
    [COMMAND_REPLACE] = run_set,
    [COMMAND_APPEND] = run_set,
    [COMMAND_PREPEND] = run_set,
    [COMMAND_CAS] = run_set,
    [COMMAND_DELETE] = run_delete,
    [COMMAND_INCR] = run_arithmetic,
    [COMMAND_DECR] = run_arithmetic,
    [COMMAND_TOUCH] = command_run_touch,
    [COMMAND_FLUSH] = run_flush,
    [COMMAND_STATS] = command_run_stats,
    [COMMAND_VERBOSITY] = run_verbosity,
    [COMMAND_VERSION] = run_version,
    [COMMAND_NOOP] = run_noop,
    [COMMAND_QUIT] = run_quit,
    [COMMAND_ENGINE] = command_run_engine,
};

enum verdict command_execute(struct connection *c)
{
    CHECK((unsigned)c->req.command < COMMAND_COUNT);
    return handlers[c->req.command](c);
}
