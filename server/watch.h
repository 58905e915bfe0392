/*
 * Tells watchers what commands do to items. Nobody watching: each of these is one branch.
 *
 * The answer to a get tells what it found. Other commands look a key up inside the
 * engine: what they find is asked of the engine before (`glance` of engine_admin.h), so a
 * change at the same moment may make it out of date; an engine without that extension
 * tells nothing, and then nothing is said.
 *
 * The worker of the connection.
 */
#ifndef SERVER_WATCH_H
#define SERVER_WATCH_H

#include "server/connection.h"

/* What a command is about to find. */
struct watch_sight {
    bool is_known, is_there;
    uint8_t clsid;
    uint32_t nbytes;
};

void watch_tell_get(struct connection *c, const item *it);
void watch_tell_look_up(struct connection *c, struct watch_sight *sight);
void watch_tell_new_value(struct connection *c);
void watch_tell_store(struct connection *c, ENGINE_ERROR_CODE rc);
void watch_tell_created(struct connection *c, uint64_t number, int64_t exptime);
void watch_tell_deleted(struct connection *c, const struct watch_sight *sight);

static inline bool watch_wants(const struct connection *c, unsigned words)
{
    return watch_feed_wants(&c->worker->feed, words);
}

/* A get; it: what it found, or NULL. */
static inline void watch_get(struct connection *c, const item *it)
{
    if (watch_wants(c, WATCH_FETCHERS))
        watch_tell_get(c, it);
}

/* Another command is about to look its key up. */
static inline void watch_look_up(struct connection *c, struct watch_sight *sight)
{
    sight->is_known = false;
    if (watch_wants(c, WATCH_FETCHERS | WATCH_MUTATIONS | WATCH_DELETIONS))
        watch_tell_look_up(c, sight);
}

/* The same for the item that is about to be stored. */
static inline void watch_new_value(struct connection *c)
{
    if (watch_wants(c, WATCH_FETCHERS))
        watch_tell_new_value(c);
}

/* What came of it, or of the attempt to get memory for it: then there is no item. */
static inline void watch_store(struct connection *c, ENGINE_ERROR_CODE rc)
{
    if (rc != ENGINE_EWOULDBLOCK && watch_wants(c, WATCH_MUTATIONS))
        watch_tell_store(c, rc);
}

/* incr or decr has made the item. */
static inline void watch_created(struct connection *c, uint64_t number, int64_t exptime)
{
    if (watch_wants(c, WATCH_MUTATIONS))
        watch_tell_created(c, number, exptime);
}

static inline void watch_deleted(struct connection *c, ENGINE_ERROR_CODE rc,
                                 const struct watch_sight *sight)
{
    if (rc == ENGINE_SUCCESS && watch_wants(c, WATCH_DELETIONS))
        watch_tell_deleted(c, sight);
}

#endif
