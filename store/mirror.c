#include "store/mirror.h"

#include "store/notes.h"
#include "store/seen.h"

/* ---- events of this store */

static void mirror_subscribe(ENGINE_HANDLE *handle, engine_subscriber subscriber,
                             void *context)
{
    struct store *s = store_of(handle);
    if (subscriber != NULL)
        s->subscriber_context = context;
    atomic_store(&s->subscriber, subscriber);
}

static void mirror_sample(ENGINE_HANDLE *handle, unsigned every)
{
    atomic_store(&store_of(handle)->sample_every, every);
}

/* ---- data for another node */

static ENGINE_ERROR_CODE mirror_peek(ENGINE_HANDLE *handle, const void *cookie, item **it,
                                     const void *key, size_t nkey)
{
    (void)cookie;
    *it = store_peek(store_of(handle), key, nkey);
    return *it != NULL ? ENGINE_SUCCESS : ENGINE_KEY_ENOENT;
}

static item_credit mirror_credit(ENGINE_HANDLE *handle, const item *at, bool with_age)
{
    const struct memory *m = &store_of(handle)->memory;
    const struct item *it = at;
    item_credit credit = notes_credit(item_mark(it), memory_segment(m, it)->queue);
    credit |= (item_credit)(item_meta(it) << CREDIT_MARKS_SHIFT);
    if (with_age)
        credit |= (item_credit)(CREDIT_AGED | memory_age(m, it, CREDIT_AGES)
                                                  << CREDIT_AGE_SHIFT);
    return credit;
}

/* ---- data from another node */

static unsigned queue_of(item_credit credit)
{
    return (credit & CREDIT_PROVEN) != 0 ? QUEUE_MAIN : QUEUE_SMALL;
}

static uint64_t order_of(item_credit credit)
{
    if ((credit & CREDIT_AGED) == 0)
        return ORDER_LAST;
    unsigned age = credit >> CREDIT_AGE_SHIFT & (CREDIT_AGES - 1);
    /* The small queue is a tenth: two ages suffice, and each takes an open segment. */
    return ORDER_AGE(queue_of(credit) == QUEUE_MAIN ? age : age & (CREDIT_AGES / 2));
}

static ENGINE_ERROR_CODE mirror_allocate(ENGINE_HANDLE *handle, const void *cookie,
                                         item **it, const void *key, size_t nkey,
                                         size_t nbytes, uint32_t flags,
                                         rel_time_t exptime, item_credit credit)
{
    struct store *s = store_of(handle);
    rel_time_t when = exptime == 0 ? 0 : s->server.core->realtime((time_t)exptime);
    struct berth berth = { .queue = queue_of(credit), .order = order_of(credit) };
    struct item *fresh = NULL;
    ENGINE_ERROR_CODE result =
        store_allocate(s, cookie, &fresh, key, nkey, nbytes, flags, when,
                       (credit & CREDIT_GIVEN) != 0 ? &berth : NULL);
    *it = fresh;
    return result;
}

static unsigned marks_of(item_credit credit)
{
    return (credit & CREDIT_MARKS) >> CREDIT_MARKS_SHIFT;
}

static ENGINE_ERROR_CODE mirror_store(ENGINE_HANDLE *handle, const void *cookie, item *at,
                                      uint64_t cas, item_credit credit,
                                      ENGINE_STORE_OPERATION operation)
{
    struct store *s = store_of(handle);
    struct item *it = at;
    ENGINE_ERROR_CODE result = ENGINE_NOT_STORED;
    unsigned mark = (credit & (MARK_FREQ | MARK_FETCHED)) | marks_of(credit)
                                                                << MARK_META_SHIFT;
    struct spot spot;
    (void)cookie;
    store_check_flush(s);
    cas = store_adopt_cas(s, cas);
    store_lookup(s, &spot, it->hash, item_key(it), it->nkey);
    if (spot.it == NULL || operation != OPERATION_ADD)
        result = store_link_as(s, &spot, it, cas, mark) ? ENGINE_SUCCESS : ENGINE_ENOMEM;
    store_unlock(s, &spot);
    return result;
}

static void set_uses(struct item *it, item_credit credit)
{
    unsigned rest = item_mark(it) & ~(MARK_FREQ | MARK_FETCHED);
    item_set_mark(it, rest | (credit & (MARK_FREQ | MARK_FETCHED)));
}

/* True if the item is now in the queue that the credit names. A small item would need
 * another place for that. */
static bool enter_queue(struct store *s, const struct item *it, item_credit credit)
{
    const struct segment *seg = memory_segment(&s->memory, it);
    if ((credit & CREDIT_GIVEN) == 0 || seg->queue == queue_of(credit))
        return true;
    if (seg->large)
        memory_renew_large(&s->memory, it, queue_of(credit));
    return seg->queue == queue_of(credit);
}

static bool mirror_touch(ENGINE_HANDLE *handle, const void *key, size_t nkey,
                         rel_time_t exptime, item_credit credit)
{
    struct store *s = store_of(handle);
    rel_time_t when = exptime == 0 ? 0 : s->server.core->realtime((time_t)exptime);
    struct spot spot;
    store_check_flush(s);
    store_lookup(s, &spot, store_hash(s, key, nkey), key, nkey);
    bool stays = spot.it != NULL && enter_queue(s, spot.it, credit);
    if (stays) {
        store_set_exptime(s, spot.it, when);
        item_set_meta(spot.it, marks_of(credit));
        if ((credit & CREDIT_GIVEN) != 0)
            set_uses(spot.it, credit);
    }
    store_unlock(s, &spot);
    return stays;
}

/* Like an eviction of its own, but the memory is freed when the segment is reclaimed. */
static void repeat_eviction(struct store *s, const struct engine_note *n)
{
    uint32_t hash = store_hash(s, n->key, n->nkey);
    struct item *told = NULL;
    struct spot spot;
    store_lookup(s, &spot, hash, n->key, n->nkey);
    if (queue_of(n->credit) == QUEUE_SMALL)
        ghost_add(&s->ghost, hash);
    if (spot.it != NULL && item_cas(spot.it) <= n->cas) {
        struct counters *c = store_counters(s);
        COUNT(c->evictions, 1);
        COUNT(c->evicted_unfetched, (item_mark(spot.it) & MARK_FETCHED) == 0);
        COUNT(c->evicted_nonzero, item_exptime(spot.it) != 0);
        atomic_store_explicit(&s->evicted_idle, seen_idle(item_seen(spot.it), s->now()),
                              memory_order_relaxed);
        if (notes_are_watched(s))
            item_take_ref(told = spot.it);
        store_unlink(s, &spot);
    }
    store_unlock(s, &spot);
    if (told != NULL) {
        notes_tell_evicted(s, told);
        store_release(s, told);
    }
}

/* Allocates a place at the end of a queue for an existing item. NULL: the item is large
 * or absent, or there is no memory. */
static struct item *find_room(struct store *s, const struct engine_note *n)
{
    struct berth berth = { .queue = queue_of(n->credit), .order = ORDER_LAST };
    struct item *it = store_peek(s, n->key, n->nkey), *place = NULL;
    if (it == NULL)
        return NULL;
    uint32_t nbytes = item_nbytes(it), flags = it->flags, exptime = item_exptime(it);
    bool large = memory_is_large(&s->memory, it);
    store_release(s, it);
    if (!large && store_allocate(s, NULL, &place, n->key, n->nkey, nbytes, flags, exptime,
                                 &berth) != ENGINE_SUCCESS)
        return NULL;
    return place;
}

/* Moves the item to the place, unless the item has changed or is in use. */
static void repeat_keeping(struct store *s, const struct engine_note *n)
{
    struct item *place = find_room(s, n);
    struct spot spot;
    store_lookup(s, &spot, store_hash(s, n->key, n->nkey), n->key, n->nkey);
    struct item *it = spot.it;
    if (it != NULL)
        set_uses(it, n->credit);
    if (it != NULL && memory_is_large(&s->memory, it))
        memory_renew_large(&s->memory, it, queue_of(n->credit));
    if (it != NULL && place != NULL && (item_word(it) & ITEM_REFS) == 0 &&
        item_size(it) == item_size(place)) {
        place->flags = it->flags;
        store_move(s, &spot, place, item_mark(it));
        place = NULL;
    }
    store_unlock(s, &spot);
    if (place != NULL)
        store_release(s, place);
}

static bool repeat_read(struct store *s, const struct engine_note *n)
{
    struct spot spot;
    store_lookup(s, &spot, store_hash(s, n->key, n->nkey), n->key, n->nkey);
    bool here = spot.it != NULL;
    if (here) {
        item_note_read(spot.it);
        seen_note(s, spot.it);
    }
    store_unlock(s, &spot);
    return here;
}

static bool mirror_repeat(ENGINE_HANDLE *handle, const struct engine_note *note)
{
    struct store *s = store_of(handle);
    if (note->kind == NOTE_READ)
        return repeat_read(s, note);
    if (note->kind == NOTE_EVICTED)
        repeat_eviction(s, note);
    else
        repeat_keeping(s, note);
    return true;
}

static void mirror_expect(ENGINE_HANDLE *handle, const void *key, size_t nkey)
{
    struct store *s = store_of(handle);
    table_prefetch(&s->table, store_hash(s, key, nkey));
}

static void mirror_follow(ENGINE_HANDLE *handle, bool follows)
{
    struct store *s = store_of(handle);
    atomic_store(&s->follows, follows);
    memory_follow(&s->memory, follows);
}

/* Labels of items that are there would stay 0, and scans would pass them over. */
static void mirror_filter_by(ENGINE_HANDLE *handle, engine_hash hash)
{
    struct store *s = store_of(handle);
    if (store_count_items(s) == 0)
        s->table.label_hash = hash;
}

static TAP_ITERATOR mirror_scan(ENGINE_HANDLE *handle, const void *cookie,
                                const struct engine_filter *filter)
{
    return store_scan_begin(store_of(handle), cookie, filter);
}

static uint64_t mirror_items(ENGINE_HANDLE *handle)
{
    return store_count_items(store_of(handle));
}

static void mirror_side(ENGINE_HANDLE *handle, bool upper)
{
    store_set_side(store_of(handle), upper);
}

/* The side is set to its maximum, because it differs in the other node's items. */
static uint64_t mirror_fence(ENGINE_HANDLE *handle)
{
    struct store *s = store_of(handle);
    return s->config.use_cas ? atomic_load(&s->cas) | (CAS_STEP - 1) : UINT64_MAX;
}

const struct engine_mirror mirror_rows = {
    .name = ENGINE_MIRROR_NAME,
    .subscribe = mirror_subscribe,
    .sample = mirror_sample,
    .peek = mirror_peek,
    .credit = mirror_credit,
    .allocate = mirror_allocate,
    .store = mirror_store,
    .touch = mirror_touch,
    .repeat = mirror_repeat,
    .expect = mirror_expect,
    .follow = mirror_follow,
    .filter_by = mirror_filter_by,
    .scan = mirror_scan,
    .items = mirror_items,
    .fence = mirror_fence,
    .side = mirror_side,
};
