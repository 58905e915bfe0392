/*
 * The meta commands are changes like others. mg is one only if it has an effect, so it
 * first looks what it would do:
 *
 *   look  --- nothing to change ----------------------------------> answer
 *     |
 *     +--- would win, touch or add --- bracket: do it, record ----> answer
 *                                         |
 *                                         +-- refused: no win ----> answer
 *
 * A win changes the item as a touch does. It is recorded, so that after a change of roles
 * nobody wins a second time what the peer knows to be won. A node that may not change
 * anything lets its clients read, and gives no wins: to them each such item is won.
 */
#include "engine/meta.h"

#include "engine/bracket.h"
#include "engine/fetch.h"

static const struct engine_meta *inner(const struct repl_engine *e)
{
    return e->wrapped.meta;
}

/* What a get would do, without doing more than a read. */
static ENGINE_ERROR_CODE look(struct repl_engine *e, const void *cookie, item **it,
                              const void *key, size_t nkey, struct meta_get *g)
{
    struct meta_get reads = *g;
    reads.yields = true;
    reads.vivifies = reads.touches = false;
    if (!change_before_read(e->core, key, nkey))
        return ENGINE_KEY_ENOENT;
    ENGINE_ERROR_CODE rc = inner(e)->get(HANDLE(e), cookie, it, key, nkey, &reads);
    g->was = reads.was;
    g->wins = reads.wins;
    return rc;
}

static void record_get(struct repl_engine *e, struct change *ch, const void *cookie,
                       const item *it, const struct meta_get *g)
{
    item_info info = { .nvalue = 1 };
    if (g->created || !INNER(e)->get_item_info(HANDLE(e), cookie, it, &info))
        change_record(e->core, ch);
    else if (g->touches || g->wins) /* mutant: wins-unrecorded */
        bracket_record_touch(e, ch, info.cas);
}

static ENGINE_ERROR_CODE change(struct repl_engine *e, const void *cookie, item **it,
                                const void *key, size_t nkey, struct meta_get *g)
{
    struct change ch;
    enum change_result r = change_begin(e->core, &ch, cookie, key, nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    bracket_expect_evictions(e);
    ENGINE_ERROR_CODE rc = inner(e)->get(HANDLE(e), cookie, it, key, nkey, g);
    if (rc == ENGINE_SUCCESS)
        record_get(e, &ch, cookie, *it, g);
    else if (rc == ENGINE_KEY_ENOENT)
        change_record_absence(e->core, &ch);
    change_end(e->core, &ch);
    return rc;
}

/* The item is there to be read. *it is the one that was found by looking. */
static ENGINE_ERROR_CODE get_found(struct repl_engine *e, const void *cookie, item **it,
                                   const void *key, size_t nkey, struct meta_get *g)
{
    item *found = *it;
    if (!g->wins || g->yields)
        return ENGINE_SUCCESS;
    ENGINE_ERROR_CODE rc = change(e, cookie, it, key, nkey, g);
    if (rc == ENGINE_TMPFAIL) { /* refused */
        *it = found;
        g->wins = false;
        g->was.marks |= META_WON;
        return ENGINE_SUCCESS;
    }
    INNER(e)->release(HANDLE(e), cookie, found);
    return rc;
}

static ENGINE_ERROR_CODE meta_get(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                  const void *key, size_t nkey, struct meta_get *g)
{
    struct repl_engine *e = repl_engine_of(handle);
    if (g->touches)
        return fetch_parks_absent(e, cookie, key, nkey)
                   ? ENGINE_EWOULDBLOCK
                   : change(e, cookie, it, key, nkey, g);
    ENGINE_ERROR_CODE rc = look(e, cookie, it, key, nkey, g);
    if (rc == ENGINE_SUCCESS)
        return get_found(e, cookie, it, key, nkey, g);
    if (rc == ENGINE_KEY_ENOENT && fetch_parks(e, cookie, key, nkey))
        return ENGINE_EWOULDBLOCK;
    return rc == ENGINE_KEY_ENOENT && g->vivifies ? change(e, cookie, it, key, nkey, g)
                                                  : rc;
}

static ENGINE_ERROR_CODE meta_store(ENGINE_HANDLE *handle, const void *cookie, item *it,
                                    uint64_t *cas, const struct meta_store *how)
{
    return bracket_store(repl_engine_of(handle), cookie, it, cas, how, 0);
}

static ENGINE_ERROR_CODE meta_invalidate(ENGINE_HANDLE *handle, const void *cookie,
                                         struct meta_invalidate *i)
{
    struct repl_engine *e = repl_engine_of(handle);
    struct change ch;
    if (fetch_parks_absent(e, cookie, i->key, i->nkey))
        return ENGINE_EWOULDBLOCK;
    enum change_result r = change_begin(e->core, &ch, cookie, i->key, i->nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    ENGINE_ERROR_CODE rc = inner(e)->invalidate(HANDLE(e), cookie, i);
    return bracket_end(e, &ch, rc);
}

static ENGINE_ERROR_CODE meta_arithmetic(ENGINE_HANDLE *handle, const void *cookie,
                                         struct meta_arithmetic *a)
{
    struct repl_engine *e = repl_engine_of(handle);
    struct change ch;
    if (fetch_parks_absent(e, cookie, a->key, a->nkey))
        return ENGINE_EWOULDBLOCK;
    enum change_result r = change_begin(e->core, &ch, cookie, a->key, a->nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    bracket_expect_evictions(e);
    ENGINE_ERROR_CODE rc = inner(e)->arithmetic(HANDLE(e), cookie, a);
    return bracket_end(e, &ch, rc);
}

const struct engine_meta repl_meta_rows = {
    .name = ENGINE_META_NAME,
    .get = meta_get,
    .store = meta_store,
    .invalidate = meta_invalidate,
    .arithmetic = meta_arithmetic,
};
