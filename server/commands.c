#include "server/commands.h"

#include <string.h>

#include "base/check.h"
#include "server/answer.h"
#include "server/arithmetic.h"
#include "server/detail.h"
#include "server/handlers.h"
#include "server/log.h"
#include "server/engine_api.h"
#include "server/meta.h"
#include "server/server.h"
#include "server/watch.h"
#include "server/watch_conns.h"

enum verdict command_refuse(struct connection *c)
{
    struct response res = { .outcome = c->parser.why };
    return command_answer(c, &res);
}

enum verdict command_run_delete(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct response res = { 0 };
    struct watch_sight sight;
    ENGINE_ERROR_CODE rc = command_take_status(c);
    watch_look_up(c, &sight);
    if (rc == ENGINE_SUCCESS)
        rc = w->api->remove(w->handle, c, req->key, req->nkey, command_expected(req),
                            req->vbucket);
    watch_deleted(c, rc, &sight);
    if (rc != ENGINE_EWOULDBLOCK)
        detail_note(c, PREFIX_DELETES, PREFIX_COUNTERS);
    if (rc == ENGINE_SUCCESS)
        count(&w->counters.delete_hits);
    else if (rc == ENGINE_KEY_ENOENT || (rc == ENGINE_KEY_EEXISTS && req->meta != NULL))
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

enum verdict command_run_arithmetic(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct response res = { 0 };
    struct watch_sight sight;
    ENGINE_ERROR_CODE rc = command_take_status(c);
    watch_look_up(c, &sight);
    if (rc == ENGINE_SUCCESS && (w->api->arithmetic == NULL || req->cas != 0))
        rc = command_arithmetic(c, &res);
    else if (rc == ENGINE_SUCCESS)
        rc = w->api->arithmetic(w->handle, c, req->key, req->nkey,
                                req->command == COMMAND_INCR, req->create, req->delta,
                                req->initial, command_exptime(req->exptime), &res.cas,
                                &res.number, req->vbucket);
    count_arithmetic(c, rc);
    if (rc == ENGINE_SUCCESS && req->create && sight.is_known && !sight.is_there)
        watch_created(c, res.number, req->exptime);
    if (rc == ENGINE_EINVAL)
        res.outcome = OUTCOME_NOT_A_NUMBER;
    return command_finish(c, rc, &res);
}

enum verdict command_run_flush(struct connection *c)
{
    struct worker *w = c->worker;
    struct response res = { 0 };
    ENGINE_ERROR_CODE rc = command_take_status(c);
    time_t when = c->req.exptime > 0 ? (time_t)command_exptime(c->req.exptime) : 0;
    if (w->server->settings.disable_flush_all) {
        res.outcome = OUTCOME_NO_FLUSH;
        return command_answer(c, &res);
    }
    if (rc == ENGINE_SUCCESS)
        rc = w->api->flush(w->handle, c, when);
    if (rc != ENGINE_EWOULDBLOCK)
        count(&w->counters.cmd_flush);
    return command_finish(c, rc, &res);
}

enum verdict command_run_verbosity(struct connection *c)
{
    struct response res = { 0 };
    server_api_set_level(log_level_of(c->req.verbosity));
    return command_answer(c, &res);
}

enum verdict command_run_version(struct connection *c)
{
    const char *version = server_api_version();
    struct response res = { .text = version, .ntext = (uint32_t)strlen(version) };
    return command_answer(c, &res);
}

enum verdict command_run_noop(struct connection *c)
{
    struct response res = { 0 };
    return command_answer(c, &res);
}

/* memcached's graceful shutdown saves a memory file first. Here each end is graceful. */
enum verdict command_run_shutdown(struct connection *c)
{
    const struct request *req = &c->req;
    struct response res = { 0 };
    bool known = req->nkey == 0 || (req->nkey == strlen("graceful") &&
                                    memcmp(req->key, "graceful", req->nkey) == 0);
    if (!c->worker->server->settings.enable_shutdown)
        res.outcome = OUTCOME_NO_SHUTDOWN;
    else if (!known)
        res.outcome = OUTCOME_BAD_SHUTDOWN;
    if (res.outcome != OUTCOME_OK)
        return command_answer(c, &res);
    log_info("a client has ordered the shutdown");
    server_api_stop();
    c->ends = ENDS_BY_SHUTDOWN;
    return VERDICT_QUIT;
}

enum verdict command_run_quit(struct connection *c)
{
    c->ends = ENDS_NORMALLY;
    return command_run_noop(c) == VERDICT_DONE ? VERDICT_QUIT : VERDICT_DROP;
}

typedef enum verdict (*command_handler)(struct connection *c);

static const command_handler handlers[] = {
#define COMMAND(NAME, handler, ...) [COMMAND_##NAME] = command_run_##handler,
#include "protocol/command_table.h"
};

enum verdict command_execute(struct connection *c)
{
    CHECK((unsigned)c->req.command < COMMAND_COUNT);
    if (__builtin_expect(c->req.meta != NULL, 0)) {
        command_handler special = meta_handler(c);
        return special != NULL ? special(c) : handlers[c->req.command](c);
    }
    return handlers[c->req.command](c);
}
