#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"

/* May a client's write promote this node? With standby_writes=alone not while an active
 * peer is linked: then the client has reached the wrong node. */
static bool may_promote(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (c->resigned || c->config.standby_writes == STANDBY_WRITES_REJECT)
        return false;
    return c->config.standby_writes == STANDBY_WRITES_PROMOTE ||
           !(s->open && s->peer.active);
}

/* R2: a client's change makes a standby active, unless it is configured to refuse. A
 * change that was held during a handover does not: if the role has moved, it is
 * refused. */
static enum change_result take_for_client(struct repl_core *c, const void *request)
{
    bool was_held = waiters_was_held(&c->waiters, request, c->now_us);
    if (handover_holds(c))
        return waiters_hold(&c->waiters, request) ? CHANGE_HELD : CHANGE_REJECTED;
    if (core_is_barred(c) ||
        (!c->active && (was_held || !may_promote(c)))) /* mutant: held-promotes */
        return CHANGE_REJECTED;
    repl_core_promote(c, "a client writes to this node");
    return CHANGE_OK;
}

static enum change_result promote_for_client(struct repl_core *c, const void *request)
{
    repl_core_lock(c); /* mutant: promotion-without-lock */
    bool active = c->active, asks = false;
    enum change_result r = take_for_client(c, request);
    if (r == CHANGE_REJECTED)
        asks = role_request_send(c);
    bool promoted = c->active && !active;
    repl_core_unlock(c); /* mutant: promotion-without-lock 2 */
    if (promoted || asks)
        c->port_ops->wake(c->port);
    return r;
}

/* Open a bracket, with the node active. */
static enum change_result enter_active(struct repl_core *c, struct change *ch,
                                       const void *request)
{
    ch->worker = gate_worker(&c->gate);
    if (__builtin_expect(ch->worker == NULL, 0))
        return CHANGE_NO_MEMORY;
    for (;;) {
        ch->flags = gate_enter(&c->gate, ch->worker);
        if (__builtin_expect(ch->flags & GATE_ACCEPTS, 1))
            return CHANGE_OK;
        gate_leave(ch->worker);
        enum change_result r = promote_for_client(c, request);
        if (r != CHANGE_OK)
            return r;
    }
}

/* False: the key is being purged, and could not be removed. */
static bool expel_if_purging(struct repl_core *c, uint64_t hash, const void *key,
                             size_t nkey)
{
    return !map_has(&c->purging, hash) || /* mutant: no-purge-at-leader 2 */
           c->store_ops->expel(c->store, key, nkey, c->purge.fence);
}

/* In a bucket that this node is missing, note the key itself if there is room: all
 * other keys of the bucket may still come. */
static void note_written(struct repl_core *c, uint64_t hash)
{
    if (!map_has(&c->missing, hash) ||
        !known_add(&c->known, hash)) /* mutant: known-runs-over */
        map_add(&c->written, hash);
}

enum change_result change_begin(struct repl_core *c, struct change *ch,
                                const void *request, const void *key, size_t nkey)
{
    enum change_result r = enter_active(c, ch, request);
    if (r != CHANGE_OK)
        return r;
    ch->is_due = false;
    ch->key = key;
    ch->nkey = nkey;                /* mutant: open-bracket */
    ch->hash = hash_key(key, nkey); /* mutant: touch-before-outcome */
    if (__builtin_expect(ch->flags & GATE_PURGE, 0) &&
        !expel_if_purging(c, ch->hash, key, nkey)) {
        gate_leave(ch->worker);
        return CHANGE_NO_MEMORY;
    }
    return CHANGE_OK;
}

/* Sets the bucket's bit, and counts the change for the figures. Only this thread writes
 * its counter, so a plain store is enough. */
static void mark_dirty(struct repl_core *c, struct change *ch)
{
    _Atomic uint64_t *n = &ch->worker->dirtied;
    map_add(&c->dirty, ch->hash);
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* To the journal, or to `dirty` if the journal is full. */
static void append(struct repl_core *c, struct change *ch, enum journal_kind kind,
                   const struct delta *delta)
{
    struct repl_worker *w = ch->worker;
    if (__builtin_expect(journal_append(&c->journal, &w->ring, kind, ch->hash, ch->key,
                                        ch->nkey, 0, delta),
                         1)) {
        ch->is_due = ch->flags & GATE_JOURNAL;
        return;
    }
    atomic_fetch_add_explicit(&w->overflows, 1, memory_order_relaxed);
    mark_dirty(c, ch);
}

/* It is early enough to mark `written` before the bracket closes: a leader that takes
 * items of a copy looks at it while no bracket is open. */
static void record(struct repl_core *c, struct change *ch, enum journal_kind kind,
                   const struct delta *delta)
{
    if (__builtin_expect(ch->flags & GATE_WRITTEN, 0))
        note_written(c, ch->hash); /* mutant: no-written */
    if (__builtin_expect(ch->flags & GATE_JOURNAL, 1))
        append(c, ch, kind, delta);
    else
        mark_dirty(c, ch);
}

void change_record(struct repl_core *c, struct change *ch)
{
    record(c, ch, JOURNAL_CHANGE, NULL);
}

void change_record_delta(struct repl_core *c, struct change *ch,
                         const struct delta *delta)
{
    if (delta->base != 0 && delta->cas != 0)
        record(c, ch, JOURNAL_DELTA, delta);
    else
        change_record(c, ch);
}

/* Was this key's absence recorded a short while ago? While no session takes absences
 * out of the journal, clients that poll the same key must not fill it. */
static bool is_recorded(struct repl_worker *w, uint64_t hash)
{
    uint64_t *known = &w->absent[hash % GATE_ABSENT];
    bool same = hash != 0 && *known == hash;
    *known = hash;
    return same;
}

void change_record_absence(struct repl_core *c, struct change *ch)
{
    /* This node does not know: the peer may have the key. */
    if (map_has(&c->missing, ch->hash) || /* mutant: absence-while-missing */
        map_has(&c->purging, ch->hash))   /* mutant: absence-while-purging */
        return;
    if ((ch->flags & GATE_ALONE) && is_recorded(ch->worker, ch->hash))
        return;
    atomic_fetch_add_explicit(&ch->worker->absences, 1, memory_order_relaxed);
    append(c, ch, JOURNAL_ABSENCE, NULL); /* mutant: no-absence-record */
}

void change_end(struct repl_core *c, struct change *ch)
{
    gate_leave(ch->worker);
    if (ch->is_due)
        c->port_ops->changed(c->port);
}

bool change_before_read(struct repl_core *c, const void *key, size_t nkey)
{
    if (__builtin_expect(!(gate_flags(&c->gate) & GATE_PURGE), 1))
        return true;
    struct repl_worker *w = gate_worker(&c->gate);
    if (w == NULL)
        return false;
    bool hidden = !(gate_enter(&c->gate, w) & GATE_PURGE) ||
                  expel_if_purging(c, hash_key(key, nkey), key, nkey);
    gate_leave(w);
    return hidden;
}

enum change_result change_flush_begin(struct repl_core *c, struct change *ch,
                                      const void *request)
{
    return enter_active(c, ch, request);
}

void change_flush_end(struct repl_core *c, struct change *ch, uint32_t delay)
{
    if (flush_ask(c, delay)) { /* mutant: flush-touches-at-once */
        map_fill(&c->dirty);
        mark_dirty(c, ch);
        if (ch->flags & GATE_WRITTEN)
            map_fill(&c->written);
    }
    gate_leave(ch->worker);
    c->port_ops->wake(c->port);
}

/* ---- once more */

/* The core lock keeps the role and the maps in place, so that no bracket is needed. */
static void change_again(struct repl_core *c, const struct link_note *n)
{
    struct change ch = { .worker = gate_worker(&c->gate),
                         .hash = hash_key(n->key, n->nkey),
                         .key = n->key,
                         .nkey = n->nkey,
                         .flags = gate_flags(&c->gate) };
    if (ch.worker != NULL)
        change_record(c, &ch);
    else
        sync_note_dirty(c, ch.hash);
    c->count.resent++;
}

/* R20: the peer does not have what a delta builds on. Its key counts as changed again,
 * before the delta is acknowledged. So it is at risk all the time, and the fence that is
 * being agreed on does not hold for it. */
const char *change_on_resend(struct repl_core *c, const struct link_message *m)
{
    struct link_note n;
    size_t at = 0;
    if (!c->session.merged || c->session.lead != LEAD_LEADER || m->term != c->term)
        return NULL;
    c->agreeing = 0; /* mutant: agreed-though-asked */
    while (link_next_note(m, &at, &n))
        change_again(c, &n); /* mutant: resend-is-ignored */
    return NULL;
}

bool repl_core_forget(struct repl_core *c, const void *request)
{
    return waiters_forget(&c->waiters, request);
}
