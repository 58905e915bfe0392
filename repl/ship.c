/*
 * From the journal to frames: the state of changed keys, in batches. Of a large value
 * that the peer has, only what was added is sent (R20).
 */
#include <string.h>

#include "base/check.h"
#include "repl/internal.h"

enum {
    COPY_MAX = 2048,       /* bytes; values up to this size are copied into the buffer */
    BACKLOG_MAX = 1 << 20, /* bytes that the network has not taken yet */
    /* The same if changes are alone on the link: they do better to wait in the journal,
     * where the next change of a key joins the one before. */
    ALONE_BACKLOG_MAX = 128 << 10,
    BATCH_BYTES = 64 << 10, /* a batch ends here, so that acknowledgements keep coming, */
    BATCH_MAX = 512,        /* or with so many changes */
};

bool ship_has_room(struct repl_core *c)
{
    return c->port_ops->backlog(c->port) < BACKLOG_MAX;
}

bool ship_may_send(struct repl_core *c)
{
    return core_window_is_open(c) && ship_has_room(c);
}

/* What else is sent must not keep changes from the link. */
static bool is_alone(const struct repl_core *c)
{
    bool others = copy_is_sending(c);
    for (unsigned by = 0; by < LINK_STREAMS; by++)
        others = others || stream_is_busy(c, (enum link_stream)by);
    return !others;
}

bool ship_may_change(struct repl_core *c)
{
    size_t most = is_alone(c) ? ALONE_BACKLOG_MAX : BACKLOG_MAX;
    return core_window_is_open(c) && c->port_ops->backlog(c->port) < most;
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

/* The value of a key that is on its way as a change comes by that, and not twice. */
bool ship_fill(struct repl_core *c, enum link_stream by, struct repl_item *item)
{
    const struct link_change *state = &item->state;
    bool large = stream_is_large(c, state);
    bool comes = stream_carries(c, STREAM_CHANGES, state->key, state->nkey);
    if (comes || /* mutant: fill-beside-its-change */
        !ship_fits(c, state) || (large && stream_is_busy(c, by))) {
        c->store_ops->release(c->store, item->item);
        return false;
    }
    if (large)
        stream_begin(c, by, item);
    else
        ship_item(c, LINK_FILL, item);
    return true;
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
static bool reduce(struct repl_core *c, struct journal_entry *e,
                   struct link_change *state)
{
    return e->kind == JOURNAL_DELTA && ship_fits(c, state) && peer_has(c, e->hash) &&
           journal_delta(e)->npiece <= c->config.whole_max &&
           delta_reduce(journal_delta(e), state);
}

static void count_shipped(struct repl_core *c)
{
    c->session.changes++;
    c->count.shipped++;
}

static void ship_state(struct repl_core *c, struct journal_entry *e,
                       struct repl_item *item, struct repl_item *large)
{
    bool reduced = reduce(c, e, &item->state);
    if (ship_fits(c, &item->state) && stream_is_large(c, &item->state)) {
        *large = *item;
        return;
    }
    c->count.deltas += reduced;
    ship_item(c, reduced ? LINK_DELTA : LINK_SETQ, item);
    count_shipped(c);
}

/* For an absence whose key is here by now, send nothing: whoever stored the key has an
 * entry of its own. If the value is large, nothing is sent and *large is the item;
 * else its `item` is NULL. */
static void ship_key(struct repl_core *c, struct journal_entry *e,
                     struct repl_item *large)
{
    struct repl_item item;
    enum repl_answer found = core_lookup(c, e->key, e->nkey, &item);
    large->item = NULL;
    if (found == REPL_UNKNOWN) {
        ship_unknown(c, e);
    } else if (found == REPL_YES && e->kind == JOURNAL_ABSENCE) {
        c->store_ops->release(c->store, item.item);
    } else if (found == REPL_YES) {
        ship_state(c, e, &item, large);
    } else {
        ship_absence(c, e->key, e->nkey);
        count_shipped(c);
    }
}

/* The entry's batch, and its place there (R21). */
static void stamp(struct repl_core *c, struct journal_entry *e)
{
    e->batch = c->session.sent + 1;
    e->stamp = taken_place(c->session.changes);
}

/* ---- small values, and what is to wait for the large one of the same key */

static void ship_later(struct repl_core *c, struct journal_entry *e)
{
    if (!gather_later(c, e))
        ship_unknown(c, e);
}

static bool is_on_its_way(const struct repl_core *c, const struct journal_entry *e)
{
    return stream_carries(c, STREAM_CHANGES, e->key, e->nkey);
}

static void ship_entry(struct repl_core *c, struct journal_entry *e)
{
    struct repl_item large = { .item = NULL };
    bool waits = is_on_its_way(c, e); /* mutant: overtakes-its-stream */
    if (!waits)
        ship_key(c, e, &large);
    if (large.item != NULL)
        c->store_ops->release(c->store, large.item);
    if (waits || large.item != NULL)
        ship_later(c, e);
    stamp(c, e);
}

bool ship_changes(struct repl_core *c)
{
    struct repl_gather *g = &c->gather;
    if (c->session.lead != LEAD_LEADER || !c->active || !ship_may_change(c))
        return false;
    if (g->shipped == g->n)
        gather_changes(c);
    if (g->n == 0)
        return false;
    size_t before = c->port_ops->backlog(c->port);
    unsigned end = g->shipped + BATCH_MAX < g->n ? g->shipped + BATCH_MAX : g->n;
    for (; g->shipped < end; g->shipped++) {
        if (c->port_ops->backlog(c->port) - before >= BATCH_BYTES)
            break;
        ship_entry(c, g->entries[g->shipped]);
    }
    c->stream_pace.beside += c->port_ops->backlog(c->port) - before;
    ship_end_batch(c);
    return true;
}

/* ---- large values, one after the other */

/* A part of the copy has the newest value. It waits for streams of its buckets, so they
 * must not follow each other for ever. */
static bool comes_by_copy(const struct repl_core *c, const struct journal_entry *e)
{
    return map_has(&c->dirty, e->hash) && !map_has(&c->missing, e->hash);
}

static void begin(struct repl_core *c, struct journal_entry *e)
{
    struct repl_item item;
    ship_key(c, e, &item);
    if (item.item == NULL || comes_by_copy(c, e)) { /* mutant: streams-for-ever */
        if (item.item != NULL)
            c->store_ops->release(c->store, item.item);
        stamp(c, e);
        return;
    }
    stream_begin(c, STREAM_CHANGES, &item);
    c->streamed = e; /* mutant: shipped-by-halves */
}

/* The change is shipped with its last chunk, and not earlier. */
static void go_on(struct repl_core *c)
{
    stream_go_on(c, STREAM_CHANGES);
    if (stream_is_busy(c, STREAM_CHANGES))
        return;
    count_shipped(c);
    stamp(c, c->streamed);
    c->streamed = NULL;
}

bool ship_large(struct repl_core *c)
{
    bool busy = stream_is_busy(c, STREAM_CHANGES);
    if (c->session.lead != LEAD_LEADER || !c->active || !(busy || gather_has_later(c)) ||
        !stream_may_send(c))
        return false;
    if (busy)
        go_on(c);
    else
        begin(c, gather_next_later(c));
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
    for (; w != NULL; w = w->next) {
        ring_acknowledge(&c->journal, &w->ring, batch, forget, NULL);
        ring_acknowledge(&c->notices, &w->notices, batch, forget, NULL);
    }
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
    gather_forget(c);
}
