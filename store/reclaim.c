/*
 * Bringing memory back.
 *
 *   claimed segment:  | dead | live | dead | live, in use | live |
 *                               |               |            |
 *                               v               v            v
 *                        moved or evicted    stays      moved or evicted
 *
 * All callers may reclaim at once, each its own claimed segment: the claim is under
 * memory.lock, the work is not. An item is moved under the lock of its bucket and only
 * while nobody has a reference. If some item stays, the segment goes back to the
 * end of its queue, without the pages that hold nothing; else it is free.
 *
 * Space for a moved item is taken before its bucket is locked, so that no lock
 * is ever waited for under a bucket's lock but the lanes'.
 */
#include <time.h>

#include "base/check.h"
#include "store/store.h"

enum { AHEAD = 8, TRIES = 64, SCAN_PAUSE = 1 };

struct pass {
    struct store *s;
    const void *cookie;
    struct counters *counters;
    struct segment *segment;
    enum claim_mode mode;
    unsigned queue;  /* the segment's */
    bool stuck;      /* no space to move to */
    uint32_t stayed; /* items still in use */
};

static char *segment_end(struct segment *seg)
{
    return seg->base + atomic_load_explicit(&seg->used, memory_order_relaxed);
}

static struct item *item_after(struct item *it)
{
    return (struct item *)(void *)((char *)it + item_size(it));
}

/* Touch the buckets of the next items early: each would be a miss. */
static struct item *look_ahead(struct pass *p, struct item *it, char *end, int n)
{
    while (n-- > 0 && (char *)it < end) {
        if ((item_word(it) & ITEM_LINKED) != 0)
            table_prefetch(&p->s->table, it->hash);
        it = item_after(it);
    }
    return it;
}

/* Lock the bucket and find this very item; not there if it was unlinked meanwhile. */
static bool find_again(struct store *s, struct spot *spot, struct item *it)
{
    struct bucket *b = table_lock(&s->table, it->hash);

    *spot = (struct spot){ .bucket = b, .garbage = SEGMENT_NONE };
    if ((item_word(it) & ITEM_LINKED) != 0)
        spot->slot = table_find_item(&s->table, b, it);
    spot->it = spot->slot == NULL ? NULL : it;
    return spot->it != NULL;
}

static bool is_kept(struct pass *p, struct item *it)
{
    return p->mode == CLAIM_COMPACT || item_freq(it) > 0;
}

static unsigned destination(struct pass *p)
{
    return p->mode == CLAIM_COMPACT ? p->queue : QUEUE_MAIN;
}

/* A new place for an item, NULL if there is none. */
static struct item *reserve_place(struct pass *p, struct item *it)
{
    struct item header = { .word = 1,
                           .exptime = item_exptime(it),
                           .flags = it->flags,
                           .nbytes = item_nbytes(it),
                           .hash = it->hash,
                           .nkey = it->nkey };

    return memory_alloc(&p->s->memory, destination(p), &header, MEMORY_FOR_MOVE);
}

/* Copy an item to its new place and let the table point there. Bucket locked. */
static void move_item(struct pass *p, struct spot *spot, struct item *to)
{
    struct item *it = spot->it;
    unsigned mark = item_mark(it);

    if (p->mode == CLAIM_EVICT && p->queue == QUEUE_MAIN)
        mark--; /* its frequency, which is not 0: one more round for one use */
    else if (p->mode == CLAIM_EVICT)
        mark &= ~MARK_FREQ;
    atomic_store_explicit(&to->cas, item_cas(it), memory_order_relaxed);
    atomic_store_explicit(&to->exptime, item_exptime(it), memory_order_relaxed);
    atomic_store_explicit(&to->nbytes, item_nbytes(it), memory_order_relaxed);
    item_set_mark(to, mark);
    memcpy(to->data, it->data, it->nkey + (size_t)item_nbytes(it));
    memory_note_exptime(&p->s->memory, to, item_exptime(it));
    slot_set(spot->slot, to);
    atomic_store_explicit(&to->word, ITEM_LINKED, memory_order_release);
    memory_note_dead(&p->s->memory, it);
    atomic_store_explicit(&it->word, ITEM_DEAD, memory_order_release);
    COUNT(p->counters->moved, 1);
}

/* Returns whether it was an eviction, and not the end of an item that was over anyway. */
static bool drop_item(struct pass *p, struct spot *spot)
{
    struct item *it = spot->it;
    bool stale = store_is_stale(p->s, it);
    bool fetched = (item_mark(it) & MARK_FETCHED) != 0;

    if (stale) {
        COUNT(p->counters->reclaimed, 1);
        COUNT(p->counters->expired_unfetched, !fetched);
    } else {
        COUNT(p->counters->evictions, 1);
        COUNT(p->counters->evicted_unfetched, !fetched);
        if (p->queue == QUEUE_SMALL)
            ghost_add(&p->s->ghost, it->hash);
    }
    store_unlink(p->s, spot);
    return !stale;
}

enum outcome { STAYS, GONE, EVICTED };

/* Decide on an item under its bucket's lock. *place is set to NULL when it was used. */
static enum outcome settle(struct pass *p, struct spot *spot, struct item **place)
{
    struct item *it = spot->it;

    if ((item_word(it) & ITEM_REFS) != 0)
        return STAYS;
    if (store_is_stale(p->s, it))
        return drop_item(p, spot) ? EVICTED : GONE;
    if (*place != NULL && item_size(*place) == item_size(it)) {
        move_item(p, spot, *place);
        *place = NULL;
        return GONE;
    }
    if (p->mode == CLAIM_EVICT)
        return drop_item(p, spot) ? EVICTED : GONE;
    p->stuck = true;
    return STAYS;
}

static void reclaim_linked(struct pass *p, struct item *it)
{
    struct item *place = is_kept(p, it) ? reserve_place(p, it) : NULL;
    enum outcome outcome = GONE;
    struct spot spot;

    if (find_again(p->s, &spot, it))
        outcome = settle(p, &spot, &place);
    else if ((item_word(it) & ITEM_REFS) != 0)
        outcome = STAYS;
    spot.garbage = SEGMENT_NONE; /* the claim's own affair */
    store_unlock(p->s, &spot);
    if (place != NULL)
        store_release(p->s, place);
    p->stayed += outcome == STAYS;
    /* The segment is ours until it is recycled: the key is still there. */
    if (outcome == EVICTED && p->s->server.stat->evicting != NULL)
        p->s->server.stat->evicting(p->cookie, item_key(it), it->nkey);
}

static void reclaim_item(struct pass *p, struct item *it)
{
    uint32_t word = item_word(it);

    if ((word & ITEM_LINKED) != 0)
        reclaim_linked(p, it);
    else if (word != ITEM_DEAD)
        p->stayed++; /* being filled by a client, or still read by one */
}

/* A large item is not copied: it changes queues. */
static unsigned reclaim_large(struct pass *p, struct item *it)
{
    unsigned queue = p->queue;
    struct spot spot;

    if (item_word(it) == ITEM_DEAD)
        return queue;
    p->stayed = 1;
    if (!find_again(p->s, &spot, it)) {
        p->stayed = item_word(it) != ITEM_DEAD;
    } else if ((item_word(it) & ITEM_REFS) == 0) {
        if (!store_is_stale(p->s, it) && item_freq(it) > 0) {
            item_set_mark(it, queue == QUEUE_MAIN ? item_mark(it) - 1
                                                  : item_mark(it) & ~MARK_FREQ);
            queue = QUEUE_MAIN;
        } else {
            p->stayed = 0;
            if (drop_item(p, &spot))
                p->stayed = 2;
        }
    }
    spot.garbage = SEGMENT_NONE;
    store_unlock(p->s, &spot);
    if (p->stayed == 2) {
        p->stayed = 0;
        if (p->s->server.stat->evicting != NULL)
            p->s->server.stat->evicting(p->cookie, item_key(it), it->nkey);
    }
    return queue;
}

static void reclaim_small(struct pass *p)
{
    char *end = segment_end(p->segment);
    struct item *it = (struct item *)(void *)p->segment->base;
    struct item *ahead = look_ahead(p, it, end, AHEAD);

    while ((char *)it < end && !p->stuck) {
        struct item *next = item_after(it);
        ahead = look_ahead(p, ahead, end, 1);
        reclaim_item(p, it);
        it = next;
    }
}

/* One claimed segment. True if that gave memory back. */
static bool reclaim_segment(struct pass *p, uint32_t id)
{
    struct memory *m = &p->s->memory;
    unsigned queue = p->queue;

    if (p->segment->large)
        queue = reclaim_large(p, (struct item *)(void *)p->segment->base);
    else
        reclaim_small(p);
    if (p->stayed == 0 && !p->stuck) {
        memory_recycle(m, id);
        return true;
    }
    memory_requeue(m, id, queue);
    return false;
}

bool store_reclaim(struct store *s, const void *cookie)
{
    for (int i = 0; i < TRIES; i++) {
        struct pass p = { .s = s, .cookie = cookie, .counters = store_counters(s) };
        uint32_t id;
        p.mode = memory_claim(&s->memory, s->config.eviction, s->now(), &id);
        if (p.mode == CLAIM_NOTHING)
            return false;
        p.segment = &s->memory.segments[id];
        p.queue = p.segment->queue;
        if (reclaim_segment(&p, id))
            return true;
    }
    return false;
}

static void expire_item(struct store *s, struct pass *p, struct item *it)
{
    struct spot spot;

    if (find_again(s, &spot, it) && store_is_stale(s, it))
        drop_item(p, &spot);
    store_unlock(s, &spot);
}

/* Remove what expired from one pinned segment. */
static void expire_segment(struct store *s, struct segment *seg, char *end,
                           rel_time_t now)
{
    struct pass p = { .s = s, .counters = store_counters(s), .segment = seg };
    struct item *it = (struct item *)(void *)seg->base;
    uint32_t least = EXPTIME_NONE;

    /* Before the look at the items: a touch meanwhile lowers it again. */
    atomic_store(&seg->min_exptime, EXPTIME_NONE);
    for (; (char *)it < end; it = item_after(it)) {
        uint32_t exptime = item_exptime(it), word = item_word(it);
        if (exptime == 0 || (word & ITEM_DEAD) != 0)
            continue;
        if (exptime <= now && (word & ITEM_LINKED) != 0)
            expire_item(s, &p, it);
        else if (exptime < least)
            least = exptime;
    }
    if (least != EXPTIME_NONE)
        memory_note_exptime(&s->memory, (struct item *)(void *)seg->base, least);
}

static uint64_t microseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void store_expire(struct store *s, uint64_t budget_us)
{
    struct maintenance *t = &s->maintenance;
    uint64_t until = microseconds() + budget_us;
    rel_time_t now = s->now();
    uint32_t id;
    char *end;

    if (t->cursor == 0 && t->round_began == now)
        return;
    if (t->cursor == 0)
        t->round_began = now;
    while ((id = memory_pin_next(&s->memory, &t->cursor, now, &end)) != SEGMENT_NONE) {
        expire_segment(s, &s->memory.segments[id], end, now);
        memory_unpin(&s->memory, id, now + SCAN_PAUSE);
        if (microseconds() >= until)
            return;
    }
    t->cursor = 0;
    atomic_fetch_add(&t->scans, 1);
}
