/* The search for expired items; each turn does part of it. */
#include "store/instance.h"

#include <time.h>

enum { SCAN_PAUSE = 1 }; /* seconds between two scans of one segment */

static bool expire_item(struct store *s, struct item *it)
{
    struct spot spot;
    bool stale = store_find(s, &spot, it) && store_is_stale(s, it);
    if (stale) {
        COUNT(store_counters(s)->crawler_reclaimed, 1);
        store_drop_stale(s, &spot);
    }
    store_unlock(s, &spot);
    return stale;
}

static void count_scrubbed(struct maintenance *t, uint64_t visited, uint64_t cleaned)
{
    if (atomic_load(&t->scrub) != SCRUB_RUNS)
        return;
    COUNT(t->visited, visited);
    COUNT(t->cleaned, cleaned);
}

/* Removes the expired items of one pinned segment. */
static void expire_segment(struct store *s, struct segment *seg, char *end,
                           rel_time_t now)
{
    struct item *it = segment_item(seg);
    uint32_t least = EXPTIME_NONE;
    uint64_t visited = 0, cleaned = 0;
    /* Before reading the items: a touch during the scan lowers it again. */
    atomic_store(&seg->min_exptime, EXPTIME_NONE);
    for (; (char *)it < end; it = item_after(it)) {
        uint32_t exptime = item_exptime(it), word = item_word(it);
        visited += (word & (ITEM_DEAD | ITEM_LINKED)) == ITEM_LINKED;
        if (exptime == 0 || (word & ITEM_DEAD) != 0)
            continue;
        if (exptime <= now && (word & ITEM_LINKED) != 0)
            cleaned += expire_item(s, it);
        else if (exptime < least)
            least = exptime;
    }
    if (least != EXPTIME_NONE)
        segment_note_exptime(seg, least);
    count_scrubbed(&s->maintenance, visited, cleaned);
}

static uint64_t microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool store_scrub(struct store *s)
{
    enum scrub none = SCRUB_NONE;
    if (!atomic_compare_exchange_strong(&s->maintenance.scrub, &none, SCRUB_ASKED))
        return false;
    background_wake(&s->background);
    return true;
}

/* False: there was one in this second. */
static bool begin_round(struct maintenance *t, rel_time_t now)
{
    bool asked = atomic_load(&t->scrub) == SCRUB_ASKED;
    if (t->round_began == now && !asked)
        return false;
    t->round_began = now;
    if (asked) {
        atomic_store(&t->visited, 0);
        atomic_store(&t->cleaned, 0);
        atomic_store(&t->scrub_ended,
                     now); /* first, so that a reader never sees it before */
        atomic_store(&t->scrub_began, now);
        atomic_store(&t->scrub, SCRUB_RUNS);
    }
    return true;
}

static void end_round(struct maintenance *t, rel_time_t now)
{
    t->cursor = 0;
    atomic_fetch_add(&t->scans, 1);
    if (atomic_load(&t->scrub) != SCRUB_RUNS)
        return;
    atomic_store(&t->scrub_ended, now);
    atomic_store(&t->scrub, SCRUB_NONE);
}

void store_expire(struct store *s, uint64_t budget_us)
{
    struct maintenance *t = &s->maintenance;
    uint64_t until = microseconds() + budget_us;
    rel_time_t now = s->now();
    uint32_t id;
    char *end;
    if (t->cursor == 0 && !begin_round(t, now))
        return;
    while ((id = memory_pin_next(&s->memory, &t->cursor, now, &end)) != SEGMENT_NONE) {
        expire_segment(s, &s->memory.segments[id], end, now);
        memory_unpin(&s->memory, id, now + SCAN_PAUSE);
        if (microseconds() >= until)
            return;
    }
    end_round(t, now);
}
