/*
 * Reclaiming memory.
 *
 *   claimed segment:  | dead | live | dead | live, in use | live |
 *                               |               |            |
 *                               v               v            v
 *                        moved or evicted    stays      moved or evicted
 *
 * All callers may reclaim at the same time, each its own claimed segment: the claim is
 * under memory.lock, the work is not. An item is moved under the lock of its bucket and
 * only while nobody has a reference. If an item stays, the segment is parked, without the
 * pages that hold nothing; otherwise the segment is free. A large item is parked as a
 * whole while it is in use. So a queue holds only what can be reclaimed, and each claim
 * of a segment shortens a queue, or brings a large item nearer to its end.
 *
 * Space for a moved item is taken before its bucket is locked, so that a thread never
 * waits for another lock under a bucket's lock, except a lane's.
 */
#include "store/instance.h"

#include <sched.h>

#include "store/notes.h"
#include "store/seen.h"

enum { AHEAD = 8 }; /* items */

/* Segments of the main queue in a row that yielded almost nothing, before others must. */
enum { VAIN_MAX = 4 };

struct pass {
    struct store *s;
    const void *cookie;
    struct counters *counters;
    struct segment *segment;
    enum claim_mode mode;
    unsigned queue;    /* the segment's */
    unsigned need;     /* items with a frequency above this stay */
    bool stuck;        /* no space to move items to */
    bool rotates;      /* a large item goes to the end of a queue */
    uint32_t stayed;   /* number of items still in use */
    size_t seen, kept; /* bytes of live items */
    bool evicts;
    rel_time_t idle; /* of the last one that it evicted: seconds since its last use */
};

/* Prefetches the buckets of the next items: each would be a cache miss. */
static struct item *look_ahead(struct pass *p, struct item *it, char *end, int n)
{
    while (n-- > 0 && (char *)it < end) {
        if ((item_word(it) & ITEM_LINKED) != 0)
            table_prefetch(&p->s->table, it->hash);
        it = item_after(it);
    }
    return it;
}

static bool is_kept(struct pass *p, struct item *it)
{
    return p->mode == CLAIM_COMPACT || item_freq(it) > p->need;
}

static unsigned destination(struct pass *p)
{
    return p->mode == CLAIM_COMPACT ? p->queue : QUEUE_MAIN;
}

/* A new place for an item, or NULL if there is none. */
static struct item *reserve_place(struct pass *p, struct item *it)
{
    struct item header = { .word = 1,
                           .exptime = item_exptime(it),
                           .flags = it->flags,
                           .nbytes = item_nbytes(it),
                           .hash = it->hash,
                           .nkey = it->nkey };
    if (p->mode == CLAIM_COMPACT && atomic_load(&p->s->follows))
        return memory_alloc_aged(&p->s->memory, p->queue, p->segment->order, &header,
                                 MEMORY_FOR_MOVE);
    return memory_alloc(&p->s->memory, destination(p), &header, MEMORY_FOR_MOVE);
}

/* The item's remaining frequency for its next round. A promotion resets it; a round in
 * the main queue costs one. */
static unsigned mark_spent(struct pass *p, unsigned mark)
{
    if (p->mode == CLAIM_COMPACT)
        return mark;
    return p->queue == QUEUE_MAIN ? mark - 1 : mark & ~MARK_FREQ;
}

/* Returns true if this was an eviction, false if the item was stale anyway. */
static bool drop_item(struct pass *p, struct spot *spot)
{
    struct item *it = spot->it;
    if (store_is_stale(p->s, it)) {
        store_drop_stale(p->s, spot);
        return false;
    }
    COUNT(p->counters->evictions, 1);
    COUNT(p->counters->evicted_unfetched, (item_mark(it) & MARK_FETCHED) == 0);
    COUNT(p->counters->evicted_active, item_freq(it) > 0);
    COUNT(p->counters->evicted_nonzero, item_exptime(it) != 0);
    p->evicts = true;
    p->idle = seen_idle(item_seen(it), p->s->now());
    if (p->queue == QUEUE_SMALL)
        ghost_add(&p->s->ghost, it->hash);
    store_unlink(p->s, spot);
    return true;
}

enum fate { STAYS, GONE, MOVED, EVICTED };

/* Decides about an item under its bucket's lock. Sets *place to NULL if it was used. */
static enum fate decide(struct pass *p, struct spot *spot, struct item **place)
{
    struct item *it = spot->it;
    if ((item_word(it) & ITEM_REFS) != 0)
        return STAYS;
    if (store_is_stale(p->s, it))
        return drop_item(p, spot) ? EVICTED : GONE;
    if (*place != NULL && item_size(*place) == item_size(it)) {
        store_move(p->s, spot, *place, mark_spent(p, item_mark(it)));
        p->kept += item_size(*place);
        *place = NULL;
        return MOVED;
    }
    if (p->mode == CLAIM_EVICT)
        return drop_item(p, spot) ? EVICTED : GONE;
    p->stuck = true;
    return STAYS;
}

/* Unlocks, then does what must not be done under a lock. */
static void leave(struct pass *p, struct spot *spot, struct item *it, enum fate outcome)
{
    spot->garbage = SEGMENT_NONE; /* the owner of the claim frees it */
    store_unlock(p->s, spot);
    p->stayed += outcome == STAYS;
    /* The segment is ours until it is recycled: the item still exists. */
    if (outcome == EVICTED && p->s->server.stat->evicting != NULL)
        p->s->server.stat->evicting(p->cookie, item_key(it), it->nkey);
    if (outcome == EVICTED) {
        notes_tell_evicted(p->s, it);
        notes_tell(p->s, NOTE_EVICTED, it, item_mark(it), p->queue);
    } else if (outcome == MOVED)
        notes_tell(p->s, NOTE_KEPT, it, mark_spent(p, item_mark(it)), destination(p));
}

static void reclaim_linked(struct pass *p, struct item *it)
{
    struct item *place = is_kept(p, it) ? reserve_place(p, it) : NULL;
    enum fate outcome = GONE;
    struct spot spot;
    p->seen += item_size(it);
    if (store_find(p->s, &spot, it))
        outcome = decide(p, &spot, &place);
    else if ((item_word(it) & ITEM_REFS) != 0)
        outcome = STAYS;
    leave(p, &spot, it, outcome);
    if (place != NULL)
        store_release(p->s, place);
}

static void reclaim_item(struct pass *p, struct item *it)
{
    uint32_t word = item_word(it);
    if ((word & ITEM_LINKED) != 0)
        reclaim_linked(p, it);
    else if (word != ITEM_DEAD)
        p->stayed++; /* a client is filling it, or still reading it */
}

/* A large item is not copied: it changes its queue. */
static enum fate dispose_large(struct pass *p, struct spot *spot)
{
    struct item *it = spot->it;
    if ((item_word(it) & ITEM_REFS) != 0)
        return STAYS;
    if (store_is_stale(p->s, it) || !is_kept(p, it))
        return drop_item(p, spot) ? EVICTED : GONE;
    unsigned mark = mark_spent(p, item_mark(it));
    item_set_mark(it, mark);
    p->queue = destination(p);
    p->rotates = true;
    return STAYS;
}

static void reclaim_large(struct pass *p, struct item *it)
{
    enum fate outcome = item_word(it) == ITEM_DEAD ? GONE : STAYS;
    struct spot spot;
    if (store_find(p->s, &spot, it))
        outcome = dispose_large(p, &spot);
    leave(p, &spot, it, outcome);
}

static void reclaim_small(struct pass *p)
{
    char *end = segment_end(p->segment);
    struct item *it = segment_item(p->segment);
    struct item *ahead = look_ahead(p, it, end, AHEAD);
    while ((char *)it < end && !p->stuck) {
        struct item *next = item_after(it);
        ahead = look_ahead(p, ahead, end, 1);
        reclaim_item(p, it);
        it = next;
    }
}

/* If nearly all of the main queue was read often, keeping it would copy the memory round
 * and round for nothing: require a higher frequency. A few segments are no evidence for
 * the rest: the hottest items were moved together and lie side by side. */
static void adapt(struct demand *d, struct pass *p)
{
    uint64_t seen = atomic_fetch_add(&d->seen, p->seen) + p->seen;
    uint64_t kept = atomic_fetch_add(&d->kept, p->kept) + p->kept;
    unsigned above = atomic_load(&d->above);
    if (seen < budget_limit(&p->s->memory.budget) / 4)
        return;
    atomic_store(&d->seen, 0);
    atomic_store(&d->kept, 0);
    if (kept > seen / 4 * 3 && above < MARK_FREQ - 1)
        atomic_store(&d->above, above + 1);
    else if (kept < seen / 2 && above > 0)
        atomic_store(&d->above, above - 1);
}

/* Counts segments of the main queue that yielded almost nothing. Only after VAIN_MAX of
 * them does the small queue pay instead; if it is empty too, something hot must go. */
static void note_gain(struct pass *p)
{
    struct demand *d = &p->s->demand;
    if (p->mode != CLAIM_EVICT)
        return;
    if (p->queue == QUEUE_MAIN)
        adapt(d, p);
    if (p->queue == QUEUE_MAIN && p->kept > p->seen / 4 * 3)
        atomic_fetch_add(&d->vain, 1);
    else
        atomic_store(&d->vain, 0);
}

/* Processes one claimed segment. True if that freed memory. */
static bool reclaim_segment(struct pass *p, uint32_t id)
{
    struct memory *m = &p->s->memory;
    if (p->segment->large) {
        reclaim_large(p, segment_item(p->segment));
    } else {
        reclaim_small(p);
        note_gain(p);
    }
    if (p->evicts)
        atomic_store_explicit(&p->s->evicted_idle, p->idle, memory_order_relaxed);
    if (p->stayed == 0 && !p->stuck) {
        memory_recycle(m, id);
        return true;
    }
    COUNT(p->counters->lrutail_reflocked, p->stayed);
    bool park = !p->stuck && !p->rotates, gives = park && !p->segment->large;
    if (gives)
        memory_hollow(m, id);
    memory_requeue(m, id, p->queue, park);
    return gives;
}

static bool main_is_vain(struct store *s)
{
    return atomic_load(&s->demand.vain) >= VAIN_MAX;
}

/* vain: the main queue's items were too hot to evict when the segment was claimed. It was
 * claimed nevertheless, so the small queue is empty. */
static unsigned need_of(struct store *s, unsigned queue, bool vain)
{
    if (queue == QUEUE_SMALL)
        return 0;
    return vain ? MARK_FREQ : atomic_load(&s->demand.above);
}

static struct pass pass_of(struct store *s, const void *cookie, enum claim_mode mode,
                           uint32_t id, bool vain)
{
    struct segment *seg = &s->memory.segments[id];
    return (struct pass){ .s = s,
                          .cookie = cookie,
                          .counters = store_counters(s),
                          .segment = seg,
                          .mode = mode,
                          .queue = seg->queue,
                          .need = need_of(s, seg->queue, vain) };
}

bool store_reclaim(struct store *s, const void *cookie)
{
    bool compact = true;
    /* The first segment usually suffices. But large items may have to go round until
     * their frequency is used up, and segments may turn out to be in use. */
    uint32_t tries = 1 + (MARK_FREQ + 1) * memory_queued(&s->memory);
    for (uint32_t i = 0; i < tries; i++) {
        const struct claim_order order = { .compact = compact,
                                           .follow = atomic_load(&s->follows),
                                           .evict = s->config.eviction,
                                           .main_is_vain = main_is_vain(s),
                                           .now = s->now() };
        uint32_t id;
        enum claim_mode mode = memory_claim(&s->memory, &order, &id);
        if (mode == CLAIM_NOTHING)
            return false;
        if (mode == CLAIM_WAIT)
            return sched_yield() == 0;
        struct pass p = pass_of(s, cookie, mode, id, order.main_is_vain);
        if (reclaim_segment(&p, id))
            return true;
        compact = compact && !p.stuck; /* no space to move items: only eviction helps */
    }
    return false;
}

void store_reclaim_parked(struct store *s)
{
    /* Each one once: those that stay parked go to the end. */
    for (uint32_t n = memory_parked(&s->memory); n > 0; n--) {
        uint32_t id = memory_claim_parked(&s->memory);
        if (id == SEGMENT_NONE)
            return;
        struct pass p = pass_of(s, NULL, CLAIM_COMPACT, id, false);
        reclaim_segment(&p, id);
    }
}
