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
    size_t mask = N_ELEMENTS(g->slots) - 1, at = (size_t)e->hash & mask;
    for (; g->slots[at] != 0; at = (at + 1) & mask) {
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

static void read_ring(struct repl_core *c, struct repl_gather *g, struct ring *ring)
{
    struct journal_entry *e;
    while (g->n < GATHER_MAX && (e = ring_read(ring)) != NULL) {
        e->batch = c->session.sent + NOT_SHIPPED;
        if (!add(g, e)) {
            /* Free the entry with the next batch: the key itself is gathered. */
            e->batch = c->session.sent + 1;
            e->stamp = taken_place(0);
            c->count.coalesced++;
        }
    }
}

static void clear(struct repl_gather *g)
{
    memset(g->slots, 0, sizeof(g->slots));
    g->n = g->shipped = 0;
}

/* Each time from the ring at which the last gathering ended: one that is never empty
 * keeps no other waiting. */
void gather_changes(struct repl_core *c)
{
    struct repl_worker *first = gate_next(&c->gate, c->gathered), *w = first;
    clear(&c->gather);
    if (first == NULL)
        return;
    do {
        if (w != c->later)
            read_ring(c, &c->gather, &w->ring);
        c->gathered = w; /* mutant: first-ring-first */
        w = gate_next(&c->gate, w);
    } while (w != first && c->gather.n < GATHER_MAX);
}

struct journal_entry *gather_next_later(struct repl_core *c)
{
    struct repl_gather *g = &c->gather_later;
    if (g->shipped == g->n) {
        clear(g);
        read_ring(c, g, &c->later->ring);
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

bool gather_has_unread(const struct repl_core *c)
{
    const struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next) {
        if (w != c->later && ring_has_unread(&w->ring))
            return true;
    }
    return c->gather.shipped < c->gather.n;
}

void gather_forget(struct repl_core *c)
{
    clear(&c->gather);
    clear(&c->gather_later);
}
