#include "base/check.h"
#include "base/counter.h"
#include "store/instance.h"
#include "store/seen.h"

static struct iovec value_of(struct item *it)
{
    return (struct iovec){ item_value(it), item_nbytes(it) };
}

/* The state of one attempt. */
struct attempt {
    struct meta_arithmetic *a; /* its results are set by the last attempt */
    struct spot spot;
    struct item *fresh; /* to link if the number needs another item; may be NULL */
    uint32_t flags;     /* current or initial ones of the item */
    rel_time_t exptime;
    size_t length; /* of the item's new value */
};

/* Writes the number into the existing item: nobody has a reference, and the size is the
 * same. */
static bool change_in_place(struct store *s, struct attempt *t)
{
    struct item *it = t->spot.it;

    if (it == NULL || (item_word(it) & ITEM_REFS) != 0 ||
        item_size_of(it->nkey, t->length) != item_size(it))
        return false;
    atomic_store_explicit(&it->nbytes, (uint32_t)t->length, memory_order_relaxed);
    struct iovec value = value_of(it);
    AN(counter_write(&value, 1, t->a->number));
    t->a->cas = store_next_cas(s);
    atomic_store_explicit(&it->cas, t->a->cas, memory_order_relaxed);
    if (t->a->touches)
        store_set_exptime(s, it, t->exptime);
    item_note_use(it);
    seen_note(s, it);
    return true;
}

/* Computes the result and the properties of its item. Bucket locked. */
static ENGINE_ERROR_CODE work_out(struct attempt *t)
{
    struct meta_arithmetic *a = t->a;
    struct item *it = t->spot.it;
    uint64_t number;
    a->created = it == NULL;
    if (a->created) {
        a->number = a->initial;
        t->flags = 0;
        t->exptime = a->was = a->vivify_exptime;
        t->length = counter_length(a->number, 0);
        return a->create ? ENGINE_SUCCESS : ENGINE_KEY_ENOENT;
    }
    struct iovec value = value_of(it);
    if (value.iov_len > 0 && a->expected != 0 && a->expected != item_cas(it))
        return ENGINE_KEY_EEXISTS;
    if (!counter_read(&value, 1, &number))
        return ENGINE_EINVAL;
    a->number = counter_change(number, a->increment, a->delta);
    a->was = item_exptime(it);
    t->flags = it->flags;
    t->exptime = a->touches ? a->exptime : a->was;
    t->length = counter_length(a->number, value.iov_len);
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE link_fresh(struct store *s, struct attempt *t)
{
    struct item *it = t->fresh;
    struct iovec value = value_of(it);
    unsigned marks = t->a->created ? t->a->marks : item_meta(t->spot.it);

    AN(counter_write(&value, 1, t->a->number));
    it->flags = t->flags;
    store_set_exptime(s, it, t->exptime);
    if (!store_link(s, &t->spot, it, marks))
        return ENGINE_ENOMEM;
    t->a->cas = item_cas(it);
    return ENGINE_SUCCESS;
}

/* *again: this needs a fresh item for a value of that length, then another attempt. */
static ENGINE_ERROR_CODE attempt(struct store *s, struct attempt *t, uint32_t hash,
                                 bool *again)
{
    *again = false;
    store_lookup(s, &t->spot, hash, t->a->key, t->a->nkey);
    ENGINE_ERROR_CODE status = work_out(t);
    if (status == ENGINE_SUCCESS && !change_in_place(s, t)) {
        if (t->fresh != NULL && item_nbytes(t->fresh) == t->length)
            status = link_fresh(s, t);
        else
            *again = true;
    }
    store_unlock(s, &t->spot);
    return status;
}

ENGINE_ERROR_CODE store_arithmetic(struct store *s, const void *cookie,
                                   struct meta_arithmetic *a)
{
    uint32_t hash = store_hash(s, a->key, a->nkey);
    struct attempt t = { .a = a };
    ENGINE_ERROR_CODE status;
    bool again;
    store_check_flush(s);
    for (;;) {
        status = attempt(s, &t, hash, &again);
        if (t.fresh != NULL)
            store_release(s, t.fresh);
        if (status != ENGINE_SUCCESS || !again)
            break;
        status = store_allocate(s, cookie, &t.fresh, a->key, a->nkey, t.length, t.flags,
                                t.exptime, NULL);
        if (status != ENGINE_SUCCESS)
            break;
    }
    return status;
}
