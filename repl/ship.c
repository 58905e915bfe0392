/*
 * From the journal to frames: the state of changed keys, in batches. Of a large value
 * that the peer has, only what was added is sent (R20).
 */
#include <string.h>

#include "base/check.h"
#include "repl/internal.h"

enum {
    COPY_MAX = 2048,        /* bytes; values up to this size are copied into the buffer */
    BACKLOG_MAX = 1 << 20,  /* bytes that the network has not taken yet */
    WINDOW = 256,           /* batches that are not acknowledged yet */
    BATCH_BYTES = 64 << 10, /* a batch ends here, so that acknowledgements keep coming */
    NOT_SHIPPED = 1 << 30,  /* added to batch numbers that no answer may reach */
};

bool ship_has_room(struct repl_core *c)
{
    return c->port_ops->backlog(c->port) < BACKLOG_MAX;
}

bool ship_may_send(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    return s->sent - s->acked < WINDOW && ship_has_room(c);
}

bool ship_has_unread(struct repl_core *c)
{
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next) {
        if (ring_has_unread(&w->ring))
            return true;
    }
    return false;
}

void ship_end_batch(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    s->sent_us[++s->sent % N_ELEMENTS(s->sent_us)] = c->now_us;
    s->changes = 0;
    link_put_noop(core_out(c), s->sent, false);
}

void ship_flush(struct repl_core *c)
{
    c->flush.due = false;
    if (c->session.lead != LEAD_LEADER)
        return;
    link_put_flush(core_out(c), flush_moment(c));
    ship_end_batch(c);
}

bool ship_fits(const struct repl_core *c, const struct link_change *state)
{
    uint64_t max = c->session.peer.item_max;
    return max == 0 || state->nvalue <= max;
}

static void ship_absence(struct repl_core *c, const void *key, uint16_t nkey)
{
    const struct link_change gone = { .key = key, .nkey = nkey };
    link_put_change(core_out(c), LINK_DELETEQ, &gone);
}

/* Takes over the item's reference. If the value is beyond the peer's limit, the former
 * value must not stay there: DELETEQ is sent in place of SETQ. */
void ship_item(struct repl_core *c, enum link_op op, struct repl_item *item)
{
    struct buffer *out = core_out(c);
    if (!ship_fits(c, &item->state)) {
        if (op == LINK_SETQ)
            ship_absence(c, item->state.key, item->state.nkey);
        c->store_ops->release(c->store, item->item);
        return;
    }
    link_put_change(out, op, &item->state);
    if (op == LINK_FILL)
        rate_take(&c->copy_rate, FRAME_HEADER + item->state.nkey + item->state.nvalue,
                  c->now_us);
    if (item->state.nvalue > COPY_MAX) {
        c->port_ops->send_value(c->port, item);
        return;
    }
    buffer_append(out, item->state.value, item->state.nvalue);
    c->store_ops->release(c->store, item->item);
}

/* Not for an absence in a missing bucket: the repair would drop what only the peer may
 * have of that bucket. */
void ship_unknown(struct repl_core *c, const struct journal_entry *e)
{
    if (e->kind != JOURNAL_ABSENCE || !map_has(&c->missing, e->hash))
        sync_note_dirty(c, e->hash);
}

/* Does the peer, as far as this node knows, have all items of this bucket? */
static bool peer_has(const struct repl_core *c, uint64_t hash)
{
    return !map_has(&c->owed, hash) && !map_has(&c->in_flight, hash) &&
           !map_has(&c->dirty, hash);
}

/* R20 */
static void ship_state(struct repl_core *c, struct journal_entry *e,
                       struct repl_item *item)
{
    bool reduced = e->kind == JOURNAL_DELTA && ship_fits(c, &item->state) &&
                   peer_has(c, e->hash) && delta_reduce(journal_delta(e), &item->state);
    c->count.deltas += reduced;
    ship_item(c, reduced ? LINK_DELTA : LINK_SETQ, item);
}

/* For an absence whose key is here by now, send nothing: whoever stored the key has an
 * entry of its own. */
static void ship_key(struct repl_core *c, struct journal_entry *e)
{
    struct repl_item item;
    enum repl_answer found = core_lookup(c, e->key, e->nkey, &item);
    if (found == REPL_UNKNOWN) {
        ship_unknown(c, e);
        return;
    }
    if (found == REPL_YES && e->kind == JOURNAL_ABSENCE) {
        c->store_ops->release(c->store, item.item);
        return;
    }
    if (found == REPL_YES)
        ship_state(c, e, &item);
    else
        ship_absence(c, e->key, e->nkey);
    c->session.changes++;
    c->count.shipped++;
}

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

/* False if the key was gathered already. */
static bool gather_add(struct repl_gather *g, struct journal_entry *e)
{
    size_t mask = sizeof(g->slots) / sizeof(g->slots[0]) - 1;
    size_t at = (size_t)e->hash & mask;
    for (; g->slots[at] != 0; at = (at + 1) & mask) {
        struct journal_entry *other = g->entries[g->slots[at] - 1];
        if (other->hash == e->hash && other->nkey == e->nkey &&
            memcmp(other->key, e->key, e->nkey) == 0) {
            entry_join(other, e);
            return false;
        }
    }
    g->entries[g->n++] = e;
    g->slots[at] = (uint16_t)g->n;
    return true;
}

static void gather(struct repl_core *c)
{
    struct repl_gather *g = &c->gather;
    uint32_t unshipped = c->session.sent + NOT_SHIPPED;
    memset(g->slots, 0, sizeof(g->slots));
    g->n = g->shipped = 0;
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next) {
        struct journal_entry *e;
        while (g->n < GATHER_MAX && (e = ring_read(&w->ring)) != NULL) {
            e->batch = unshipped;
            if (!gather_add(g, e)) {
                /* Free the entry with the next batch: the key itself is gathered. */
                e->batch = c->session.sent + 1;
                e->stamp = taken_place(0);
                c->count.coalesced++;
            }
        }
    }
}

bool ship_changes(struct repl_core *c)
{
    struct repl_gather *g = &c->gather;
    if (c->session.lead != LEAD_LEADER || !c->active || !ship_may_send(c))
        return false;
    if (g->shipped == g->n)
        gather(c);
    if (g->n == 0)
        return false;
    size_t before = c->port_ops->backlog(c->port);
    for (; g->shipped < g->n; g->shipped++) {
        if (c->port_ops->backlog(c->port) - before >= BATCH_BYTES)
            break;
        struct journal_entry *e = g->entries[g->shipped];
        e->batch = c->session.sent + 1;
        ship_key(c, e);
        e->stamp = taken_place(c->session.changes);
    }
    ship_end_batch(c);
    return true;
}

void ship_note(struct repl_core *c)
{
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        w->noted = atomic_load(&w->ring.written);
}

bool ship_is_settled(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    struct repl_worker *w = atomic_load(&c->gate.workers);
    if (!s->merged || !copy_is_done(c)) /* mutant: agreed-too-soon */
        return false;
    for (; w != NULL; w = w->next) {
        if (atomic_load(&w->ring.nacked) < w->noted)
            return false;
    }
    return true;
}

static void forget(void *context, const struct journal_entry *e)
{
    (void)context, (void)e;
}

void ship_acknowledged(struct repl_core *c, uint32_t batch)
{
    struct repl_session *s = &c->session;
    if (batch - s->acked > s->sent - s->acked)
        return; /* a batch that was never sent: the peer is wrong, so free nothing */
    s->answers += batch != s->acked;
    s->acked = batch;
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        ring_acknowledge(&c->journal, &w->ring, batch, forget, NULL);
    waiters_answered(&c->waiters, batch, c->now_us);
    if ((int32_t)(batch - s->merge_batch) >= 0) { /* both know of the merge */
        c->former = c->met;
        part_owe(c);
    }
}

/* Changes go to `dirty`. Absences stay in the journal, because they must stay exact:
 * they must not outweigh what the peer changed. So do changes that the peer may have
 * taken. */
static bool spill_entry(void *context, struct journal_entry *e)
{
    struct repl_core *c = context;
    if (e->kind != JOURNAL_ABSENCE && e->stamp != 0)
        e->kind = JOURNAL_SHIPPED;
    bool stays = e->kind == JOURNAL_ABSENCE || e->kind == JOURNAL_SHIPPED;
    c->shipped += e->kind == JOURNAL_SHIPPED;
    if (!stays) /* mutant: absences-are-dirt */
        sync_note_dirty(c, e->hash);
    return stays; /* mutant: spill-forgets-absences */
}

void ship_spill(struct repl_core *c)
{
    struct repl_worker *w = atomic_load(&c->gate.workers);
    c->shipped = 0;
    for (; w != NULL; w = w->next) {
        ring_spill(&c->journal, &w->ring, spill_entry, c);
        memset(w->absent, 0, sizeof(w->absent));
    }
    c->gather.n = c->gather.shipped = 0;
}
