#include "server/meta.h"

#include <string.h>

#include "server/answer.h"
#include "server/clock.h"
#include "server/handlers.h"
#include "server/lookup.h"
#include "server/watch.h"

static rel_time_t moment(int64_t exptime)
{
    return clock_realtime(command_exptime(exptime));
}

static bool is_store(const struct request *req)
{
    return req->command >= COMMAND_SET && req->command <= COMMAND_CAS;
}

static bool is_count(const struct request *req)
{
    return req->command == COMMAND_INCR || req->command == COMMAND_DECR;
}

static bool is_get(const struct request *req)
{
    return req->command == COMMAND_GET || req->command == COMMAND_GAT;
}

/* ---- mg */

static struct meta_get get_of(const struct meta *m)
{
    return (struct meta_get){
        .unread = m->unread,
        .vivifies = m->vivifies,
        .touches = m->touches,
        .refreshes = m->refreshes,
        .touches_first = m->touches_first,
        .marks = m->base64 ? META_BASE64 : 0,
        .exptime = moment(m->exptime),
        .vivify_exptime = moment(m->vivify_exptime),
        .deadline = moment(m->recache),
    };
}

/* The expiry that the client wants to see: it depends on the order of its flags. */
static rel_time_t shown_exptime(const struct meta *m, const struct meta_get *g)
{
    if (g->created)
        return moment(m->ttl_new);
    return m->touches && m->ttl_touched ? g->exptime : g->was.exptime;
}

static struct response response_of(const struct meta *m, const struct meta_get *g)
{
    return (struct response){ .ttl = clock_left(shown_exptime(m, g)),
                              .idle = g->was.idle,
                              .read = g->was.read,
                              .base64 = (g->was.marks & META_BASE64) != 0,
                              .stale = (g->was.marks & META_STALE) != 0,
                              .taken = (g->was.marks & META_WON) != 0,
                              .won = g->wins };
}

static void count_get(struct connection *c, bool hit)
{
    struct thread_counters *n = &c->worker->counters;
    bool touch = hit && c->req.meta->touches;
    count(touch ? &n->cmd_touch : &n->cmd_get);
    count(!hit ? &n->get_misses : touch ? &n->touch_hits : &n->get_hits);
}

static enum verdict run_get(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct meta_get g = get_of(req->meta);
    item *it = NULL;
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS)
        rc = w->meta->get(w->handle, c, &it, req->key, req->nkey, &g);
    if (rc == ENGINE_EWOULDBLOCK)
        return VERDICT_PARK;
    if (rc == ENGINE_DISCONNECT)
        return VERDICT_DROP;
    count_get(c, rc == ENGINE_SUCCESS);
    watch_get(c, rc == ENGINE_SUCCESS && !g.created ? it : NULL);
    if (rc != ENGINE_SUCCESS)
        return command_finish_list(c, command_outcome(rc));
    struct response res = response_of(req->meta, &g);
    return lookup_answer(c, it, &res);
}

/* ---- me */

static enum verdict answer_facts(struct connection *c, item *it,
                                 const struct meta_facts *facts)
{
    struct worker *w = c->worker;
    item_info info = { .nvalue = 1 };
    struct response res = { .ttl = clock_left(facts->exptime),
                            .idle = facts->idle,
                            .read = facts->read,
                            .base64 = (facts->marks & META_BASE64) != 0,
                            .number = facts->size };
    if (w->api->get_item_info(w->handle, c, it, &info))
        res.cas = info.cas;
    w->api->release(w->handle, c, it);
    return command_answer(c, &res);
}

static enum verdict run_debug(struct connection *c)
{
    struct worker *w = c->worker;
    struct meta_get g = { .unread = true, .yields = true };
    struct response res = { 0 };
    item *it = NULL;
    ENGINE_ERROR_CODE rc = command_take_status(c);
    if (rc == ENGINE_SUCCESS)
        rc = w->meta->get(w->handle, c, &it, c->req.key, c->req.nkey, &g);
    if (rc != ENGINE_EWOULDBLOCK)
        watch_get(c, rc == ENGINE_SUCCESS ? it : NULL);
    return rc == ENGINE_SUCCESS ? answer_facts(c, it, &g.was)
                                : command_finish(c, rc, &res);
}

/* ---- md with I */

static enum verdict run_invalidate(struct connection *c)
{
    const struct request *req = &c->req;
    struct worker *w = c->worker;
    struct response res = { 0 };
    struct meta_invalidate i = {
        .key = req->key,
        .nkey = req->nkey,
        .expected = command_expected(req),
        .touches = req->meta->touches,
        .exptime = moment(req->meta->exptime),
    };
    struct watch_sight unused;
    ENGINE_ERROR_CODE rc = command_take_status(c);
    watch_look_up(c, &unused);
    if (rc == ENGINE_SUCCESS)
        rc = w->meta->invalidate(w->handle, c, &i);
    if (rc == ENGINE_KEY_ENOENT || rc == ENGINE_KEY_EEXISTS)
        count(&w->counters.delete_misses);
    return command_finish(c, rc, &res);
}

/* ---- ma */

static struct meta_arithmetic arithmetic_of(const struct request *req)
{
    const struct meta *m = req->meta;
    return (struct meta_arithmetic){
        .key = req->key,
        .nkey = req->nkey,
        .increment = req->command == COMMAND_INCR,
        .create = m->vivifies,
        .touches = m->touches,
        .marks = m->base64 ? META_BASE64 : 0,
        .vivify_exptime = moment(m->vivify_exptime),
        .exptime = moment(m->exptime),
        .delta = req->delta,
        .initial = req->initial,
        .expected = req->cas,
    };
}

static void count_arithmetic(struct connection *c, ENGINE_ERROR_CODE rc, bool created)
{
    struct thread_counters *n = &c->worker->counters;
    bool up = c->req.command == COMMAND_INCR;
    if (rc == ENGINE_SUCCESS && !created)
        count(up ? &n->incr_hits : &n->decr_hits);
    else if (rc == ENGINE_KEY_ENOENT)
        count(up ? &n->incr_misses : &n->decr_misses);
}

static enum verdict run_arithmetic(struct connection *c)
{
    const struct meta *m = c->req.meta;
    struct worker *w = c->worker;
    struct meta_arithmetic a = arithmetic_of(&c->req);
    struct response res = { 0 };
    struct watch_sight unused;
    ENGINE_ERROR_CODE rc = command_take_status(c);
    watch_look_up(c, &unused);
    if (rc == ENGINE_SUCCESS)
        rc = w->meta->arithmetic(w->handle, c, &a);
    if (rc == ENGINE_SUCCESS && a.created)
        watch_created(c, a.number, m->vivify_exptime);
    count_arithmetic(c, rc, a.created);
    if (rc == ENGINE_EINVAL)
        res.outcome = OUTCOME_NOT_A_NUMBER;
    res.ttl = clock_left(a.created        ? moment(m->ttl_new)
                         : m->ttl_touched ? a.exptime
                                          : a.was);
    res.created = a.created && rc == ENGINE_SUCCESS;
    res.cas = a.cas;
    res.number = a.number;
    return command_finish(c, rc, &res);
}

/* ---- engines without the extension */

static bool needs_extension(const struct request *req)
{
    const struct meta *m = req->meta;
    if (is_get(req))
        return m->vivifies || m->refreshes || m->wants_facts;
    if (is_count(req))
        return m->touches || m->wants_ttl;
    return m->invalid; /* of md and ms */
}

static enum verdict refuse(struct connection *c)
{
    static const char why[] = "this storage engine does not offer what this needs: "
                              "default_engine.so does";
    struct response res = { .outcome = OUTCOME_NOT_SUPPORTED,
                            .text = why,
                            .ntext = sizeof(why) - 1 };
    enum verdict verdict = command_answer(c, &res);
    return verdict == VERDICT_DONE && is_store(&c->req) ? VERDICT_DISCARD : verdict;
}

enum verdict command_run_debug(struct connection *c)
{
    return c->worker->meta != NULL ? run_debug(c) : refuse(c);
}

enum verdict (*meta_handler(const struct connection *c))(struct connection *c)
{
    const struct request *req = &c->req;
    if (c->worker->meta == NULL)
        return needs_extension(req) ? refuse : NULL;
    if (is_get(req))
        return run_get;
    if (is_count(req))
        return run_arithmetic;
    return req->command == COMMAND_DELETE && req->meta->invalid ? run_invalidate : NULL;
}
