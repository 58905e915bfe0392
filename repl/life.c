/* Creates, stops and destroys a core. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "repl/internal.h"

enum { MAPS = 9 };

enum { WHOLE_MAX = 1 << 20, CHUNK = 32 << 10 };

static struct map *map_of(struct repl_core *c, size_t number)
{
    struct map *const maps[MAPS] = { &c->dirty,   &c->in_flight, &c->missing,
                                     &c->written, &c->owed,      &c->refused,
                                     &c->purging, &c->spare,     &c->untold.map };
    return maps[number];
}

static bool maps_init(struct repl_core *c)
{
    bool ok = true;
    for (size_t i = 0; i < MAPS; i++)
        ok = map_init(map_of(c, i), c->config.map_bits) && ok;
    return ok;
}

void repl_core_warm_up(struct repl_core *c)
{
    for (size_t i = 0; i < MAPS; i++)
        map_prefault(map_of(c, i));
    known_prefault(&c->known);
    known_prefault(&c->arrived);
}

static void maps_fini(struct repl_core *c)
{
    for (size_t i = 0; i < MAPS; i++)
        map_fini(map_of(c, i));
}

/* Bytes of room for notices that are not acknowledged yet: a full store evicts as often
 * as clients change it. */
static size_t notices_bytes(size_t journal)
{
    enum { LEAST = 64 << 10, MOST = 64 << 20 };
    return journal < LEAST ? LEAST : journal > MOST ? MOST : journal;
}

bool repl_core_init(struct repl_core *c, const struct repl_config *config,
                    const struct repl_store_ops *store_ops, void *store,
                    const struct repl_port_ops *port_ops, void *port)
{
    memset(c, 0, sizeof(*c));
    c->magic = REPL_CORE_MAGIC;
    c->config = *config;
    if (c->config.whole_max == 0)
        c->config.whole_max = WHOLE_MAX;
    if (c->config.chunk == 0)
        c->config.chunk = CHUNK;
    c->side = SIDE_NONE;
    c->copy_rate.per_second = config->copy_rate;
    c->store_ops = store_ops;
    c->store = store;
    c->port_ops = port_ops;
    c->port = port;
    AZ(pthread_mutex_init(&c->lock, NULL));
    bool ok = gate_init(&c->gate);
    c->later = gate_add(&c->gate);
    ok = c->later != NULL && ok;
    ok = journal_init(&c->journal, config->journal_bytes) && ok;
    ok = journal_init(&c->notices, notices_bytes(config->journal_bytes)) && ok;
    ok = maps_init(c) && ok;
    ok = known_init(&c->known, config->map_bits) && ok;
    ok = known_init(&c->arrived, core_arrivals_bits(config->map_bits)) && ok;
    c->renew_at = MAP_END;
    ok = waiters_init(&c->waiters, config->fetch_wait_us, &config->requests,
                      &config->secret) &&
         ok;
    if (!ok)
        return false;
    map_fill(&c->missing); /* mutant: no-missing-map */
    repl_core_lock(c);
    core_refresh_flags(c);
    repl_core_unlock(c);
    return true;
}

struct repl_core *repl_core_create(const struct repl_config *config,
                                   const struct repl_store_ops *store_ops, void *store,
                                   const struct repl_port_ops *port_ops, void *port)
{
    struct repl_core *c = aligned_alloc(_Alignof(struct repl_core), sizeof(*c));
    if (c == NULL || repl_core_init(c, config, store_ops, store, port_ops, port))
        return c;
    repl_core_destroy(c);
    return NULL;
}

void repl_core_destroy(struct repl_core *c)
{
    repl_core_fini(c);
    free(c);
}

const struct repl_config *repl_core_config(const struct repl_core *c)
{
    return &c->config;
}

void repl_core_on_progress(struct repl_core *c, void (*progress)(void *context),
                           void *context)
{
    c->progress = progress;
    c->progress_context = context;
}

void repl_core_lock(struct repl_core *c)
{
    AZ(pthread_mutex_lock(&c->lock));
}

bool repl_core_trylock(struct repl_core *c)
{
    int error = pthread_mutex_trylock(&c->lock);
    CHECK(error == 0 || error == EBUSY);
    return error == 0;
}

void repl_core_unlock(struct repl_core *c)
{
    AZ(pthread_mutex_unlock(&c->lock));
}

void repl_core_stop(struct repl_core *c)
{
    CHECK_OBJ(c, REPL_CORE_MAGIC);
    purge_stop(c);
    resync_stop(c);
    stream_stop_all(c);
    half_drop_all(c);
    verify_stop(c, "this node shuts down");
}

void repl_core_fini(struct repl_core *c)
{
    repl_core_stop(c);
    verify_fini(c);
    waiters_fini(&c->waiters);
    known_fini(&c->known);
    known_fini(&c->arrived);
    maps_fini(c);
    journal_fini(&c->journal);
    journal_fini(&c->notices);
    gate_fini(&c->gate);
    AZ(pthread_mutex_destroy(&c->lock));
    c->magic = 0;
}
