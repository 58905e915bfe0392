#include "config.h"
#include "server/engine_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "server/clock.h"
#include "server/connection.h"
#include "server/events.h"
#include "server/extensions.h"
#include "server/log.h"
#include "server/server.h"
#include "server/settings_stats.h"

static struct server *the_server;

/* ---- core ---- */

const char *server_api_version(void)
{
    return MEMCACHED_VERSION;
}

static uint32_t hash_bytes(const void *data, size_t size, uint32_t seed)
{
    return (uint32_t)XXH3_64bits_withSeed(data, size, seed);
}

void server_api_stop(void)
{
    uint64_t one = 1;
    if (write(the_server->stop_fd, &one, sizeof(one)) < 0)
        log_warning("cannot tell the main thread to shut down: %s; send SIGTERM",
                    strerror(errno));
}

static void append_setting(void *context, const char *name, const char *value)
{
    FILE *out = context;
    fprintf(out, "%s=", name);
    if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
        value = *value == 'y' ? "true" : "false";
    for (; *value != '\0'; value++) {
        if (*value == ';' || *value == '\\')
            fputc('\\', out);
        fputc(*value, out);
    }
    fputc(';', out);
}

/* Writes the settings as a configuration text and parses it for the caller's items. Names
 * that the caller did not ask for are not errors here. */
static bool get_config(struct config_item items[])
{
    char *text = NULL;
    size_t ntext = 0;
    FILE *out = open_memstream(&text, &ntext);
    if (out == NULL)
        return false;
    settings_each(&the_server->settings, append_setting, out);
    bool ok = fclose(out) == 0 && parse_config(text, items, NULL) >= 0;
    for (struct config_item *i = items; ok && i->key != NULL; i++)
        ok = i->found;
    free(text);
    return ok;
}

/* ---- statistics ---- */

/* Blocks for engines that keep the host's counters separately for each tenant. The host
 * counts by thread, and only provides the memory. */
static void *new_stats(void)
{
    return calloc(1, sizeof(struct thread_counters));
}

static void release_stats(void *stats)
{
    free(stats);
}

/* Engines count their evictions themselves. */
static void evicting(const void *cookie, const void *key, int nkey)
{
    (void)cookie;
    watchers_hear_key(&the_server->watch, key, (size_t)nkey);
}

/* ---- cookies ---- */

static int get_socket_fd(const void *cookie)
{
    return cookie != NULL ? connection_of(cookie)->fd : -1;
}

static void get_auth_data(const void *cookie, auth_data_t *data)
{
    (void)cookie;
    *data = (auth_data_t){ NULL, NULL };
}

static void store_engine_specific(const void *cookie, void *engine_data)
{
    if (cookie != NULL)
        connection_of(cookie)->engine_specific = engine_data;
}

static void *get_engine_specific(const void *cookie)
{
    return cookie != NULL ? connection_of(cookie)->engine_specific : NULL;
}

static void notify_io_complete(const void *cookie, ENGINE_ERROR_CODE status)
{
    if (cookie != NULL)
        connection_notify(connection_of(cookie), status);
}

static ENGINE_ERROR_CODE reserve_cookie(const void *cookie)
{
    if (cookie == NULL)
        return ENGINE_EINVAL;
    connection_reference(connection_of(cookie));
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE release_cookie(const void *cookie)
{
    if (cookie == NULL)
        return ENGINE_EINVAL;
    connection_release(connection_of(cookie));
    return ENGINE_SUCCESS;
}

/* ---- the table ---- */

void server_api_set_level(EXTENSION_LOG_LEVEL level)
{
    log_set_level(level);
    events_tell(ON_LOG_LEVEL, &level, NULL);
}

static SERVER_CORE_API core_api = { .get_current_time = clock_now,
                                    .realtime = clock_realtime,
                                    .abstime = clock_abstime,
                                    .server_version = server_api_version,
                                    .hash = hash_bytes,
                                    .parse_config = parse_config,
                                    .shutdown = server_api_stop,
                                    .get_config = get_config };
static SERVER_STAT_API stat_api = { .new_stats = new_stats,
                                    .release_stats = release_stats,
                                    .evicting = evicting };
static SERVER_COOKIE_API cookie_api = { .get_socket_fd = get_socket_fd,
                                        .get_auth_data = get_auth_data,
                                        .store_engine_specific = store_engine_specific,
                                        .get_engine_specific = get_engine_specific,
                                        .notify_io_complete = notify_io_complete,
                                        .reserve = reserve_cookie,
                                        .release = release_cookie };
static SERVER_EXTENSION_API extension_api = { .register_extension = extension_register,
                                              .unregister_extension =
                                                  extension_unregister,
                                              .get_extension = extension_get };
static SERVER_CALLBACK_API callback_api = { .register_callback = events_register,
                                            .perform_callbacks = events_tell };
static SERVER_LOG_API log_api = { .get_logger = log_get_logger,
                                  .get_level = log_get_level,
                                  .set_level = server_api_set_level };
static SERVER_HANDLE_V1 handle = { .interface = 1,
                                   .core = &core_api,
                                   .stat = &stat_api,
                                   .extension = &extension_api,
                                   .callback = &callback_api,
                                   .log = &log_api,
                                   .cookie = &cookie_api };

void server_api_init(struct server *server)
{
    the_server = server;
}

SERVER_HANDLE_V1 *server_api_get(void)
{
    if (the_server != NULL)
        handle.engine = the_server->engine.handle;
    return &handle;
}
