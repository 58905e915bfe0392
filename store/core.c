/* Operations on one key: allocate an item for it, look it up, remove it. */
#include "store/instance.h"

#include "store/notes.h"
#include "store/seen.h"

static struct item *allocate_at(struct memory *m, const struct item *header,
                                const struct berth *berth)
{
    if (berth->order == ORDER_LAST)
        return memory_alloc(m, berth->queue, header, MEMORY_FOR_CLIENT);
    return memory_alloc_aged(m, berth->queue, berth->order, header, MEMORY_FOR_CLIENT);
}

/* Allocates an item as described by the header, and copies the key. */
static ENGINE_ERROR_CODE allocate(struct store *s, const void *cookie, struct item **it,
                                  const struct item *header, const void *key,
                                  const struct berth *berth)
{
    bool goes_on = memory_may_hold(&s->memory, item_size(header));
    *it = NULL;
    while (goes_on && (*it = allocate_at(&s->memory, header, berth)) == NULL) {
        COUNT(store_counters(s)->direct_reclaims, 1);
        goes_on = store_reclaim(s, cookie);
    }
    if (*it == NULL) {
        COUNT(store_counters(s)->outofmemory, 1);
        return ENGINE_ENOMEM;
    }
    memcpy((*it)->data, key, header->nkey);
    return ENGINE_SUCCESS;
}

/* A key that was evicted unread recently and returns has proven itself. */
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
    if (nkey == 0 || nkey > UINT8_MAX)
        return ENGINE_EINVAL;
    if (nbytes > s->config.item_size_max ||
        sizeof(struct item) + nkey + nbytes > s->config.item_size_max)
        return ENGINE_E2BIG;
    struct item header = { .word = 1,
                           .exptime = exptime,
                           .flags = flags,
                           .nbytes = (uint32_t)nbytes,
                           .hash = store_hash(s, key, nkey),
                           .nkey = (uint8_t)nkey };
    table_prefetch(&s->table, header.hash);
    struct berth berth = given != NULL ? *given : berth_of(s, header.hash);
    return allocate(s, cookie, it, &header, key, &berth);
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
        rose = item_note_read(it);
        seen_note(s, it);
    }
    store_unlock(s, &spot);
    if (__builtin_expect(rose, 0) || (it != NULL && notes_sample(s)))
        notes_tell_read(s, key, nkey);
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
