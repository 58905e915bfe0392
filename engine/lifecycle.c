/* Starts a node from the options given with -e, and ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "engine/meta.h"
#include "engine/park.h"
#include "engine/repl_engine.h"

enum { DRAIN_MS = 5000 }; /* how long an orderly end waits for the peer */

static void engine_log(void *context, enum repl_log level, const char *text)
{
    static const EXTENSION_LOG_LEVEL levels[] = {
        [REPL_LOG_DEBUG] = EXTENSION_LOG_DEBUG,
        [REPL_LOG_INFO] = EXTENSION_LOG_INFO,
        [REPL_LOG_WARNING] = EXTENSION_LOG_WARNING,
    };
    const struct repl_engine *e = context;
    const SERVER_LOG_API *log = e->server->log;
    if (log == NULL) /* a host may have no log */
        return;
    EXTENSION_LOGGER_DESCRIPTOR *logger = log->get_logger();
    if (levels[level] >= log->get_level() && logger != NULL)
        logger->log(levels[level], NULL, "replication: %s\n", text);
}

static bool draw_secrets(struct repl_engine *e, struct repl_config *config)
{
    if (getrandom(config->run.bytes, sizeof(config->run.bytes), 0) ==
            (ssize_t)sizeof(config->run.bytes) &&
        siphash_draw(&config->secret))
        return true;
    snprintf(e->why, sizeof(e->why), "the kernel gives no random numbers");
    return false;
}

static bool make_core(struct repl_engine *e)
{
    const struct repl_options *o = &e->options;
    struct repl_config config = {
        .journal_bytes = o->journal,
        .map_bits = (unsigned)o->dirty_bits,
        .standby_writes = (enum repl_standby_writes)o->standby_writes,
        .lone_rejects = o->lone == LONE_REJECT,
        .keep_on_conflict = o->on_conflict == ON_CONFLICT_KEEP,
        .item_max = o->item_max,
        .memory = o->memory,
        .copy_rate = o->copy_rate,
        .times = { (uint32_t)o->heartbeat, (uint32_t)o->timeout },
        .fetch_wait_us = o->peer != NULL ? o->fetch_wait * 1000 : 0,
        .cold_wait_us = o->cold_wait * 1000,
        .requests = park_requests(e),
    };
    if (!draw_secrets(e, &config))
        return false;
    adapter_init(&e->adapter, &e->wrapped, e->server);
    e->adapter_made = true;
    e->core = repl_core_create(&config, &adapter_ops, &e->adapter, &repl_thread_port,
                               &e->thread);
    if (e->core == NULL) {
        snprintf(e->why, sizeof(e->why),
                 "out of memory for the journal (%llu bytes) and the maps (2^%u bits); "
                 "make 'journal' or 'dirty_bits' smaller",
                 (unsigned long long)o->journal, config.map_bits);
        return false;
    }
    park_subscribe(e);
    if (!shim_is_deaf())
        return true;
    snprintf(e->why, sizeof(e->why), "out of memory for the engine's callbacks");
    return false;
}

/* ---- what the store does on its own */

static void on_note(void *context, const struct engine_note *n)
{
    struct repl_engine *e = context;
    const struct link_note note = { .key = n->key,
                                    .nkey = n->nkey,
                                    .kind = n->kind,
                                    .credit = n->credit,
                                    .cas = n->cas };
    notice_take(e->core, &note);
}

static void on_evicted(void *context, const void *key, size_t nkey)
{
    const struct engine_note note = { .key = key,
                                      .nkey = (uint8_t)nkey,
                                      .kind = NOTE_EVICTED };
    if (nkey <= UINT8_MAX)
        on_note(context, &note);
}

static void subscribe_to_store(struct repl_engine *e)
{
    e->listener = (struct shim_listener){ on_evicted, e };
    if (e->wrapped.mirror == NULL)
        return;
    e->wrapped.mirror->filter_by(wrapped_handle(&e->wrapped), hash_key);
    e->wrapped.mirror->subscribe(wrapped_handle(&e->wrapped), on_note, e);
}

static void figures(void *context, control_emit emit, void *emit_context)
{
    repl_engine_figures(context, FIGURES_INNER, emit, emit_context);
}

/* Where mcreplctl looks by default: the system's folder, or for a user who may not write
 * there, the user's own. If neither can be used, making the socket fails and says so. */
static const char *default_control(struct repl_engine *e)
{
    const char *own = getenv("XDG_RUNTIME_DIR");
    mkdir(RUN_DIR, 0755);
    bool is_own = access(RUN_DIR, W_OK) != 0 && own != NULL && access(own, W_OK) == 0;
    snprintf(e->control, sizeof(e->control), "%s/%s-%u.sock", is_own ? own : RUN_DIR,
             is_own ? "mcd" : "repl", e->options.listen_at.port);
    return e->control;
}

static bool start_thread(struct repl_engine *e)
{
    const struct repl_options *o = &e->options;
    struct repl_thread_config config = {
        .peer = o->peer_at,
        .listen = o->listen_at,
        .peer_from = o->peers_from,
        .secure = { o->secret_file, o->tls_cert, o->tls_key, o->tls_ca },
        .control = { .path = o->control, .figures = figures, .context = e },
        .is_prompt = e->wrapped.mirror != NULL,
        .control_is_optional = o->control == NULL,
        .store_ops = &adapter_ops,
        .store = &e->adapter,
        .log = engine_log,
        .log_context = e,
    };
    if (o->control == NULL && o->peer != NULL && o->listen_at.port != 0)
        config.control.path = default_control(e);
    else if (o->control != NULL && strcmp(o->control, "off") == 0)
        config.control.path = NULL;
    repl_thread_init(&e->thread, e->core, &config);
    snprintf(e->thread.peer_text, sizeof(e->thread.peer_text), "%s",
             o->peer != NULL ? o->peer : "");
    if (o->peer == NULL) {
        engine_log(e, REPL_LOG_WARNING,
                   "off, because no peer is configured; give peer=HOST[:PORT] with -e");
        return true;
    }
    subscribe_to_store(e);
    if (!repl_thread_start(&e->thread, e->why, sizeof(e->why)))
        return false;
    if (!e->wrapped.cas_clock)
        engine_log(e, REPL_LOG_WARNING,
                   "the wrapped engine does not follow the peer's CAS numbers: after a "
                   "fail-over it may give the same CAS number twice; default_engine.so "
                   "does not do that");
    return true;
}

static void unmake(struct repl_engine *e, bool force)
{
    repl_thread_stop(&e->thread, force ? 0 : DRAIN_MS);
    shim_forget((ENGINE_HANDLE *)&e->api);
    if (e->core != NULL)
        repl_core_stop(e->core);
    if (e->adapter_made)
        adapter_fini(&e->adapter);
    wrapped_unload(&e->wrapped, force);
    if (e->core != NULL) /* only now: the wrapped engine's threads told it of evictions */
        repl_core_destroy(e->core);
    e->core = NULL;
    e->adapter_made = false;
    repl_options_free(&e->options);
}

/* What repl_engine does not know is passed on, so a slip of the pen arrives at an engine
 * that was not meant. */
static ENGINE_ERROR_CODE load_wrapped(struct repl_engine *e)
{
    const struct repl_options *o = &e->options;
    char why[sizeof(e->why)], hint[192];
    ENGINE_ERROR_CODE rc =
        wrapped_load(&e->wrapped, o->engine, o->rest, e->server, why, sizeof(why));
    repl_options_hint(o, hint, sizeof(hint));
    if (rc != ENGINE_SUCCESS)
        snprintf(e->why, sizeof(e->why), "%s%.*s", rc == ENGINE_EINVAL ? hint : "",
                 (int)(sizeof(e->why) - sizeof(hint)), why);
    return rc;
}

/* ENGINE_EINVAL: the options are wrong, so trying again is of no use. */
static ENGINE_ERROR_CODE start(struct repl_engine *e, const char *config)
{
    if (!repl_options_parse(&e->options, config, e->why, sizeof(e->why)))
        return ENGINE_EINVAL;
    ENGINE_ERROR_CODE rc = load_wrapped(e);
    if (rc == ENGINE_SUCCESS && !(make_core(e) && start_thread(e)))
        rc = ENGINE_FAILED;
    return rc;
}

/* The interface declares an array of one row, but it may have any number of rows. */
static void offer(struct repl_engine *e, uint32_t id, const char *description)
{
    feature_info feature = { .feature = id, .description = description };
    size_t at =
        offsetof(engine_info, features) + e->info.info.num_features++ * sizeof(feature);
    CHECK(at + sizeof(feature) <= sizeof(e->info));
    memcpy(e->info.room + at, &feature, sizeof(feature));
}

ENGINE_ERROR_CODE repl_engine_initialize(ENGINE_HANDLE *handle, const char *config)
{
    struct repl_engine *e = repl_engine_of(handle);
    CHECK_OBJ(e, REPL_ENGINE_MAGIC);
    ENGINE_ERROR_CODE rc = start(e, config);
    if (rc == ENGINE_SUCCESS) {
        if (e->wrapped.module.api->arithmetic == NULL)
            e->api.arithmetic = NULL; /* the host does it by get and store, through us */
        if (e->wrapped.admin != NULL)
            offer(e, ENGINE_FEATURE_ADMIN, repl_admin_rows.name);
        if (e->wrapped.meta != NULL)
            offer(e, ENGINE_FEATURE_META, repl_meta_rows.name);
        return rc;
    }
    engine_log(e, REPL_LOG_WARNING, e->why);
    unmake(e, true);
    return rc;
}

void repl_engine_destroy(ENGINE_HANDLE *handle, const bool force)
{
    struct repl_engine *e = repl_engine_of(handle);
    CHECK_OBJ(e, REPL_ENGINE_MAGIC);
    unmake(e, force);
    e->magic = 0;
    free(e);
}
