/*
 * Notices tell the standby what the active node's store does on its own, so that the
 * standby's store does the same and both hold the same items in the same order. The
 * standby evicts what the active node evicts, and keeps what is read there.
 *
 *   any thread              replication thread       standby
 *   notice_take -->  ring -->     NOTICE        -->  repeat
 *
 * Notices are not changes. If there is no room for a notice, it is lost: then the
 * standby has one item too many for a while (untold.c), or rates an item as less wanted
 * than it is. A notice keeps its room until the peer has acknowledged its batch, so that
 * one that is lost with the link is known. The standby never evicts a wrong item: a
 * notice names the CAS that the evicted item had, so that a newer item stays, whatever
 * the order of messages. Notices are sent with the next batch, or at the next tick; they
 * do not wake the replication thread.
 */
#include "base/hash.h"
#include "repl/internal.h"

enum {
    NOTICES_AT_ONCE = 4096,
    AHEAD = 8,
    MESSAGE_BYTES = 16 << 10, /* beyond this another message begins */
    KIND_SHIFT = 16,          /* in an entry's stamp, above the credit */
};

/* While this node is missing the bucket, an evicted item may come again from the peer's
 * copy. */
static bool comes_again(struct repl_core *c, const struct link_note *n, unsigned flags)
{
    return n->kind == LINK_NOTE_EVICTED &&
           (flags & GATE_WRITTEN) && /* mutant: told-what-comes-again */
           map_has(&c->missing, hash_key(n->key, n->nkey));
}

/* Notices use the journal's entries, with the CAS in the place of the hash. */
static bool append(struct repl_core *c, const struct link_note *n)
{
    uint32_t stamp = (uint32_t)n->kind << KIND_SHIFT | n->credit;
    struct repl_worker *w = gate_worker(&c->gate);
    if (w == NULL)
        return false;
    bool done = journal_append(&c->notices, &w->notices, JOURNAL_CHANGE, n->cas, n->key,
                               n->nkey, stamp, NULL);
    if (!done)
        atomic_fetch_add_explicit(&w->notices_lost, 1, memory_order_relaxed);
    return done;
}

/* A store that does not tell the CAS does not repeat what the peer's does either. */
void notice_take(struct repl_core *c, const struct link_note *n)
{
    unsigned flags = gate_flags(&c->gate);
    bool tells = (flags & GATE_JOURNAL) && !comes_again(c, n, flags);
    if (n->nkey > LINK_KEY_MAX || (tells && append(c, n)))
        return;
    if (n->kind == LINK_NOTE_EVICTED && n->cas != 0 && !(flags & GATE_SMALLER))
        untold_note(c, n->key, n->nkey);
}

static unsigned kind_of(const struct journal_entry *e)
{
    return e->stamp >> KIND_SHIFT;
}

static void lose(void *context, const struct journal_entry *e)
{
    if (kind_of(e) == LINK_NOTE_EVICTED && e->hash != 0)
        untold_note(context, e->key, e->nkey); /* mutant: lost-with-the-session */
}

/* Those that were sent too, because nobody knows whether they have come. */
void notices_drop(struct repl_core *c)
{
    struct repl_worker *w = atomic_load(&c->gate.workers);
    uint32_t next = c->session.sent + 1;
    for (; w != NULL; w = w->next) {
        struct journal_entry *e;
        while ((e = ring_read(&w->notices)) != NULL)
            e->batch = next;
        ring_acknowledge(&c->notices, &w->notices, next, lose, c);
    }
}

/* Is the evicted item really gone? If the store does not tell the CAS, a newer item may
 * be here; and if the peer copies to this node, the same item may have come again. Then
 * the notice is sent only if the key is not here. */
static bool is_gone(struct repl_core *c, const struct journal_entry *e)
{
    struct repl_item item;
    if (e->hash != 0 && !c->session.refilled) /* mutant: told-what-comes-again 2 */
        return true;
    enum repl_answer found = core_lookup(c, e->key, e->nkey, &item);
    if (found == REPL_YES)
        c->store_ops->release(c->store, item.item);
    else if (found != REPL_NO)
        lose(c, e);
    return found == REPL_NO;
}

/* *begun: where the message under way begins; SIZE_MAX: none is under way. */
static void put(struct repl_core *c, size_t *begun, const struct journal_entry *e)
{
    struct buffer *out = core_out(c);
    struct link_note n = { .key = e->key,
                           .nkey = (uint8_t)e->nkey,
                           .kind = (uint8_t)kind_of(e),
                           .credit = (uint16_t)e->stamp,
                           .cas = e->hash != 0 ? e->hash : UINT64_MAX };
    if (n.kind == LINK_NOTE_EVICTED &&
        !is_gone(c, e)) /* mutant: notices-ignore-the-cas */
        return;
    if (*begun == SIZE_MAX)
        *begun = link_begin(out, LINK_NOTICE, c->term);
    if (*begun == SIZE_MAX || !link_put_note(out, &n))
        return;
    c->count.notices_out++;
    if (buffer_length(out) - *begun > MESSAGE_BYTES) {
        link_finish(out, *begun);
        *begun = SIZE_MAX;
    }
}

/* ---- to the peer */

bool notices_ship(struct repl_core *c)
{
    size_t begun = SIZE_MAX;
    unsigned n = 0;
    struct repl_worker *first = gate_next(&c->gate, c->noticed), *w = first;
    if (c->session.lead != LEAD_LEADER || !c->active || !ship_may_send(c) ||
        first == NULL)
        return false;
    do {
        struct journal_entry *e;
        for (; n < NOTICES_AT_ONCE && (e = ring_read(&w->notices)) != NULL; n++) {
            e->batch = c->session.sent + 1;
            put(c, &begun, e);
        }
        c->noticed = w;
        w = gate_next(&c->gate, w);
    } while (w != first && n < NOTICES_AT_ONCE);
    if (begun != SIZE_MAX)
        link_finish(core_out(c), begun);
    if (n > 0)
        c->session.noticed = c->session.sent + 1;
    return n == NOTICES_AT_ONCE;
}

/* Where no changes end their batch. Not at once: each acknowledgement wakes this node's
 * thread, which would find more notices. */
void notices_tick(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (s->merged && s->noticed == s->sent + 1 && ship_may_send(c))
        ship_end_batch(c); /* mutant: notices-wait-for-changes */
}

/* ---- at the standby */

/* A standby with less memory than the active node evicts more often, and may have
 * evicted an item that turns out to be wanted: ask for it. Do not ask for items of
 * missing buckets, which come with the copy anyway, nor for one of which half has come,
 * nor when the peer does not read what we send. */
static void ask_for(struct repl_core *c, size_t *begun, const struct link_note *n)
{
    struct buffer *out = core_out(c);
    if (!ship_has_room(c) || map_has(&c->missing, hash_key(n->key, n->nkey)) ||
        half_comes(c, n->key, n->nkey)) /* mutant: asked-for-what-comes */
        return;
    if (*begun == SIZE_MAX)
        *begun = link_begin(out, LINK_WANT, c->term);
    if (*begun != SIZE_MAX)
        (void)link_put_note(out, n);
}

/* Tell the store which keys come next, some notes ahead: otherwise each key would be a
 * cache miss. */
static void look_ahead(struct repl_core *c, const struct link_message *m, size_t *at,
                       int n)
{
    struct link_note note;
    while (n-- > 0 && link_next_note(m, at, &note))
        c->store_ops->expect(c->store, note.key, note.nkey);
}

const char *notices_apply(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    struct link_note n;
    size_t at = 0, ahead = 0, begun = SIZE_MAX;
    if (!s->merged || s->lead != LEAD_FOLLOWER || m->term != c->term)
        return NULL;
    look_ahead(c, m, &ahead, AHEAD);
    for (; link_next_note(m, &at, &n); c->count.notices_in++) {
        look_ahead(c, m, &ahead, 1);
        if (n.kind == LINK_NOTE_EVICTED)
            half_outdate(c, LINK_SETQ, n.key, n.nkey, n.cas);
        if (!c->store_ops->repeat(c->store, &n))
            ask_for(c, &begun, &n);
    }
    if (begun != SIZE_MAX)
        link_finish(core_out(c), begun);
    return NULL;
}

/* ---- at the active node: send what the standby wants, as FILLs */

const char *notices_want(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    struct repl_item item;
    struct link_note n;
    size_t at = 0;
    if (!s->merged || s->lead != LEAD_LEADER || m->term != c->term)
        return NULL;
    while (ship_may_send(c) && link_next_note(m, &at, &n)) {
        if (core_lookup(c, n.key, n.nkey, &item) == REPL_YES)
            ship_fill(c, STREAM_FETCHED, &item);
    }
    return NULL;
}
