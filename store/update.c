#include "store/instance.h"

/* A value that was overtaken: it is stored as stale, if the client wants that. */
static bool is_overdue(const struct item *old, const struct item *it,
                       const struct meta_store *how)
{
    uint64_t expected = item_cas(it);
    return how->overdue && expected != 0 && expected < item_cas(old);
}

/* ENGINE_SUCCESS if an operation may proceed against the current item. */
static ENGINE_ERROR_CODE permit(const struct item *old, const struct item *it,
                                const struct meta_store *how)
{
    uint64_t expected = item_cas(it);
    switch (how->operation) {
    case OPERATION_SET:
        return ENGINE_SUCCESS;
    case OPERATION_ADD:
        return old == NULL ? ENGINE_SUCCESS : ENGINE_NOT_STORED;
    case OPERATION_REPLACE:
        return old != NULL ? ENGINE_SUCCESS : ENGINE_NOT_STORED;
    case OPERATION_CAS:
        if (old == NULL)
            return ENGINE_KEY_ENOENT;
        return expected == item_cas(old) || is_overdue(old, it, how) ? ENGINE_SUCCESS
                                                                     : ENGINE_KEY_EEXISTS;
    case OPERATION_APPEND:
    case OPERATION_PREPEND:
        if (old == NULL)
            return ENGINE_NOT_STORED;
        if (expected != 0 && expected != item_cas(old))
            return ENGINE_KEY_EEXISTS;
        return ENGINE_SUCCESS;
    }
    return ENGINE_EINVAL;
}

/* A host may store an item again that is already in the table: it only gets a new CAS. An
 * item that has left the table is dead already. */
static ENGINE_ERROR_CODE put_in_place(struct store *s, struct spot *spot, struct item *it,
                                      unsigned marks)
{
    if (spot->it == it) {
        atomic_store_explicit(&it->cas, store_next_cas(s), memory_order_relaxed);
        return ENGINE_SUCCESS;
    }
    if ((item_word(it) & (ITEM_LINKED | ITEM_DEAD)) != 0)
        return ENGINE_EINVAL;
    return store_link(s, spot, it, marks) ? ENGINE_SUCCESS : ENGINE_ENOMEM;
}

/* The marks of an item that may replace the one found. */
static unsigned marks_of(struct store *s, const struct spot *spot, struct item *it,
                         const struct meta_store *how)
{
    if (spot->it == NULL || !is_overdue(spot->it, it, how))
        return how->marks;
    store_set_exptime(s, it, item_exptime(spot->it));
    return how->marks | META_STALE | (item_meta(spot->it) & META_WON);
}

static ENGINE_ERROR_CODE replace(struct store *s, struct item *it, uint64_t *cas,
                                 const struct meta_store *how)
{
    struct spot spot;
    store_lookup(s, &spot, it->hash, item_key(it), it->nkey);
    ENGINE_ERROR_CODE result = permit(spot.it, it, how);
    if (result == ENGINE_SUCCESS)
        result = put_in_place(s, &spot, it, marks_of(s, &spot, it, how));
    if (result == ENGINE_SUCCESS)
        *cas = item_cas(it);
    else if (how->operation == OPERATION_ADD && spot.it != NULL)
        item_note_use(spot.it); /* someone asked for it, if only by a failing add */
    store_unlock(s, &spot);
    return result;
}

/* The current item with a reference, if the piece may be joined to it. */
static ENGINE_ERROR_CODE hold_old(struct store *s, const struct item *piece,
                                  const struct meta_store *how, struct item **old)
{
    struct spot spot;
    store_lookup(s, &spot, piece->hash, item_key(piece), piece->nkey);
    ENGINE_ERROR_CODE result =
        spot.it == NULL ? ENGINE_NOT_STORED : permit(spot.it, piece, how);
    if (result == ENGINE_SUCCESS) {
        item_take_ref(spot.it);
        *old = spot.it;
    }
    store_unlock(s, &spot);
    return result;
}

static void join_values(struct item *to, const struct item *first,
                        const struct item *second)
{
    memcpy(item_value(to), item_value(first), item_nbytes(first));
    memcpy(item_value(to) + item_nbytes(first), item_value(second), item_nbytes(second));
}

/* Replaces `old` with `it` if `old` is still the current item. */
static ENGINE_ERROR_CODE exchange(struct store *s, struct item *old, struct item *it,
                                  uint64_t *cas, const struct meta_store *how,
                                  bool *again)
{
    ENGINE_ERROR_CODE result = ENGINE_SUCCESS;
    struct spot spot;
    store_lookup(s, &spot, it->hash, item_key(it), it->nkey);
    *again = spot.it != old;
    if (!*again) {
        store_set_exptime(s, it, item_exptime(old));
        if (store_link(s, &spot, it, how->marks))
            *cas = item_cas(it);
        else
            result = ENGINE_ENOMEM;
    }
    store_unlock(s, &spot);
    return result;
}

static ENGINE_ERROR_CODE join_with(struct store *s, const void *cookie, struct item *old,
                                   struct item *piece, uint64_t *cas,
                                   const struct meta_store *how, bool *again)
{
    bool append = how->operation == OPERATION_APPEND;
    struct item *joined;
    ENGINE_ERROR_CODE result =
        store_allocate(s, cookie, &joined, item_key(piece), piece->nkey,
                       (size_t)item_nbytes(old) + item_nbytes(piece), old->flags,
                       item_exptime(old), NULL);
    if (result != ENGINE_SUCCESS)
        return result;
    join_values(joined, append ? old : piece, append ? piece : old);
    result = exchange(s, old, joined, cas, how, again);
    store_release(s, joined);
    return result;
}

/* Makes the joined value outside the lock, from an old item that is held, and links it
 * only if nobody changed the key meanwhile; otherwise it tries again. The piece takes the
 * CAS of the old item, for whoever wants to know what it was joined to. */
static ENGINE_ERROR_CODE join(struct store *s, const void *cookie, struct item *piece,
                              uint64_t *cas, const struct meta_store *how)
{
    ENGINE_ERROR_CODE result;
    bool again;
    do {
        struct item *old;
        again = false;
        result = hold_old(s, piece, how, &old);
        if (result != ENGINE_SUCCESS)
            return result;
        result = join_with(s, cookie, old, piece, cas, how, &again);
        if (result == ENGINE_SUCCESS && !again)
            atomic_store_explicit(&piece->cas, item_cas(old), memory_order_relaxed);
        store_release(s, old);
    } while (again);
    return result;
}

ENGINE_ERROR_CODE store_update(struct store *s, const void *cookie, struct item *it,
                               uint64_t *cas, const struct meta_store *how)
{
    store_check_flush(s);
    if (how->operation == OPERATION_APPEND || how->operation == OPERATION_PREPEND)
        return join(s, cookie, it, cas, how);
    return replace(s, it, cas, how);
}
