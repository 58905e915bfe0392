#include "base/check.h"
#include "base/counter.h"
#include "store/instance.h"

static struct iovec value_of(struct item *it)
{
    return (struct iovec){ item_value(it), item_nbytes(it) };
}

/* Writes the number into the existing item: nobody has a reference, and the size is the
 * same. */
static bool change_in_place(struct store *s, struct spot *spot, uint64_t number,
                            size_t length, uint64_t *cas)
{
    struct item *it = spot->it;

    if ((item_word(it) & ITEM_REFS) != 0 ||
        item_size_of(it->nkey, length) != item_size(it))
        return false;
    atomic_store_explicit(&it->nbytes, (uint32_t)length, memory_order_relaxed);
    struct iovec value = value_of(it);
    AN(counter_write(&value, 1, number));
    *cas = store_next_cas(s);
    atomic_store_explicit(&it->cas, *cas, memory_order_relaxed);
    item_note_use(it);
    return true;
}

/* The state of one attempt. */
struct attempt {
    const struct arithmetic *a;
    struct spot spot;
    struct item *fresh; /* to link if the number needs another item; may be NULL */
    uint32_t flags;     /* current or initial ones of the item */
    rel_time_t exptime;
    uint64_t result, cas;
    size_t length; /* of the item's new value */
};

/* Computes the result and the properties of its item. Bucket locked. */
static ENGINE_ERROR_CODE work_out(struct attempt *t)
{
    struct item *it = t->spot.it;
    uint64_t number;
    if (it == NULL && !t->a->create)
        return ENGINE_KEY_ENOENT;
    if (it == NULL) {
        t->result = t->a->initial;
        t->flags = 0;
        t->exptime = t->a->exptime;
        t->length = counter_length(t->result, 0);
        return ENGINE_SUCCESS;
    }
    struct iovec value = value_of(it);
    if (!counter_read(&value, 1, &number))
        return ENGINE_EINVAL;
    t->result = counter_change(number, t->a->increment, t->a->delta);
    t->flags = it->flags;
    t->exptime = item_exptime(it);
    t->length = counter_length(t->result, value.iov_len);
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE link_fresh(struct store *s, struct attempt *t)
{
    struct item *it = t->fresh;
    struct iovec value = value_of(it);

    AN(counter_write(&value, 1, t->result));
    it->flags = t->flags;
    atomic_store_explicit(&it->exptime, t->exptime, memory_order_relaxed);
    memory_note_exptime(&s->memory, it, t->exptime);
    if (!store_link(s, &t->spot, it))
        return ENGINE_ENOMEM;
    t->cas = item_cas(it);
    return ENGINE_SUCCESS;
}

/* *again: this needs a fresh item for a value of that length, then another attempt. */
static ENGINE_ERROR_CODE attempt(struct store *s, struct attempt *t, uint32_t hash,
                                 bool *again)
{
    *again = false;
    store_lookup(s, &t->spot, hash, t->a->key, t->a->nkey);
    ENGINE_ERROR_CODE status = work_out(t);
    if (status == ENGINE_SUCCESS &&
        (t->spot.it == NULL ||
         !change_in_place(s, &t->spot, t->result, t->length, &t->cas))) {
        if (t->fresh != NULL && item_nbytes(t->fresh) == t->length)
            status = link_fresh(s, t);
        else
            *again = true;
    }
    store_unlock(s, &t->spot);
    return status;
}

ENGINE_ERROR_CODE store_arithmetic(struct store *s, const void *cookie,
                                   const struct arithmetic *a, uint64_t *cas,
                                   uint64_t *result)
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
    *cas = t.cas;
    *result = t.result;
    return status;
}
