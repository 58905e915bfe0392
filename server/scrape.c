#include "server/scrape.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server.h"
#include "server/stats.h"

enum { ROOM = 128 };

static struct sample *find(const struct scrape *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->of[i].name, name) == 0)
            return &f->of[i];
    }
    return NULL;
}

static struct sample *append(struct scrape *f)
{
    if (f->n == f->room) {
        struct sample *of = realloc(f->of, (f->room + ROOM) * sizeof(*of));
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
static void add(struct scrape *f, const char *name, size_t nname, const char *value,
                size_t nvalue)
{
    char key[sizeof(f->of->name)];
    snprintf(key, sizeof(key), "%.*s", (int)nname, name);
    struct sample *one = find(f, key);
    if (one == NULL)
        one = append(f);
    if (one == NULL)
        return;
    *one = (struct sample){ .help = "" };
    memcpy(one->name, key, sizeof(key));
    snprintf(one->value, sizeof(one->value), "%.*s", (int)nvalue, value);
}

static void add_own(void *context, const char *name, const char *value)
{
    add(context, name, strlen(name), value, strlen(value));
}

/* An engine hands the cookie through to this function, but may also look at it as at a
 * connection, which there is not. So the cookie is NULL, and this says who asks. */
static _Thread_local struct scrape *asking;

static void add_engines(const char *name, const uint16_t nname, const char *value,
                        const uint32_t nvalue, const void *cookie)
{
    (void)cookie;
    add(asking, name, nname, value, nvalue);
}

static void describe(void *context, const char *name, enum admin_stat kind,
                     const char *help)
{
    struct sample *one = find(context, name);
    if (one == NULL)
        return;
    one->is_known = true;
    one->kind = kind;
    one->help = help;
}

bool scrape_take(struct scrape *f, struct server *server)
{
    ENGINE_HANDLE_V1 *api = server->engine.api;
    ENGINE_HANDLE *handle = server->engine.handle;
    *f = (struct scrape){ 0 };
    asking = f;
    stats_each(server, add_own, f);
    api->get_stats(handle, NULL, NULL, 0, add_engines);
    api->get_stats(handle, NULL, "repl", 4, add_engines);
    stats_describe(describe, f);
    if (server->admin != NULL)
        server->admin->describe(handle, describe, f);
    return !f->failed;
}

void scrape_free(struct scrape *f)
{
    free(f->of);
    *f = (struct scrape){ 0 };
}

const char *scrape_find(const struct scrape *f, const char *name)
{
    const struct sample *one = find(f, name);
    return one != NULL ? one->value : NULL;
}

bool scrape_is_set(const struct scrape *f, const char *name)
{
    const char *value = scrape_find(f, name);
    return value != NULL && strcmp(value, "1") == 0;
}
