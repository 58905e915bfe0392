#include "store/seen.h"

enum { PASS_SECONDS = 3600 }; /* less than half of what a scale can tell apart */

/* The length of a stretch is 1 << this. */
static unsigned shift_of(unsigned seen)
{
    return 4 * (seen >> SEEN_BITS);
}

static unsigned stretches(unsigned seen, rel_time_t now)
{
    return ((now >> shift_of(seen)) - seen) & SEEN_MASK;
}

rel_time_t seen_idle(unsigned seen, rel_time_t now)
{
    return stretches(seen, now) << shift_of(seen);
}

unsigned seen_renew(unsigned seen, rel_time_t now)
{
    unsigned scale = seen >> SEEN_BITS;
    if (stretches(seen, now) <= SEEN_MASK / 2 || scale + 1 == SEEN_SCALES)
        return seen;
    rel_time_t at = now - seen_idle(seen, now);
    return (scale + 1) << SEEN_BITS | (at >> 4 * (scale + 1) & SEEN_MASK);
}

/* Most stay as they are, and so do their cache lines. */
static void age_item(struct item *it, rel_time_t now)
{
    unsigned seen = item_seen(it), anew = seen_renew(seen, now);
    if (anew != seen)
        item_set_seen(it, anew);
}

static void age_bucket(struct store *s, struct bucket *b)
{
    rel_time_t now = s->now();
    for (struct bucket *link = b; link != NULL; link = bucket_next(&s->table, link)) {
        for (int i = 0; i < BUCKET_SLOTS; i++) {
            struct item *it = slot_item(&s->table, slot_load(&link->slot[i]));
            if (it != NULL)
                age_item(it, now);
        }
    }
}

void seen_age(struct store *s, unsigned turns_a_second)
{
    uint32_t *at = &s->maintenance.aged;
    uint32_t n = table_count(&s->table) / (PASS_SECONDS * turns_a_second) + 1;
    for (uint32_t i = 0; i < n; i++) {
        struct bucket *b = table_lock_index(&s->table, *at);
        *at = b != NULL ? *at + 1 : 0;
        if (b == NULL)
            return;
        age_bucket(s, b);
        table_unlock(b);
    }
}
