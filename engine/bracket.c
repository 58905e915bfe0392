#include "engine/bracket.h"

#include "engine/fetch.h"

/* Did the operation fail because the key is absent? With these codes every operation
 * except add fails for that reason only. */
static bool is_absence(ENGINE_ERROR_CODE rc, ENGINE_STORE_OPERATION operation)
{
    return operation != OPERATION_ADD &&
           (rc == ENGINE_NOT_STORED || rc == ENGINE_KEY_ENOENT);
}

/* What an append or prepend has added (repl/delta.h). An engine without a mirror does not
 * say what it built on. */
static void record_store(struct repl_engine *e, struct change *ch, const void *cookie,
                         const item *it, uint64_t cas, ENGINE_STORE_OPERATION operation)
{
    item_info info = { .nvalue = 1 };
    bool joins = operation == OPERATION_APPEND || operation == OPERATION_PREPEND;
    if (!joins || e->wrapped.mirror == NULL ||
        !INNER(e)->get_item_info(HANDLE(e), cookie, it, &info)) {
        change_record(e->core, ch);
        return;
    }
    const struct delta delta = { .base = info.cas,
                                 .cas = cas,
                                 .npiece = info.nbytes,
                                 .before = operation == OPERATION_PREPEND };
    change_record_delta(e->core, ch, &delta);
}

static ENGINE_ERROR_CODE inner_store(struct repl_engine *e, const void *cookie, item *it,
                                     uint64_t *cas, const struct meta_store *how,
                                     uint16_t vbucket)
{
    if (how->marks != 0 || how->overdue)
        return e->wrapped.meta->store(HANDLE(e), cookie, it, cas, how);
    return INNER(e)->store(HANDLE(e), cookie, it, cas, how->operation, vbucket);
}

ENGINE_ERROR_CODE bracket_store(struct repl_engine *e, const void *cookie, item *it,
                                uint64_t *cas, const struct meta_store *how,
                                uint16_t vbucket)
{
    ENGINE_STORE_OPERATION operation = how->operation;
    item_info info = { .nvalue = 1 };
    struct change ch;
    if (!INNER(e)->get_item_info(HANDLE(e), cookie, it, &info))
        return ENGINE_FAILED;
    if (operation != OPERATION_SET && fetch_parks_absent(e, cookie, info.key, info.nkey))
        return ENGINE_EWOULDBLOCK;
    enum change_result r = change_begin(e->core, &ch, cookie, info.key, info.nkey);
    if (r != CHANGE_OK)
        return bracket_error(r);
    bracket_expect_evictions(e); /* mutant: record-before-store */
    ENGINE_ERROR_CODE rc = inner_store(e, cookie, it, cas, how, vbucket);
    if (rc == ENGINE_SUCCESS) /* mutant: record-before-store 2 */
        record_store(e, &ch, cookie, it, *cas, operation);
    else if (is_absence(rc, operation))
        change_record_absence(e->core, &ch);
    change_end(e->core, &ch);
    return rc;
}
