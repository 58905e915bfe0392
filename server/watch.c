#include "server/watch.h"

#include "protocol/number.h"
#include "server/answer.h"
#include "server/clock.h"
#include "server/server.h"

static bool view_of(struct connection *c, const item *it, item_info *info)
{
    struct worker *w = c->worker;
    *info = (item_info){ .nvalue = 1 };
    return it != NULL && w->api->get_item_info(w->handle, c, it, info);
}

static void put(struct connection *c, struct watch_record *r, const void *key,
                size_t nkey)
{
    r->fd = c->fd;
    if (nkey <= KEY_MAX)
        watch_feed_put(&c->worker->feed, r, key, (uint8_t)nkey);
}

/* ---- look-ups */

static void put_look_up(struct connection *c, const void *key, size_t nkey, bool found,
                        const struct admin_glimpse *g)
{
    struct watch_record r = { .kind = WATCH_ITEM_GET,
                              .status = found ? "found" : "not_found",
                              .clsid = found ? g->clsid : 0,
                              .nbytes = found ? g->nbytes : 0 };
    if (watch_wants(c, WATCH_FETCHERS))
        put(c, &r, key, nkey);
}

void watch_tell_get(struct connection *c, const item *it)
{
    item_info info;
    bool found = view_of(c, it, &info);
    const struct admin_glimpse g = { .clsid = info.clsid, .nbytes = info.nbytes };
    put_look_up(c, c->req.key, c->req.nkey, found, &g);
}

static bool look(struct connection *c, const void *key, size_t nkey,
                 struct watch_sight *sight)
{
    const struct engine_admin *admin = c->worker->server->admin;
    struct admin_glimpse g = { 0 };
    if (admin == NULL)
        return false;
    bool found = admin->glance(c->worker->handle, key, nkey, &g);
    *sight = (struct watch_sight){ true, found, g.clsid, g.nbytes };
    put_look_up(c, key, nkey, found, &g);
    return true;
}

void watch_tell_look_up(struct connection *c, struct watch_sight *sight)
{
    look(c, c->req.key, c->req.nkey, sight);
}

void watch_tell_new_value(struct connection *c)
{
    struct watch_sight unused;
    item_info info;
    if (view_of(c, c->value.item, &info))
        look(c, info.key, info.nkey, &unused);
}

/* ---- stores */

static const char *status_of(ENGINE_ERROR_CODE rc, bool cas)
{
    switch (rc) {
    case ENGINE_SUCCESS:
        return "stored";
    case ENGINE_NOT_STORED:
        return "not_stored";
    case ENGINE_KEY_ENOENT:
        return cas ? "not_found" : "not_stored";
    case ENGINE_KEY_EEXISTS:
        return cas ? "exists" : "not_stored";
    case ENGINE_E2BIG:
        return "too_large";
    case ENGINE_ENOMEM:
        return "no_memory";
    default:
        return "refused"; /* by the engine, as by a standby */
    }
}

static bool names_cas(const struct request *req)
{
    return req->command == COMMAND_CAS || req->cas != 0 ||
           (req->meta != NULL && req->meta->has_cas);
}

static const char *command_of(const struct request *req)
{
    if (names_cas(req))
        return "cas";
    switch (req->command) {
    case COMMAND_ADD:
        return "add";
    case COMMAND_REPLACE:
        return "replace";
    case COMMAND_APPEND:
        return "append";
    case COMMAND_PREPEND:
        return "prepend";
    default:
        return "set";
    }
}

static int64_t ttl_of(int64_t exptime)
{
    rel_time_t when = clock_realtime(command_exptime(exptime));
    return when == 0 ? 0 : (int64_t)when - (int64_t)clock_now();
}

/* The bytes of the request may be gone when its value has come: the item has the key. */
void watch_tell_store(struct connection *c, ENGINE_ERROR_CODE rc)
{
    const struct request *req = &c->req;
    item_info info;
    bool has_item = view_of(c, c->value.item, &info);
    struct watch_record r = { .kind = WATCH_ITEM_STORE,
                              .status = status_of(rc, names_cas(req)),
                              .command = command_of(req),
                              .ttl = ttl_of(req->exptime),
                              .clsid = has_item ? info.clsid : 0,
                              .nbytes = req->nvalue };
    if (has_item)
        put(c, &r, info.key, info.nkey);
    else
        put(c, &r, req->key, req->nkey);
}

void watch_tell_created(struct connection *c, uint64_t number, int64_t exptime)
{
    char digits[24];
    struct watch_record r = {
        .kind = WATCH_ITEM_STORE,
        .status = "stored",
        .command = "add",
        .ttl = ttl_of(exptime),
        .nbytes = (uint32_t)(number_format(digits, number) - digits),
    };
    put(c, &r, c->req.key, c->req.nkey);
}

void watch_tell_deleted(struct connection *c, const struct watch_sight *sight)
{
    struct watch_record r = { .kind = WATCH_DELETED,
                              .command = c->req.meta != NULL ? "md" : "delete",
                              .clsid = sight->is_known ? sight->clsid : 0,
                              .nbytes = sight->is_known ? sight->nbytes : 0 };
    put(c, &r, c->req.key, c->req.nkey);
}
