/* See adapter.h. Changes, notes and roles; look-ups are in adapter_look.c, scans in
 * adapter_scan.c. */
#include "engine/adapter_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

_Static_assert((int)NOTE_READ == LINK_NOTE_READ && (int)NOTE_KEPT == LINK_NOTE_KEPT &&
                   (int)NOTE_EVICTED == LINK_NOTE_EVICTED,
               "notes travel as the engine makes them");
_Static_assert(CREDIT_MARKS == LINK_MARKS && CREDIT_MARKS_SHIFT == LINK_MARKS_SHIFT,
               "so do credits");

enum { RELATIVE_MAX = 60 * 60 * 24 * 30 }; /* longer TTLs are absolute, as in memcached */

static uint32_t op_clock(void *store)
{
    const struct adapter *a = store;
    return a->server->core->get_current_time();
}

/* As engines are told of a moment: by what remains, or a date if that is much, or
 * nothing. */
static rel_time_t told_time(struct adapter *a, uint32_t at)
{
    uint32_t now = op_clock(a);
    if (at > now && at - now <= RELATIVE_MAX)
        return at - now;
    time_t date = a->server->core->abstime(at);
    return date < (time_t)UINT32_MAX ? (rel_time_t)date : UINT32_MAX;
}

/* True also if the key is already absent, or was changed meanwhile. */
static bool remove_with(struct adapter *a, struct own_cookie *cookie, const void *key,
                        size_t nkey, uint64_t cas)
{
    ENGINE_ERROR_CODE rc;
    CALL(rc, cookie, ENGINE(a)->remove(HANDLE(a), cookie, key, nkey, cas, 0));
    return rc == ENGINE_SUCCESS || rc == ENGINE_KEY_ENOENT || rc == ENGINE_KEY_EEXISTS;
}

static bool op_remove(void *store, const void *key, size_t nkey)
{
    struct adapter *a = store;
    return remove_with(a, &a->cookie, key, nkey, 0);
}

static ENGINE_ERROR_CODE allocate(struct adapter *a, item **it,
                                  const struct link_change *c)
{
    const struct engine_mirror *mirror = a->wrapped->mirror;
    rel_time_t exptime = c->exptime != 0 ? told_time(a, c->exptime) : 0;
    ENGINE_ERROR_CODE rc;
    if (mirror != NULL)
        return mirror->allocate(HANDLE(a), &a->cookie, it, c->key, c->nkey, c->nvalue,
                                c->flags, exptime, c->credit);
    CALL(rc, &a->cookie,
         ENGINE(a)->allocate(HANDLE(a), &a->cookie, it, c->key, c->nkey, c->nvalue,
                             (int)c->flags, exptime));
    return rc;
}

static void *op_make(void *store, const struct link_change *c, void **value)
{
    struct adapter *a = store;
    item_info info = { .nvalue = 1 };
    item *it;
    if (allocate(a, &it, c) != ENGINE_SUCCESS)
        return NULL;
    if (!ENGINE(a)->get_item_info(HANDLE(a), &a->cookie, it, &info)) {
        adapter_release(a, it);
        return NULL;
    }
    *value = info.value[0].iov_base;
    return it;
}

/* Store the item with the peer's CAS: in one step, if the engine can do that. */
static ENGINE_ERROR_CODE link_item(struct adapter *a, item *it,
                                   const struct link_change *c,
                                   ENGINE_STORE_OPERATION operation)
{
    const struct engine_mirror *mirror = a->wrapped->mirror;
    ENGINE_ERROR_CODE rc;
    uint64_t cas;
    if (mirror != NULL)
        return mirror->store(HANDLE(a), &a->cookie, it, c->cas, c->credit, operation);
    CALL(rc, &a->cookie, ENGINE(a)->store(HANDLE(a), &a->cookie, it, &cas, operation, 0));
    if (rc == ENGINE_SUCCESS)
        ENGINE(a)->item_set_cas(HANDLE(a), &a->cookie, it, c->cas);
    return rc;
}

/* An item with the change's contents, not linked yet. NULL if the engine has no
 * room. */
static item *make_whole(struct adapter *a, const struct link_change *c)
{
    void *value;
    item *it = op_make(a, c, &value);
    if (it != NULL)
        memcpy(value, c->value, c->nvalue);
    return it;
}

static ENGINE_ERROR_CODE store_state(struct adapter *a, const struct link_change *c,
                                     void *made, ENGINE_STORE_OPERATION operation)
{
    item *it = made != NULL ? made : make_whole(a, c);
    if (it == NULL)
        return ENGINE_ENOMEM;
    ENGINE_ERROR_CODE rc = link_item(a, it, c, operation);
    adapter_release(a, it);
    return rc;
}

/* If the new value cannot be stored, a miss is better than the former value. */
static enum repl_answer op_put(void *store, const struct link_change *c, void *made)
{
    if (store_state(store, c, made, OPERATION_SET) == ENGINE_SUCCESS)
        return REPL_YES;
    return op_remove(store, c->key, c->nkey) ? REPL_NO : REPL_UNKNOWN;
}

static bool op_touch(void *store, const struct link_change *c)
{
    struct adapter *a = store;
    const struct engine_mirror *mirror = a->wrapped->mirror;
    rel_time_t exptime = c->exptime != 0 ? told_time(a, c->exptime) : 0;
    return mirror != NULL &&
           mirror->touch(HANDLE(a), c->key, c->nkey, exptime, c->credit);
}

static enum repl_answer op_add(void *store, const struct link_change *c, void *made)
{
    ENGINE_ERROR_CODE rc = store_state(store, c, made, OPERATION_ADD);
    if (rc == ENGINE_SUCCESS)
        return REPL_YES;
    return rc == ENGINE_NOT_STORED || rc == ENGINE_KEY_EEXISTS ? REPL_NO : REPL_UNKNOWN;
}

void adapter_note_flush(struct adapter *a)
{
    if (!atomic_load_explicit(&a->flushed, memory_order_relaxed))
        atomic_store(&a->flushed, true);
}

static void op_flush(void *store, uint32_t at)
{
    struct adapter *a = store;
    ENGINE_ERROR_CODE rc;
    adapter_note_flush(a);
    time_t when = at > op_clock(a) ? (time_t)told_time(a, at) : 0;
    CALL(rc, &a->cookie, ENGINE(a)->flush(HANDLE(a), &a->cookie, when));
    (void)rc;
}

/* The interface does not show the CAS counter; the mirror extension does. If the
 * counter does not follow the numbers adopted from the peer, CAS numbers do not tell
 * old items from new ones. */
static uint64_t op_fence(void *store)
{
    struct adapter *a = store;
    if (a->wrapped->mirror == NULL || !a->wrapped->cas_clock)
        return UINT64_MAX;
    return a->wrapped->mirror->fence(HANDLE(a));
}

static bool expel(struct adapter *a, struct own_cookie *cookie, const void *key,
                  size_t nkey, uint64_t fence)
{
    struct repl_item found;
    item *it;
    ENGINE_ERROR_CODE rc = adapter_look_at(a, cookie, &it, key, nkey);
    if (rc != ENGINE_SUCCESS)
        return rc == ENGINE_KEY_ENOENT;
    bool done =
        adapter_describe(a, it, &found) &&
        (found.state.cas > fence || remove_with(a, cookie, key, nkey, found.state.cas));
    ENGINE(a)->release(HANDLE(a), cookie, it);
    return done;
}

static bool op_expel(void *store, const void *key, size_t nkey, uint64_t fence)
{
    struct own_cookie cookie; /* client threads come here too */
    own_cookie_init(&cookie);
    bool done = expel(store, &cookie, key, nkey, fence);
    own_cookie_fini(&cookie, NULL);
    return done;
}

static bool op_repeat(void *store, const struct link_note *n)
{
    struct adapter *a = store;
    const struct engine_note note = { .key = n->key,
                                      .nkey = n->nkey,
                                      .kind = n->kind,
                                      .credit = n->credit,
                                      .cas = n->cas };
    if (a->wrapped->mirror != NULL)
        return a->wrapped->mirror->repeat(HANDLE(a), &note);
    if (n->kind == LINK_NOTE_EVICTED)
        (void)op_expel(a, n->key, n->nkey, n->cas); /* if it stays, it does no harm */
    return true;
}

static void op_expect(void *store, const void *key, size_t nkey)
{
    struct adapter *a = store;
    if (a->wrapped->mirror != NULL)
        a->wrapped->mirror->expect(HANDLE(a), key, nkey);
}

/* A mirror with less memory is told of one in so many reads of the most wanted
 * items. */
enum { SAMPLE_EVERY = 2 };

static void op_part(void *store, enum repl_part part)
{
    struct adapter *a = store;
    const struct engine_mirror *mirror = a->wrapped->mirror;
    if (mirror == NULL)
        return;
    mirror->follow(HANDLE(a), part == PART_FOLLOWS);
    mirror->sample(HANDLE(a), part == PART_LEADS_SMALLER ? SAMPLE_EVERY : 0);
}

static void op_side(void *store, bool upper)
{
    struct adapter *a = store;
    if (a->wrapped->mirror != NULL)
        a->wrapped->mirror->side(HANDLE(a), upper);
}

static uint64_t op_items(void *store)
{
    struct adapter *a = store;
    const struct engine_mirror *mirror = a->wrapped->mirror;
    return mirror != NULL ? mirror->items(HANDLE(a)) : UINT64_MAX;
}

const struct repl_store_ops adapter_ops = {
    .lookup = adapter_lookup,
    .release = adapter_release,
    .make = op_make,
    .put = op_put,
    .add = op_add,
    .touch = op_touch,
    .remove = op_remove,
    .flush = op_flush,
    .fence = op_fence,
    .side = op_side,
    .expel = op_expel,
    .repeat = op_repeat,
    .expect = op_expect,
    .part = op_part,
    .scan_begin = adapter_scan_begin,
    .scan_next = adapter_scan_next,
    .scan_end = adapter_scan_end,
    .items = op_items,
    .clock = op_clock,
};

void adapter_init(struct adapter *a, const struct wrapped *wrapped,
                  const SERVER_HANDLE_V1 *server)
{
    *a = (struct adapter){ .wrapped = wrapped, .server = server };
    own_cookie_init(&a->cookie);
}

void adapter_fini(struct adapter *a)
{
    own_cookie_fini(&a->cookie, HANDLE(a));
}
