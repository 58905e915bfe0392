/* Look-ups in the wrapped engine. */
#include "engine/adapter_internal.h"

bool adapter_describe(struct adapter *a, item *it, struct repl_item *out)
{
    item_info info = { .nvalue = 1 };
    if (!ENGINE(a)->get_item_info(HANDLE(a), &a->cookie, it, &info))
        return false;
    out->item = it;
    out->state = (struct link_change){
        .key = info.key,
        .nkey = info.nkey,
        .value = info.value[0].iov_base,
        .nvalue = info.nbytes,
        .flags = info.flags,
        .exptime = info.exptime,
        .cas = info.cas,
    };
    return true;
}

void adapter_release(void *store, void *it)
{
    struct adapter *a = store;
    ENGINE(a)->release(HANDLE(a), &a->cookie, it);
}

ENGINE_ERROR_CODE adapter_look_at(struct adapter *a, struct own_cookie *cookie, item **it,
                                  const void *key, size_t nkey)
{
    const struct engine_mirror *mirror = a->wrapped->mirror;
    ENGINE_ERROR_CODE rc;
    if (mirror != NULL)
        return mirror->peek(HANDLE(a), cookie, it, key, nkey);
    CALL(rc, cookie, ENGINE(a)->get(HANDLE(a), cookie, it, key, (int)nkey, 0));
    return rc;
}

void adapter_add_credit(struct adapter *a, struct repl_item *it, bool with_age)
{
    if (a->wrapped->mirror != NULL)
        it->state.credit = a->wrapped->mirror->credit(HANDLE(a), it->item, with_age);
}

enum repl_answer adapter_lookup(void *store, const void *key, size_t nkey,
                                struct repl_item *out)
{
    struct adapter *a = store;
    item *it;
    ENGINE_ERROR_CODE rc = adapter_look_at(a, &a->cookie, &it, key, nkey);
    if (rc != ENGINE_SUCCESS)
        return rc == ENGINE_KEY_ENOENT ? REPL_NO : REPL_UNKNOWN;
    if (adapter_describe(a, it, out)) {
        adapter_add_credit(a, out, false);
        return REPL_YES;
    }
    adapter_release(a, it);
    return REPL_UNKNOWN;
}
