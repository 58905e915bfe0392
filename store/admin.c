#include "store/admin.h"

#include <inttypes.h>

#include "store/instance.h"
#include "store/notes.h"

/* ---- scans: those of tap.c */

static bool admin_scan_begin(ENGINE_HANDLE *handle, const void *cookie)
{
    return store_scan_begin(store_of(handle), cookie, NULL) != NULL;
}

static tap_event_t admin_scan_next(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                   struct admin_facts *facts)
{
    struct item *found = NULL;
    tap_event_t event = store_scan_next(store_of(handle), cookie, &found);
    if (found != NULL)
        *facts = notes_glimpse(store_of(handle), found).facts;
    *it = found;
    return event;
}

static void admin_scan_end(ENGINE_HANDLE *handle, const void *cookie)
{
    store_scan_end(store_of(handle), cookie);
}

/* ---- single items, for a host's log */

static bool admin_glance(ENGINE_HANDLE *handle, const void *key, size_t nkey,
                         struct admin_glimpse *found)
{
    struct store *s = store_of(handle);
    struct item *it = store_peek(s, key, nkey);
    if (it == NULL)
        return false;
    *found = notes_glimpse(s, it);
    store_release(s, it);
    return true;
}

static void admin_watch(ENGINE_HANDLE *handle, admin_evicted evicted, void *context)
{
    struct store *s = store_of(handle);
    if (evicted != NULL)
        atomic_store(&s->evicted_context, context);
    atomic_store(&s->evicted, evicted);
}

/* ---- the limit */

/* As config.c requires at the start: two items of the largest size must fit. */
static bool admin_set_limit(ENGINE_HANDLE *handle, uint64_t bytes, char *why, size_t nwhy)
{
    struct store *s = store_of(handle);
    uint64_t least = 2 * s->config.item_size_max, most = store_limit_most(s);
    if (bytes < least || bytes > most) {
        snprintf(why, nwhy,
                 "the limit must be from %" PRIu64 "m to %" PRIu64
                 "m: two of the largest items must fit, and addresses were reserved when "
                 "mcd started",
                 (least + (1 << 20) - 1) >> 20, most >> 20);
        return false;
    }
    store_set_limit(s, (size_t)bytes);
    return true;
}

static void admin_describe_stats(ENGINE_HANDLE *handle, admin_describe take,
                                 void *context)
{
    (void)handle;
    store_describe_stats(take, context);
}

const struct engine_admin admin_rows = {
    .name = ENGINE_ADMIN_NAME,
    .scan_begin = admin_scan_begin,
    .scan_next = admin_scan_next,
    .scan_end = admin_scan_end,
    .glance = admin_glance,
    .watch = admin_watch,
    .set_limit = admin_set_limit,
    .describe = admin_describe_stats,
};
