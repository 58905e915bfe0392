/* Chooses which segment to search for expired items. */
#include "store/memory.h"

#include "base/check.h"

/* The current end of the items in an open segment; NULL if no lane has it open. */
static char *open_end(struct memory *m, uint32_t id, unsigned queue)
{
    char *end = NULL;
    for (uint32_t i = 0; i < m->nlanes && end == NULL; i++) {
        struct lane *lane = &m->lanes[i];
        spin_acquire(&lane->lock);
        struct open_segment *open = &lane->open[queue];
        if (open->id == id) {
            end = open->next;
            if (open->min_exptime < atomic_load(&m->segments[id].min_exptime))
                atomic_store(&m->segments[id].min_exptime, open->min_exptime);
        }
        spin_release(&lane->lock);
    }
    return end;
}

/* The end of the items in a segment that is due for a scan; NULL if it is not due. */
static char *due_end(struct memory *m, uint32_t id, uint32_t now)
{
    struct segment *seg = &m->segments[id];
    char *end = NULL;
    if (seg->busy || seg->next_search > now)
        return NULL;
    if (seg->state == SEGMENT_OPEN)
        end = open_end(m, id, seg->queue);
    else if (seg->state == SEGMENT_QUEUED)
        end = segment_end(seg);
    return atomic_load(&seg->min_exptime) <= now ? end : NULL;
}

uint32_t memory_pin_next(struct memory *m, uint32_t *cursor, uint32_t now, char **end)
{
    uint32_t found = SEGMENT_NONE;
    AZ(pthread_mutex_lock(&m->lock));
    for (; found == SEGMENT_NONE && *cursor < m->large_next; ++*cursor) {
        if (*cursor >= m->arena_next && *cursor < m->narena)
            *cursor = m->narena;
        if (*cursor >= m->large_next)
            break;
        *end = due_end(m, *cursor, now);
        if (*end != NULL)
            found = *cursor;
    }
    if (found != SEGMENT_NONE)
        m->segments[found].busy = true;
    AZ(pthread_mutex_unlock(&m->lock));
    return found;
}
