#include "store/store.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

enum { NUMBER_MAX = 20 }; /* digits of 2^64 - 1 */

/* The value as a number. Blanks may surround it, as other servers pad with them. */
static bool parse_number(const char *text, size_t n, uint64_t *number)
{
    size_t i = 0, digits = 0;
    *number = 0;
    while (i < n && isspace((unsigned char)text[i]))
        i++;
    for (; i < n && isdigit((unsigned char)text[i]); i++, digits++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    while (i < n && isspace((unsigned char)text[i]))
        i++;
    return digits > 0 && i == n;
}

static uint64_t compute(const struct arithmetic *a, uint64_t number)
{
    if (a->increment)
        return number + a->delta;
    return number > a->delta ? number - a->delta : 0;
}

/* Write digits into the item that is there: nobody looks, and its place is as large. */
static bool change_in_place(struct store *s, struct spot *spot, const char *digits,
                            size_t n, uint64_t *cas)
{
    struct item *it = spot->it;
    if ((item_word(it) & ITEM_REFS) != 0 || item_size_of(it->nkey, n) != item_size(it))
        return false;
    atomic_store_explicit(&it->nbytes, (uint32_t)n, memory_order_relaxed);
    memcpy(item_value(it), digits, n);
    *cas = store_next_cas(s);
    atomic_store_explicit(&it->cas, *cas, memory_order_relaxed);
    item_note_use(it);
    return true;
}

/* What an attempt works on. */
struct attempt {
    const struct arithmetic *a;
    struct spot spot;
    struct item *fresh; /* to be linked if the number needs another item; may be NULL */
    uint32_t flags;     /* what the item has or shall have */
    rel_time_t exptime;
    uint64_t result, cas;
    char digits[NUMBER_MAX + 1];
    size_t ndigits;
};

/* The result, and what its item looks like. Bucket locked. */
static ENGINE_ERROR_CODE work_out(struct attempt *t)
{
    const struct item *it = t->spot.it;
    uint64_t number;
    if (it == NULL && !t->a->create)
        return ENGINE_KEY_ENOENT;
    if (it != NULL && !parse_number(item_value(it), item_nbytes(it), &number))
        return ENGINE_EINVAL;
    t->result = it == NULL ? t->a->initial : compute(t->a, number);
    t->flags = it == NULL ? 0 : it->flags;
    t->exptime = it == NULL ? t->a->exptime : item_exptime(it);
    t->ndigits = (size_t)snprintf(t->digits, sizeof(t->digits), "%" PRIu64, t->result);
    return ENGINE_SUCCESS;
}

static ENGINE_ERROR_CODE link_fresh(struct store *s, struct attempt *t)
{
    struct item *it = t->fresh;
    memcpy(item_value(it), t->digits, t->ndigits);
    it->flags = t->flags;
    atomic_store_explicit(&it->exptime, t->exptime, memory_order_relaxed);
    memory_note_exptime(&s->memory, it, t->exptime);
    if (!store_link(s, &t->spot, it))
        return ENGINE_ENOMEM;
    t->cas = item_cas(it);
    return ENGINE_SUCCESS;
}

/* *again: a fresh item for ndigits digits is needed, and then another attempt. */
static ENGINE_ERROR_CODE attempt(struct store *s, struct attempt *t, uint32_t hash,
                                 bool *again)
{
    *again = false;
    store_lookup(s, &t->spot, hash, t->a->key, t->a->nkey);
    ENGINE_ERROR_CODE status = work_out(t);
    if (status == ENGINE_SUCCESS &&
        (t->spot.it == NULL ||
         !change_in_place(s, &t->spot, t->digits, t->ndigits, &t->cas))) {
        if (t->fresh != NULL && item_nbytes(t->fresh) == t->ndigits)
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
        status = store_allocate(s, cookie, &t.fresh, a->key, a->nkey, t.ndigits, t.flags,
                                t.exptime, NULL);
        if (status != ENGINE_SUCCESS)
            break;
    }
    *cas = t.cas;
    *result = t.result;
    return status;
}
