/* Scans of the wrapped engine, by its tap iterators. */
#include "engine/adapter_internal.h"

#include <stdlib.h>

struct repl_scan {
    struct own_cookie cookie;
    TAP_ITERATOR next;
    bool ended;
    item *met; /* an item that could not be looked at; shown next time */
};

/* memcached's own default engine gives ten iterators in its life. An engine with live
 * scans gives any number: if it refuses one, it is short of memory and is asked
 * again. */
static void complain_of_scans(struct adapter *a)
{
    const SERVER_LOG_API *log = a->server->log;
    if (a->wrapped->live_scan || a->scans_refused || log == NULL ||
        log->get_logger() == NULL)
        return;
    a->scans_refused = true;
    log->get_logger()->log(EXTENSION_LOG_WARNING, NULL,
                           "replication: the wrapped engine gives no more tap iterators, "
                           "so nothing can be copied to the peer: restart this node\n");
}

static bool wants(const void *wanted, uint64_t hash)
{
    return map_has(wanted, hash);
}

/* The engine may give all items, whatever is wanted. */
static TAP_ITERATOR get_iterator(struct adapter *a, struct own_cookie *cookie,
                                 const struct map *wanted)
{
    const struct engine_mirror *mirror = a->wrapped->mirror;
    struct engine_filter filter;
    if (mirror == NULL || wanted == NULL)
        return ENGINE(a)->get_tap_iterator(HANDLE(a), cookie, "replication", 11, 0, NULL,
                                           0);
    filter.bits = map_fold(wanted, ENGINE_FILTER_BITS_MAX, filter.words);
    filter.wants = wants;
    filter.context = wanted;
    return mirror->scan(HANDLE(a), cookie, &filter);
}

struct repl_scan *adapter_scan_begin(void *store, const struct map *wanted)
{
    struct adapter *a = store;
    if (a->scans > 0 && !a->wrapped->live_scan)
        return NULL; /* one at a time, in engines that do not promise more */
    struct repl_scan *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    own_cookie_init(&w->cookie);
    w->next = get_iterator(a, &w->cookie, wanted);
    if (w->next == NULL) {
        complain_of_scans(a);
        own_cookie_fini(&w->cookie, HANDLE(a));
        free(w);
        return NULL;
    }
    a->scans++;
    return w;
}

/* TAP_PAUSE means that there is nothing more now. A live scan says it if it is short of
 * memory; for other engines the scan is complete then. */
static enum repl_answer scan_step(struct adapter *a, struct repl_scan *w, item **it)
{
    void *specific;
    uint16_t nspecific, flags, vbucket;
    uint8_t ttl;
    uint32_t seqno;
    while (!w->ended) {
        switch (w->next(HANDLE(a), &w->cookie, it, &specific, &nspecific, &ttl, &flags,
                        &seqno, &vbucket)) {
        case TAP_MUTATION:
            return REPL_YES;
        case TAP_NOOP:
            return REPL_NOT_YET;
        case TAP_PAUSE:
            if (a->wrapped->live_scan)
                return REPL_UNKNOWN;
            w->ended = true;
            break;
        case TAP_DISCONNECT:
            w->ended = true;
            break;
        default:
            break;
        }
    }
    return REPL_NO;
}

/* Other engines' iterators also show expired and flushed items. The clock tells which
 * are expired. Only a look-up tells which are flushed; it is made only after a
 * flush_all, because it can move the item to where the iterator meets it again. */
static enum repl_answer is_live(struct adapter *a, item *it, const struct repl_item *out)
{
    item_info info = { .nvalue = 1 };
    struct repl_item found;
    if (a->wrapped->live_scan)
        return REPL_YES;
    if (ENGINE(a)->get_item_info(HANDLE(a), &a->cookie, it, &info) && info.exptime != 0 &&
        info.exptime <= a->server->core->get_current_time())
        return REPL_NO;
    if (!atomic_load(&a->flushed))
        return REPL_YES;
    enum repl_answer live = adapter_lookup(a, out->state.key, out->state.nkey, &found);
    if (live != REPL_YES)
        return live;
    adapter_release(a, found.item);
    return found.item == it ? REPL_YES : REPL_NO;
}

static enum repl_answer show(struct adapter *a, item *it, struct repl_item *out)
{
    if (!adapter_describe(a, it, out))
        return REPL_UNKNOWN;
    enum repl_answer live = is_live(a, it, out);
    if (live == REPL_YES)
        adapter_add_credit(a, out, true);
    return live;
}

enum repl_answer adapter_scan_next(void *store, struct repl_scan *w,
                                   struct repl_item *out)
{
    struct adapter *a = store;
    enum repl_answer next = REPL_YES, live = REPL_NO;
    while (live == REPL_NO) {
        if (w->met == NULL)
            next = scan_step(a, w, &w->met);
        if (next != REPL_YES)
            return next;
        live = show(a, w->met, out);
        if (live == REPL_NO)
            adapter_release(a, w->met);
        if (live != REPL_UNKNOWN)
            w->met = NULL;
    }
    return live;
}

void adapter_scan_end(void *store, struct repl_scan *w)
{
    struct adapter *a = store;
    item *it;
    /* Other engines keep a cursor in their lists, which only a scan to the end
     * removes. */
    if (w->met != NULL)
        adapter_release(a, w->met);
    while (!a->wrapped->live_scan && !w->ended) {
        if (scan_step(a, w, &it) == REPL_YES)
            adapter_release(a, it);
    }
    own_cookie_fini(&w->cookie, HANDLE(a));
    free(w);
    a->scans--;
}
