#include "store/store.h"

#include "base/check.h"
#include "store/mirror.h"

uint64_t store_next_cas(struct store *s)
{
    if (!s->config.use_cas)
        return 0;
    return atomic_fetch_add_explicit(&s->cas, CAS_STEP, memory_order_relaxed) + CAS_STEP;
}

void store_lookup(struct store *s, struct spot *spot, uint32_t hash, const void *key,
                  size_t nkey)
{
    struct bucket *b = table_lock(&s->table, hash);
    *spot = (struct spot){ .bucket = b,
                           .slot = table_find(&s->table, b, hash, key, nkey),
                           .garbage = SEGMENT_NONE };
    if (spot->slot == NULL)
        return;
    spot->it = slot_item(slot_load(spot->slot));
    if (__builtin_expect(store_is_stale(s, spot->it), 0)) {
        struct counters *c = store_counters(s);
        COUNT(c->reclaimed, 1);
        if ((item_mark(spot->it) & MARK_FETCHED) == 0)
            COUNT(c->expired_unfetched, 1);
        store_unlink(s, spot);
    }
}

void store_unlock(struct store *s, struct spot *spot)
{
    table_unlock(spot->bucket);
    if (__builtin_expect(spot->grow, 0))
        table_grow(&s->table);
    if (__builtin_expect(spot->garbage != SEGMENT_NONE, 0))
        memory_settle_large(&s->memory, spot->garbage);
}

/* A linked item is so no more. Its space counts as dead before the mark says so: after
 * that, whoever reclaims the segment may have used it for something else. */
void store_retire(struct store *s, struct spot *spot, struct item *it)
{
    uint32_t large = memory_large_id(&s->memory, it);
    memory_note_dead(&s->memory, it);
    uint32_t was = atomic_fetch_sub_explicit(&it->word, ITEM_LINKED - ITEM_DEAD,
                                             memory_order_acq_rel);
    if ((was & ITEM_REFS) == 0)
        spot->garbage = large;
}

void store_unlink(struct store *s, struct spot *spot)
{
    store_retire(s, spot, spot->it);
    table_remove(&s->table, spot->bucket, spot->slot);
    COUNT(store_counters(s)->curr_items, -1);
    spot->it = NULL;
    spot->slot = NULL;
}

void store_move(struct store *s, struct spot *spot, struct item *to, unsigned mark)
{
    struct item *it = spot->it;
    uint32_t exptime = item_exptime(it);
    if (exptime != item_exptime(to)) /* touched since */
        memory_note_exptime(&s->memory, to, exptime);
    atomic_store_explicit(&to->cas, item_cas(it), memory_order_relaxed);
    atomic_store_explicit(&to->exptime, exptime, memory_order_relaxed);
    atomic_store_explicit(&to->nbytes, item_nbytes(it), memory_order_relaxed);
    item_set_mark(to, mark);
    memcpy(to->data, it->data, it->nkey + (size_t)item_nbytes(it));
    slot_set(spot->slot, to);
    atomic_store_explicit(&to->word, ITEM_LINKED, memory_order_release);
    memory_note_dead(&s->memory, it);
    atomic_store_explicit(&it->word, ITEM_DEAD, memory_order_release);
    COUNT(store_counters(s)->moved, 1);
}

/* The caller's reference is usually the only one: then nobody else looks yet. */
static void mark_linked(struct item *it)
{
    uint32_t word = item_word(it);
    if (word == 1)
        atomic_store_explicit(&it->word, ITEM_LINKED | 1, memory_order_release);
    else
        atomic_fetch_or(&it->word, ITEM_LINKED);
}

bool store_link_as(struct store *s, struct spot *spot, struct item *it, uint64_t cas,
                   unsigned mark)
{
    struct item *old = spot->it;
    struct counters *c = store_counters(s);
    if (old == NULL) {
        enum table_result result = table_insert(&s->table, spot->bucket, it);
        if (result == TABLE_FULL)
            return false;
        spot->grow = result == TABLE_CROWDED;
        COUNT(c->curr_items, 1);
    } else {
        slot_set(spot->slot, it);
    }
    mark |= atomic_load_explicit(&s->epoch, memory_order_relaxed) << MARK_EPOCH_SHIFT;
    COUNT(c->total_items, 1);
    atomic_store_explicit(&it->cas, cas, memory_order_relaxed);
    item_set_mark(it, mark);
    mark_linked(it);
    if (old != NULL)
        store_retire(s, spot, old);
    return true;
}

bool store_link(struct store *s, struct spot *spot, struct item *it)
{
    unsigned mark = 0;
    if (spot->it != NULL) { /* being written again is a use, too */
        mark = item_freq(spot->it);
        mark += mark < MARK_FREQ;
    }
    return store_link_as(s, spot, it, store_next_cas(s), mark);
}

static struct item *allocate_at(struct memory *m, const struct item *header,
                                const struct berth *berth)
{
    if (berth->order == ORDER_LAST)
        return memory_alloc(m, berth->queue, header, MEMORY_FOR_CLIENT);
    return memory_alloc_aged(m, berth->queue, berth->order, header, MEMORY_FOR_CLIENT);
}

/* Memory for an item as the header says, with its key. */
static ENGINE_ERROR_CODE allocate(struct store *s, const void *cookie, struct item **it,
                                  const struct item *header, const void *key,
                                  const struct berth *berth)
{
    bool goes_on = memory_may_hold(&s->memory, item_size(header));
    *it = NULL;
    while (goes_on && (*it = allocate_at(&s->memory, header, berth)) == NULL)
        goes_on = store_reclaim(s, cookie);
    if (*it == NULL) {
        COUNT(store_counters(s)->outofmemory, 1);
        return ENGINE_ENOMEM;
    }
    memcpy((*it)->data, key, header->nkey);
    return ENGINE_SUCCESS;
}

/* A key that was evicted lately, unread, has proven itself by coming again. */
static struct berth berth_of(struct store *s, uint32_t hash)
{
    struct berth berth = { .queue = QUEUE_SMALL, .order = ORDER_LAST };
    if (__builtin_expect(ghost_has(&s->ghost, hash), 0)) {
        berth.queue = QUEUE_MAIN;
        COUNT(store_counters(s)->ghost_hits, 1);
    }
    return berth;
}

ENGINE_ERROR_CODE store_allocate(struct store *s, const void *cookie, struct item **it,
                                 const void *key, size_t nkey, size_t nbytes,
                                 uint32_t flags, rel_time_t exptime,
                                 const struct berth *given)
{
    if (nkey == 0 || nkey > UINT16_MAX)
        return ENGINE_EINVAL;
    if (nbytes > s->config.item_size_max ||
        sizeof(struct item) + nkey + nbytes > s->config.item_size_max)
        return ENGINE_E2BIG;
    struct item header = { .word = 1,
                           .exptime = exptime,
                           .flags = flags,
                           .nbytes = (uint32_t)nbytes,
                           .hash = store_hash(s, key, nkey),
                           .nkey = (uint16_t)nkey };
    table_prefetch(&s->table, header.hash);
    struct berth berth = given != NULL ? *given : berth_of(s, header.hash);
    return allocate(s, cookie, it, &header, key, &berth);
}

/* The last reference to an item that was never stored is gone. */
static void bury(struct store *s, struct item *it)
{
    uint32_t large = memory_large_id(&s->memory, it);
    memory_note_dead(&s->memory, it);
    atomic_store_explicit(&it->word, ITEM_DEAD, memory_order_release);
    if (large != SEGMENT_NONE)
        memory_settle_large(&s->memory, large);
}

void store_release(struct store *s, struct item *it)
{
    uint32_t large = memory_large_id(&s->memory, it);
    uint32_t word = atomic_fetch_sub(&it->word, 1) - 1;
    if (__builtin_expect(word == 0, 0))
        bury(s, it);
    else if (__builtin_expect(large != SEGMENT_NONE, 0) && (word & ITEM_REFS) == 0 &&
             (word == ITEM_DEAD || memory_is_parked(&s->memory, large)))
        memory_settle_large(&s->memory, large);
}

struct item *store_get(struct store *s, const void *key, size_t nkey)
{
    struct spot spot;
    store_check_flush(s);
    store_lookup(s, &spot, store_hash(s, key, nkey), key, nkey);
    struct item *it = spot.it;
    bool rose = false;
    if (it != NULL) {
        item_take_ref(it);
        rose = item_note_use(it);
    }
    store_unlock(s, &spot);
    if (__builtin_expect(rose, 0) || (it != NULL && mirror_samples(s)))
        mirror_read(s, key, nkey);
    return it;
}

struct item *store_peek(struct store *s, const void *key, size_t nkey)
{
    struct spot spot;
    store_check_flush(s);
    store_lookup(s, &spot, store_hash(s, key, nkey), key, nkey);
    if (spot.it != NULL)
        item_take_ref(spot.it);
    store_unlock(s, &spot);
    return spot.it;
}

ENGINE_ERROR_CODE store_remove(struct store *s, const void *key, size_t nkey,
                               uint64_t cas)
{
    ENGINE_ERROR_CODE result = ENGINE_SUCCESS;
    struct spot spot;
    store_check_flush(s);
    store_lookup(s, &spot, store_hash(s, key, nkey), key, nkey);
    if (spot.it == NULL)
        result = ENGINE_KEY_ENOENT;
    else if (cas != 0 && cas != item_cas(spot.it))
        result = ENGINE_KEY_EEXISTS;
    else
        store_unlink(s, &spot);
    store_unlock(s, &spot);
    return result;
}
