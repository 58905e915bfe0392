/* One item under its bucket's lock: finds, links, moves, unlinks it. Also references. */
#include "store/instance.h"

#include "store/seen.h"

/* Somebody asked for it. */
static void meet_stale(struct store *s, struct spot *spot)
{
    struct counters *c = store_counters(s);
    bool flushed = item_epoch(spot->it) != atomic_load(&s->epoch);
    COUNT(c->get_flushed, flushed);
    COUNT(c->get_expired, !flushed);
    store_drop_stale(s, spot);
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
    spot->it = slot_item(&s->table, slot_load(spot->slot));
    if (__builtin_expect(store_is_stale(s, spot->it), 0))
        meet_stale(s, spot);
}

bool store_find(struct store *s, struct spot *spot, struct item *it)
{
    struct bucket *b = table_lock(&s->table, it->hash);
    *spot = (struct spot){ .bucket = b, .garbage = SEGMENT_NONE };
    if ((item_word(it) & ITEM_LINKED) != 0)
        spot->slot = table_find_item(&s->table, b, it);
    spot->it = spot->slot == NULL ? NULL : it;
    return spot->it != NULL;
}

void store_unlock(struct store *s, struct spot *spot)
{
    table_unlock(spot->bucket);
    if (__builtin_expect(spot->grow, 0))
        table_grow(&s->table);
    if (__builtin_expect(spot->garbage != SEGMENT_NONE, 0))
        memory_dispose_large(&s->memory, spot->garbage);
}

/* Unlinks a linked item. Its space is counted as dead before the mark says so: afterwards
 * a thread that reclaims the segment may already use the space for something else. */
void store_retire(struct store *s, struct spot *spot, struct item *it)
{
    uint32_t large = memory_large_id(&s->memory, it);
    memory_note_dead(&s->memory, it);
    uint32_t epoch = item_word(it) & ITEM_EPOCH; /* a dead item has none */
    uint32_t was = atomic_fetch_sub_explicit(&it->word, ITEM_LINKED - ITEM_DEAD + epoch,
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

void store_drop_stale(struct store *s, struct spot *spot)
{
    struct counters *c = store_counters(s);
    COUNT(c->reclaimed, 1);
    if ((item_mark(spot->it) & MARK_FETCHED) == 0)
        COUNT(c->expired_unfetched, 1);
    store_unlink(s, spot);
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
    item_set_seen(to, item_seen(it));
    memcpy(to->data, it->data, it->nkey + (size_t)item_nbytes(it));
    slot_set(&s->table, spot->slot, to);
    atomic_store_explicit(&to->word, ITEM_LINKED | (item_word(it) & ITEM_EPOCH),
                          memory_order_release);
    memory_note_dead(&s->memory, it);
    atomic_store_explicit(&it->word, ITEM_DEAD, memory_order_release);
    COUNT(store_counters(s)->items_moved, 1);
}

/* The caller's reference is usually the only one: then no other thread can see it yet. */
static void mark_linked(struct store *s, struct item *it)
{
    uint32_t epoch = atomic_load_explicit(&s->epoch, memory_order_relaxed) << EPOCH_SHIFT;
    if (item_word(it) == 1)
        atomic_store_explicit(&it->word, ITEM_LINKED | epoch | 1, memory_order_release);
    else
        atomic_fetch_or(&it->word, ITEM_LINKED | epoch);
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
        slot_set(&s->table, spot->slot, it);
    }
    COUNT(c->total_items, 1);
    atomic_store_explicit(&it->cas, cas, memory_order_relaxed);
    item_set_mark(it, mark);
    item_set_seen(it, seen_now(s));
    mark_linked(s, it);
    if (old != NULL)
        store_retire(s, spot, old);
    return true;
}

bool store_link(struct store *s, struct spot *spot, struct item *it, unsigned meta)
{
    unsigned mark = 0;
    if (spot->it != NULL) { /* overwriting an item is a use, too */
        mark = item_freq(spot->it);
        mark += mark < MARK_FREQ;
    }
    return store_link_as(s, spot, it, store_next_cas(s), mark | meta << MARK_META_SHIFT);
}

/* Called when the last reference to an item that was never stored is returned. */
static void bury(struct store *s, struct item *it)
{
    uint32_t large = memory_large_id(&s->memory, it);
    memory_note_dead(&s->memory, it);
    atomic_store_explicit(&it->word, ITEM_DEAD, memory_order_release);
    if (large != SEGMENT_NONE)
        memory_dispose_large(&s->memory, large);
}

void store_release(struct store *s, struct item *it)
{
    uint32_t large = memory_large_id(&s->memory, it);
    uint32_t word = atomic_fetch_sub(&it->word, 1) - 1;
    if (__builtin_expect(word == 0, 0))
        bury(s, it);
    else if (__builtin_expect(large != SEGMENT_NONE, 0) && (word & ITEM_REFS) == 0 &&
             (word == ITEM_DEAD || memory_is_parked(&s->memory, large)))
        memory_dispose_large(&s->memory, large);
}
