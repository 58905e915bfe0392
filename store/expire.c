/* The search for expired items; each turn does part of it. */
#include "store/instance.h"

#include <time.h>

enum { SCAN_PAUSE = 1 }; /* seconds between two scans of one segment */

static void expire_item(struct store *s, struct item *it)
{
    struct spot spot;
    if (store_find(s, &spot, it) && store_is_stale(s, it)) {
        COUNT(store_counters(s)->crawler_reclaimed, 1);
        store_drop_stale(s, &spot);
    }
    store_unlock(s, &spot);
}

/* Removes the expired items of one pinned segment. */
static void expire_segment(struct store *s, struct segment *seg, char *end,
                           rel_time_t now)
{
    struct item *it = segment_item(seg);
    uint32_t least = EXPTIME_NONE;
    /* Before reading the items: a touch during the scan lowers it again. */
    atomic_store(&seg->min_exptime, EXPTIME_NONE);
    for (; (char *)it < end; it = item_after(it)) {
        uint32_t exptime = item_exptime(it), word = item_word(it);
        if (exptime == 0 || (word & ITEM_DEAD) != 0)
            continue;
        if (exptime <= now && (word & ITEM_LINKED) != 0)
            expire_item(s, it);
        else if (exptime < least)
            least = exptime;
    }
    if (least != EXPTIME_NONE)
        segment_note_exptime(seg, least);
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
