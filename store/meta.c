#include "store/meta.h"

#include "store/notes.h"
#include "store/seen.h"

static struct meta_facts facts_of(struct store *s, const struct item *it)
{
    return (struct meta_facts){
        .marks = (uint8_t)item_meta(it),
        .read = (item_mark(it) & MARK_FETCHED) != 0,
        .idle = seen_idle(item_seen(it), s->now()),
        .exptime = item_exptime(it),
        .size = (uint32_t)item_size(it),
    };
}

static bool is_about_to_expire(const struct meta_get *g)
{
    rel_time_t exptime = g->touches && g->touches_first ? g->exptime : g->was.exptime;
    return g->refreshes && exptime != 0 && exptime < g->deadline;
}

/* What mg does to an item that is there. True: this has raised its credit. */
static bool apply(struct store *s, struct item *it, struct meta_get *g)
{
    g->was = facts_of(s, it);
    g->wins = (g->was.marks & META_WON) == 0 &&
              ((g->was.marks & META_STALE) != 0 || is_about_to_expire(g));
    if (g->wins && g->yields)
        return false;
    if (g->wins)
        item_set_meta(it, g->was.marks | META_WON);
    if (g->touches)
        store_set_exptime(s, it, g->exptime);
    if (g->unread)
        return false;
    seen_note(s, it);
    return item_note_read(it);
}

/* Links the empty item that was made for a key that is absent. */
static bool vivify(struct store *s, struct spot *spot, struct item *fresh,
                   struct meta_get *g)
{
    if (!store_link(s, spot, fresh, g->marks | META_WON))
        return false;
    g->created = g->wins = true;
    g->was = facts_of(s, fresh);
    g->was.marks &= (uint8_t)~META_WON;
    if (!g->unread)
        item_note_read(fresh);
    return true;
}

/* One attempt. *it: the item, with a reference. ENGINE_WANT_MORE: the key is absent, and
 * is to be vivified with an item that there is not yet. */
static ENGINE_ERROR_CODE try(struct store *s, const void *key, size_t nkey,
                             struct meta_get *g, struct item *fresh, struct item **it)
{
    ENGINE_ERROR_CODE result = ENGINE_SUCCESS;
    struct spot spot;
    bool rose = false;
    store_lookup(s, &spot, store_hash(s, key, nkey), key, nkey);
    *it = spot.it != NULL ? spot.it : fresh;
    if (spot.it != NULL)
        rose = apply(s, spot.it, g);
    else if (!g->vivifies)
        result = ENGINE_KEY_ENOENT;
    else if (fresh == NULL)
        result = ENGINE_WANT_MORE;
    else if (!vivify(s, &spot, fresh, g))
        result = ENGINE_ENOMEM;
    if (result == ENGINE_SUCCESS)
        item_take_ref(*it);
    store_unlock(s, &spot);
    if (rose || (result == ENGINE_SUCCESS && !g->unread && notes_sample(s)))
        notes_tell_read(s, key, nkey);
    return result;
}

static ENGINE_ERROR_CODE meta_get(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                  const void *key, size_t nkey, struct meta_get *g)
{
    struct store *s = store_of(handle);
    struct item *found = NULL, *fresh = NULL;
    store_check_flush(s);
    ENGINE_ERROR_CODE result = try(s, key, nkey, g, NULL, &found);
    if (result == ENGINE_WANT_MORE) {
        result =
            store_allocate(s, cookie, &fresh, key, nkey, 0, 0, g->vivify_exptime, NULL);
        if (result == ENGINE_SUCCESS) {
            result = try(s, key, nkey, g, fresh, &found);
            store_release(s, fresh);
        }
    }
    *it = result == ENGINE_SUCCESS ? found : NULL;
    return result;
}

static ENGINE_ERROR_CODE meta_store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                                    uint64_t *cas, const struct meta_store *how)
{
    return store_update(store_of(handle), cookie, it, cas, how);
}

static void make_stale(struct store *s, struct item *it, struct meta_invalidate *i)
{
    unsigned marks = item_meta(it) & ~(unsigned)META_WON;
    if (i->touches)
        store_set_exptime(s, it, i->exptime);
    item_set_meta(it, marks | META_STALE);
    i->cas = store_next_cas(s);
    atomic_store_explicit(&it->cas, i->cas, memory_order_relaxed);
}

static ENGINE_ERROR_CODE meta_invalidate(ENGINE_HANDLE *handle, const void *cookie,
                                         struct meta_invalidate *i)
{
    struct store *s = store_of(handle);
    ENGINE_ERROR_CODE result = ENGINE_SUCCESS;
    struct spot spot;
    (void)cookie;
    store_check_flush(s);
    store_lookup(s, &spot, store_hash(s, i->key, i->nkey), i->key, i->nkey);
    if (spot.it == NULL)
        result = ENGINE_KEY_ENOENT;
    else if (i->expected != 0 && i->expected != item_cas(spot.it))
        result = ENGINE_KEY_EEXISTS;
    else
        make_stale(s, spot.it, i);
    store_unlock(s, &spot);
    return result;
}

static ENGINE_ERROR_CODE meta_arithmetic(ENGINE_HANDLE *handle, const void *cookie,
                                         struct meta_arithmetic *a)
{
    return store_arithmetic(store_of(handle), cookie, a);
}

const struct engine_meta meta_rows = {
    .name = ENGINE_META_NAME,
    .get = meta_get,
    .store = meta_store,
    .invalidate = meta_invalidate,
    .arithmetic = meta_arithmetic,
};
