/*
 * repl_engine: a storage engine (interface version 1) that passes every call on to the
 * engine that it wraps, and records what clients change for the peer.
 *
 *   host -> repl_engine.c (vtable) -> wrapped engine
 *                |   change_begin/_record/_end
 *                v
 *            repl/ core  <-> repl/ thread <-> peer
 *                |   adapter.c
 *                v
 *           wrapped engine
 */
#ifndef ENGINE_REPL_ENGINE_H
#define ENGINE_REPL_ENGINE_H

#include <memcached/engine.h>

#include "base/metric.h"
#include "engine/adapter.h"
#include "engine/repl_options.h"
#include "engine/wrapped.h"
#include "repl/core.h"
#include "repl/thread.h"

enum { REPL_ENGINE_MAGIC = 0x72656e67 };

struct repl_engine {
    ENGINE_HANDLE_V1 api; /* first member: the host's handle points to it */
    unsigned magic;
    SERVER_HANDLE_V1 *server;
    struct repl_options options;
    struct wrapped wrapped;
    struct adapter adapter;
    struct repl_core *core; /* NULL until it is created */
    struct repl_thread thread;
    struct shim_listener listener; /* for evictions of engines that offer no mirror; empty
                                      without a peer */
    bool adapter_made;
    char control[108]; /* the control socket's path, if the options give none */
    char why[512];     /* why initialize failed, for errinfo */
    union {
        engine_info info;
        char room[sizeof(engine_info) + 2 * sizeof(feature_info)];
    } info;
};

static inline struct repl_engine *repl_engine_of(ENGINE_HANDLE *handle)
{
    return (struct repl_engine *)handle;
}

ENGINE_ERROR_CODE repl_engine_create(uint64_t interface, GET_SERVER_API get_server_api,
                                     ENGINE_HANDLE **handle);

/* lifecycle.c */
ENGINE_ERROR_CODE repl_engine_initialize(ENGINE_HANDLE *handle, const char *config);
void repl_engine_destroy(ENGINE_HANDLE *handle, const bool force);

/* admin.c: the wrapped engine's extension for operators, passed on */
extern const struct engine_admin repl_admin_rows;

/* stats.c: the figures of replication; the inner ones are for mcreplctl only */
enum repl_figures { FIGURES_BRIEF, FIGURES_ALL, FIGURES_INNER };

void repl_engine_figures(struct repl_engine *e, enum repl_figures which, metric_emit emit,
                         void *context);
/* The rows of `stats repl`, or only those that plain `stats` shows too. */
void repl_engine_stats(struct repl_engine *e, bool only_brief, ADD_STAT add_stat,
                       const void *cookie);
/* What these are. */
void repl_engine_describe(admin_describe take, void *context);

#endif
