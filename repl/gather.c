/*
 * Which keys to send next: the journal's entries, each key once. Entries of keys with
 * large values, and of a key whose large value is on its way, are moved to a ring of
 * their own, `later`: the worker of that ring has no thread, and the replication thread
 * reads it one value after the other. So what is small never waits for what is large.
 */
#include <string.h>

#include "repl/internal.h"

/* One look-up serves both entries, because all entries are read before the first look-up.
 * What is neither an absence nor a delta by both counts as changed. */
static void entry_join(struct journal_entry *e, struct journal_entry *other)
{
    if (e->kind == JOURNAL_ABSENCE && other->kind == JOURNAL_ABSENCE)
        return;
    if (e->kind != JOURNAL_DELTA || other->kind != JOURNAL_DELTA ||
        !delta_join(journal_delta(e), journal_delta(other)))
        e->kind = JOURNAL_CHANGE; /* mutant: delta-hides-a-change */
}

/* Where the key's entry is, if its turn has not come, or where it belongs. Entries whose
 * turn has come may be gone. */
static uint16_t *slot_of(struct repl_gather *g, const struct journal_entry *e)
{
    size_t at = (size_t)e->hash & g->mask;
    for (; g->slots[at] != 0; at = (at + 1) & g->mask) {
        const struct journal_entry *other = g->entries[g->slots[at] - 1];
        if (g->slots[at] > g->shipped && other->hash == e->hash &&
            other->nkey == e->nkey && memcmp(other->key, e->key, e->nkey) == 0)
            break;
    }
    return &g->slots[at];
}

/* False if the key is there. */
static bool add(struct repl_gather *g, struct journal_entry *e)
{
    uint16_t *slot = slot_of(g, e);
    if (*slot != 0) {
        entry_join(g->entries[*slot - 1], e);
        return false;
    }
    g->entries[g->n++] = e;
    *slot = (uint16_t)g->n;
    return true;
}

/* At most *left entries. */
static void read_ring(struct repl_core *c, struct repl_gather *g, struct ring *ring,
                      uint64_t *left)
{
    struct journal_entry *e;
    for (; *left > 0 && g->n < GATHER_MAX && (e = ring_read(ring)) != NULL; --*left) {
        e->batch = c->session.sent + NOT_SHIPPED;
        if (!add(g, e)) {
            /* Free the entry with the next batch: the key itself is gathered. */
            e->batch = c->session.sent + 1;
            e->stamp = taken_place(0);
            c->count.coalesced++;
        }
    }
}

/* For so many entries: the table is at most half full. */
static void clear(struct repl_gather *g, uint64_t entries)
{
    size_t slots = 2;
    while (slots < 2 * entries && slots < N_ELEMENTS(g->slots))
        slots *= 2;
    memset(g->slots, 0, slots * sizeof(*g->slots));
    g->mask = slots - 1;
    g->n = g->shipped = 0;
}

uint64_t gather_unread(const struct repl_core *c)
{
    uint64_t n = c->gather.n - c->gather.shipped;
    const struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        n += w != c->later ? ring_unread(&w->ring) : 0;
    return n;
}

/* Each time from the ring at which the last gathering ended: one that is never empty
 * keeps no other waiting. */
void gather_changes(struct repl_core *c)
{
    struct repl_worker *first = gate_next(&c->gate, c->gathered), *w = first;
    uint64_t left = gather_unread(c);
    clear(&c->gather, left);
    if (first == NULL)
        return;
    do {
        if (w != c->later)
            read_ring(c, &c->gather, &w->ring, &left);
        c->gathered = w; /* mutant: first-ring-first */
        w = gate_next(&c->gate, w);
    } while (w != first && left > 0 && c->gather.n < GATHER_MAX);
}

struct journal_entry *gather_next_later(struct repl_core *c)
{
    struct repl_gather *g = &c->gather_later;
    if (g->shipped == g->n) {
        uint64_t left = ring_unread(&c->later->ring);
        clear(g, left);
        read_ring(c, g, &c->later->ring, &left);
    }
    return g->entries[g->shipped++];
}

bool gather_has_later(const struct repl_core *c)
{
    const struct repl_gather *g = &c->gather_later;
    return g->shipped < g->n || ring_has_unread(&c->later->ring);
}

/* In what is gathered already, or in the ring. False: the journal is full. */
static bool append(struct repl_core *c, struct journal_entry *e)
{
    struct repl_gather *g = &c->gather_later;
    struct ring *ring = &c->later->ring;
    const struct delta *delta = e->kind == JOURNAL_DELTA ? journal_delta(e) : NULL;
    uint16_t *slot = slot_of(g, e);
    if (*slot != 0) {
        entry_join(g->entries[*slot - 1], e);
        return true;
    }
    if (ring_pending(ring) == 0)
        c->later_since_us = c->now_us;
    return journal_append(&c->journal, ring, (enum journal_kind)e->kind, e->hash, e->key,
                          e->nkey, 0, delta);
}

/* What waits for the changes that were noted (ship_note) waits for this one too. */
bool gather_later(struct repl_core *c, struct journal_entry *e)
{
    bool done = append(c, e);
    c->later->noted =
        atomic_load(&c->later->ring.written); /* mutant: later-is-not-noted */
    return done;
}

bool gather_is_cut(const struct repl_core *c)
{
    return c->gather.shipped < c->gather.n || c->gather.n == GATHER_MAX;
}

void gather_forget(struct repl_core *c)
{
    clear(&c->gather, 0);
    clear(&c->gather_later, 0);
}
