/* From frames to the store: R11, what to do with a delta (R20), what need not be stored
 * again, and the leader's filter of R12. */
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"

enum { AHEAD = 8 }; /* items */

/* Of a run: some items before the i-th is taken. Each would be a cache miss in the store,
 * and another one in `arrived`. */
static void look_ahead(struct repl_core *c, const struct link_change *items, size_t n,
                       size_t i)
{
    size_t from = i == 0 ? 1 : i + AHEAD;
    for (size_t at = from; at <= i + AHEAD && at < n; at++) {
        const struct link_change *item = &items[at];
        c->store_ops->expect(c->store, item->key, item->nkey);
        if (c->session.replacing)
            known_expect(&c->arrived, hash_key(item->key, item->nkey));
    }
}

/* The former value is still here, so the change must not be acknowledged: the session
 * ends. Then the change goes to `dirty` at the peer, and the bucket is replaced here
 * after the next merge. */
static const char *stale(struct repl_core *c)
{
    core_store_failed(c, "remove a value that the peer has changed");
    return "the store could not remove a value that the peer has changed; the nodes "
           "reconnect and try again";
}

/* A change with a value beyond this node's limit comes without the value. The former
 * value must not stay. */
static enum repl_answer take(struct repl_core *c, const struct link_change *change,
                             void *made)
{
    if (made != NULL || change->value != NULL)
        return c->store_ops->put(c->store, change, made);
    return c->store_ops->remove(c->store, change->key, change->nkey) ? REPL_NO
                                                                     : REPL_UNKNOWN;
}

/* As this node's store counts its time. */
static struct link_change translate(const struct repl_core *c,
                                    const struct link_change *change)
{
    struct link_change here = *change;
    here.exptime = core_second(c, change->exptime); /* mutant: times-not-translated */
    return here;
}

static const char *taken(struct repl_core *c, const struct link_change *change,
                         enum repl_answer answer)
{
    switch (answer) {
    case REPL_YES:
        fetch_found(c, change);
        refill_arrived(c, change); /* mutant: arrivals-forgotten */
        c->count.applied++;
        return NULL;
    case REPL_NO:
        refill_refused(c, change);
        return NULL;
    default:
        return stale(c);
    }
}

static const char *apply_set(struct repl_core *c, const struct link_change *change)
{
    const struct link_change here = translate(c, change);
    return taken(c, change, take(c, &here, NULL));
}

/* ---- deltas */

/* The peer hears of it before it hears that the delta has been taken. */
static void ask_for_all(struct repl_core *c, const struct link_change *delta)
{
    struct buffer *out = core_out(c);
    const struct link_note n = { .key = delta->key, .nkey = (uint8_t)delta->nkey };
    size_t begun = link_begin(out, LINK_RESEND, c->term);
    taken_gap(c);
    if (begun == SIZE_MAX)
        return; /* the port closes the connection */
    link_put_note(out, &n);
    link_finish(out, begun);
}

static void join(void *value, const struct link_change *old,
                 const struct link_change *delta)
{
    memcpy((char *)value + (delta->before ? delta->nvalue : 0), old->value, old->nvalue);
    memcpy((char *)value + (delta->before ? 0 : old->nvalue), delta->value,
           delta->nvalue);
}

static const char *put_joined(struct repl_core *c, const struct link_change *old,
                              const struct link_change *delta)
{
    struct link_change all = *delta;
    all.nvalue += old->nvalue;
    all.flags = old->flags;
    void *value, *made = NULL;
    if (all.nvalue >= old->nvalue)
        made = c->store_ops->make(c->store, &all, &value);
    if (made == NULL) { /* no room */
        ask_for_all(c, delta);
        return NULL;
    }
    join(value, old, delta);
    return taken(c, &all, c->store_ops->put(c->store, &all, made));
}

/* R20. If the new value is here already, the whole state came before the delta, and only
 * the expiry may be another. */
static const char *apply_to(struct repl_core *c, const struct link_change *old,
                            const struct link_change *delta)
{
    if (old->cas == delta->cas && /* mutant: touch-whatever-is-here */
        c->store_ops->touch(c->store, delta))
        return taken(c, delta, REPL_YES);
    if (old->cas == delta->base) /* mutant: join-whatever-is-here */
        return put_joined(c, old, delta);
    ask_for_all(c, delta); /* mutant: delta-fails-untold */
    return NULL;
}

static const char *apply_delta(struct repl_core *c, const struct link_change *delta)
{
    const struct link_change here = translate(c, delta);
    struct repl_item old;
    if (core_lookup(c, here.key, here.nkey, &old) != REPL_YES) {
        ask_for_all(c, delta); /* mutant: delta-fails-untold 2 */
        return NULL;
    }
    const char *why = apply_to(c, &old.state, &here);
    c->store_ops->release(c->store, old.item);
    return why;
}

static const char *apply_delete(struct repl_core *c, const struct link_change *change)
{
    if (!c->store_ops->remove(c->store, change->key, change->nkey))
        return stale(c);
    c->count.applied++;
    return NULL;
}

/* ---- fills */

/* Is the value the same? The CAS alone says so, unless something has gone wrong, and a
 * copy is what makes that good. */
static bool is_same(const struct link_change *old, const struct link_change *change)
{
    return old->cas == change->cas && old->flags == change->flags &&
           old->nvalue == change->nvalue && change->value != NULL &&
           memcmp(old->value, change->value, old->nvalue) == 0; /* mutant: same-cas */
}

/* What is here already is not stored again, which would cost memory until the store is
 * short of it; only its expiry and credit may be others. */
static bool is_here(struct repl_core *c, const struct link_change *here)
{
    struct repl_item old;
    if (core_lookup(c, here->key, here->nkey, &old) != REPL_YES)
        return false;
    bool same = is_same(&old.state, here) &&
                c->store_ops->touch(c->store, here); /* mutant: fill-keeps-the-expiry */
    c->store_ops->release(c->store, old.item);
    return same;
}

static const char *apply_fill(struct repl_core *c, const struct link_change *change)
{
    const struct link_change here = translate(c, change);
    return taken(c, change, is_here(c, &here) ? REPL_YES : take(c, &here, NULL));
}

/* Has a client changed the key? A delayed flush_all that takes effect at this moment,
 * in the store maybe a second early, counts as a change of every key. Clients may still
 * put it off, so the buckets that are not filled because of it are remembered in
 * `written`. */
static bool is_written(struct repl_core *c, uint64_t hash)
{
    CHECK(flush_take(c) == NULL); /* always, for a leader */
    if (flush_is_near(c))
        map_add(&c->written, hash);
    return map_has(&c->written, hash) ||
           known_has(&c->known, hash); /* mutant: known-forgotten */
}

static bool is_present(struct repl_core *c, const struct link_change *change)
{
    struct repl_item found;
    if (core_lookup(c, change->key, change->nkey, &found) != REPL_YES)
        return false;
    c->store_ops->release(c->store, found.item);
    return true;
}

/* The item that is made for a half value, or will be; NULL: the store has no room. */
static enum repl_answer add(struct repl_core *c, const struct link_change *change,
                            struct repl_half *h)
{
    if (h == NULL) {
        const struct link_change here = translate(c, change);
        return c->store_ops->add(c->store, &here, NULL);
    }
    void *made = half_take(c, h);
    return made != NULL ? c->store_ops->add(c->store, change, made) : REPL_UNKNOWN;
}

/* A leader takes an item of a copy only if it is missing the bucket, no client has
 * changed the key, and it is absent: the store makes no room for what it does not take.
 * h: the value came in chunks. */
static void fill_key(struct repl_core *c, const struct link_change *change,
                     struct repl_half *h)
{
    uint64_t hash = hash_key(change->key, change->nkey);
    if (!map_has(&c->missing, hash))
        return;
    if (h == NULL ? change->value == NULL : !h->fits) { /* larger than this node takes */
        refill_refused(c, change);
        return;
    }
    if (is_written(c, hash)) /* mutant: present-is-enough */
        return;
    if (is_present(c, change))
        return;
    enum repl_answer added = add(c, change, h);
    if (added == REPL_UNKNOWN)
        refill_refused(c, change);
    if (added != REPL_YES)
        return;
    fetch_found(c, change);
    c->session.taken++;
    c->count.recovered++;
    c->count.applied++;
}

/* The gate is held from the look at `known` and `written` until the item is stored, so
 * that no client's change comes in between: a delete before is seen in the map or the
 * set, and a change after finds the whole item with its CAS. The gate is held once for
 * a run of FILLs, not once for each. */
static void fill_as_leader(struct repl_core *c, const struct link_change *items, size_t n)
{
    core_hold(c); /* mutant: filter-not-atomic */
    for (size_t i = 0; i < n; i++)
        fill_key(c, &items[i], NULL);
    core_release(c); /* mutant: filter-not-atomic 2 */
}

static const char *fill_as_follower(struct repl_core *c, const struct link_change *items,
                                    size_t n)
{
    const char *why = NULL;
    for (size_t i = 0; why == NULL && i < n; i++) {
        look_ahead(c, items, n, i);
        why = apply_fill(c, &items[i]);
    }
    return why;
}

const char *apply_fills(struct repl_core *c, const struct link_change *items, size_t n)
{
    const struct repl_session *s = &c->session;
    if (!s->merged)
        return NULL; /* from before the roles changed */
    for (size_t i = 0; i < n; i++)
        half_outdate(c, LINK_FILL, items[i].key, items[i].nkey, UINT64_MAX);
    if (s->lead == LEAD_FOLLOWER)
        return fill_as_follower(c, items, n);
    if (s->lead == LEAD_LEADER)
        fill_as_leader(c, items, n);
    return NULL;
}

static void apply_flush(struct repl_core *c, uint32_t at)
{
    if (at == 0)
        half_outdate_all(c); /* mutant: half-outlives-the-flush */
    const char *why = flush_obey(c, core_second(c, at));
    if (why != NULL)
        core_end_session(c, why);
}

static const char *take_change(struct repl_core *c, const struct link_message *m)
{
    switch (m->op) {
    case LINK_DELTA:
        return apply_delta(c, &m->change);
    case LINK_DELETEQ:
        return apply_delete(c, &m->change);
    default:
        CHECK(!"a message that is no change");
        return NULL;
    }
}

/* R11: what was sent before the roles changed is dropped, and not acknowledged. */
static bool takes_changes(const struct repl_session *s)
{
    return s->merged && s->lead == LEAD_FOLLOWER; /* mutant: anybody-applies */
}

const char *apply_sets(struct repl_core *c, const struct link_change *items, size_t n)
{
    const char *why = NULL;
    if (!takes_changes(&c->session))
        return NULL;
    for (size_t i = 0; why == NULL && i < n; i++) {
        look_ahead(c, items, n, i);
        half_outdate(c, LINK_SETQ, items[i].key, items[i].nkey, UINT64_MAX);
        why = apply_set(c, &items[i]);
        if (why == NULL)
            taken_change(c);
    }
    return why;
}

const char *apply_change(struct repl_core *c, const struct link_message *m)
{
    if (!takes_changes(&c->session))
        return NULL;
    if (m->op == LINK_SETQ)
        return apply_sets(c, &m->change, 1);
    if (m->op == LINK_FLUSHQ) {
        apply_flush(c, m->flush_at);
        return NULL;
    }
    half_outdate(c, m->op, m->change.key, m->change.nkey, UINT64_MAX);
    const char *why = take_change(c, m);
    if (why == NULL)
        taken_change(c);
    return why;
}

/* ---- values in chunks */

static enum link_op op_of(enum link_stream by)
{
    return by == STREAM_CHANGES ? LINK_SETQ : LINK_FILL;
}

/* Is it for this node, as it is now? */
static bool is_for_us(const struct repl_session *s, enum link_stream by)
{
    return s->merged && (by != STREAM_CHANGES || s->lead == LEAD_FOLLOWER);
}

const char *apply_stream(struct repl_core *c, const struct link_message *m)
{
    if (!is_for_us(&c->session, m->stream))
        return NULL; /* sent before the roles changed */
    half_outdate(c, op_of(m->stream), m->change.key, m->change.nkey, UINT64_MAX);
    if (m->stream == STREAM_FETCHED)
        fetch_coming(c, &m->change);
    return half_begin(c, m);
}

static const char *put_half(struct repl_core *c, struct repl_half *h)
{
    if (half_is_here(c, h))
        return taken(c, &h->change, REPL_YES);
    return taken(c, &h->change, take(c, &h->change, half_take(c, h)));
}

static const char *take_half(struct repl_core *c, struct repl_half *h,
                             enum link_stream by)
{
    const char *why = NULL;
    bool leads = c->session.lead == LEAD_LEADER;
    if (!h->outdated && leads) {
        core_hold(c);
        fill_key(c, &h->change, h);
        core_release(c);
    } else if (!h->outdated) {
        why = put_half(c, h);
    }
    half_end(c, h);
    if (by == STREAM_FETCHED)
        fetch_came(c, &h->change);
    if (why == NULL && by == STREAM_CHANGES)
        taken_change(c);
    return why;
}

const char *apply_chunk(struct repl_core *c, const struct link_message *m)
{
    bool whole;
    if (!is_for_us(&c->session, m->stream))
        return NULL;
    const char *why = half_add(c, m, &whole);
    return whole ? take_half(c, &c->halves[m->stream], m->stream) : why;
}
