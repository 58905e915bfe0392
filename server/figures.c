#include "server/figures.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"
#include "server/stats.h"

enum { ROOM = 128 };

static struct figure *find(const struct figures *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->of[i].name, name) == 0)
            return &f->of[i];
    }
    return NULL;
}

static struct figure *append(struct figures *f)
{
    if (f->n == f->room) {
        struct figure *of = realloc(f->of, (f->room + ROOM) * sizeof(*of));
        if (of == NULL) {
            f->failed = true;
            return NULL;
        }
        f->of = of;
        f->room += ROOM;
    }
    return &f->of[f->n++];
}

/* Plain `stats` and `stats repl` share some. */
static void add(struct figures *f, const char *name, size_t nname, const char *value,
                size_t nvalue)
{
    char key[sizeof(f->of->name)];
    snprintf(key, sizeof(key), "%.*s", (int)nname, name);
    struct figure *one = find(f, key);
    if (one == NULL)
        one = append(f);
    if (one == NULL)
        return;
    *one = (struct figure){ .help = "" };
    memcpy(one->name, key, sizeof(key));
    snprintf(one->value, sizeof(one->value), "%.*s", (int)nvalue, value);
}

static void add_own(void *context, const char *name, const char *value)
{
    add(context, name, strlen(name), value, strlen(value));
}

/* An engine hands the cookie through to this function, but may also look at it as at a
 * connection, which there is not. So the cookie is NULL, and this says who asks. */
static _Thread_local struct figures *asking;

static void add_engines(const char *name, const uint16_t nname, const char *value,
                        const uint32_t nvalue, const void *cookie)
{
    (void)cookie;
    add(asking, name, nname, value, nvalue);
}

static void describe(void *context, const char *name, enum admin_stat kind,
                     const char *help)
{
    struct figure *one = find(context, name);
    if (one == NULL)
        return;
    one->is_known = true;
    one->kind = kind;
    one->help = help;
}

bool figures_take(struct figures *f, struct server *server)
{
    ENGINE_HANDLE_V1 *api = server->engine.api;
    ENGINE_HANDLE *handle = server->engine.handle;
    *f = (struct figures){ 0 };
    asking = f;
    stats_each(server, add_own, f);
    api->get_stats(handle, NULL, NULL, 0, add_engines);
    api->get_stats(handle, NULL, "repl", 4, add_engines);
    stats_describe(describe, f);
    if (server->admin != NULL)
        server->admin->describe(handle, describe, f);
    return !f->failed;
}

void figures_free(struct figures *f)
{
    free(f->of);
    *f = (struct figures){ 0 };
}

const char *figures_find(const struct figures *f, const char *name)
{
    const struct figure *one = find(f, name);
    return one != NULL ? one->value : NULL;
}

bool figures_is_set(const struct figures *f, const char *name)
{
    const char *value = figures_find(f, name);
    return value != NULL && strcmp(value, "1") == 0;
}
