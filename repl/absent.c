/*
 * "It is not here": what clients were told must stay true. A node that has evicted a key
 * and refused to replace, append to or count it says the peer so, which may still hold
 * the former value (R15).
 *
 *   merged        the absence is in the journal; at its turn the key goes as DELETEQ
 *   not merged    it stays in the journal until both meet:
 *
 *   leader                                follower
 *     ROLE              -->
 *                       <--               ABSENT ..., MAP
 *     apply; purge
 *     ABSENT ...        -->               apply
 *     MERGE, NOOP       -->               forgets its own
 *     forgets its own   <--               NOOP
 *
 * An absence is exact, unlike the dirty map, because it must not outweigh a change: it
 * takes what the other node holds unchanged since both agreed, and nothing else. What
 * that is, the dirty map says roughly, and CAS numbers say it exactly: `agreed` is one
 * that all later changes of clients here exceed, and all before are known to the peer.
 */
#include "base/hash.h"
#include "repl/internal.h"

enum { TELL_SLICE = 250 }; /* looked up in one go, told in one message: below 64 KiB */

/* ---- telling */

bool absent_is_due(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    return (s->map_due || s->purge_due || purge_merges(c)) &&
           ship_has_unread(c); /* mutant: absences-of-the-leader 2 */
}

static bool is_here(struct repl_core *c, const struct journal_entry *e)
{
    struct repl_item item;
    enum repl_answer found = core_lookup(c, e->key, e->nkey, &item);
    if (found == REPL_YES)
        c->store_ops->release(c->store, item.item);
    if (found == REPL_UNKNOWN)
        ship_unknown(c, e);
    return found != REPL_NO;
}

/* Whoever is not merged has nothing but absences in the journal. */
void absent_tell(struct repl_core *c)
{
    struct buffer *out = core_out(c);
    struct repl_worker *w = atomic_load(&c->gate.workers);
    size_t begun = link_begin(out, LINK_ABSENT, c->term);
    unsigned left = TELL_SLICE;
    for (; w != NULL; w = w->next) {
        struct journal_entry *e;
        for (; left > 0 && (e = ring_read(&w->ring)) != NULL; left--) {
            bool missing = map_has(&c->missing, e->hash);
            struct link_note n = { .key = e->key,
                                   .nkey = (uint8_t)e->nkey,
                                   .kind = missing ? LINK_NOTE_ABSENT_MISSING
                                                   : LINK_NOTE_ABSENT };
            e->batch = c->session.sent + 1;
            if (!is_here(c, e))
                link_put_note(out, &n);
        }
    }
    if (begun != SIZE_MAX)
        link_finish(out, begun);
}

void absent_tell_rest(struct repl_core *c)
{
    while (ship_has_unread(c))
        absent_tell(c);
}

static bool forget(void *context, const struct journal_entry *e)
{
    (void)context, (void)e;
    return false;
}

void absent_forget(struct repl_core *c)
{
    struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        ring_spill(&c->journal, &w->ring, forget, NULL);
}

/* ---- being told */

/* A node that is missing the bucket may have told this before it took over what was
 * changed here, and was cut off before it could forget it: then the dirty map has
 * forgotten the change, and only the CAS tells. False: the store could not do it. */
static bool apply(struct repl_core *c, const struct link_note *n)
{
    uint64_t hash = hash_key(n->key, n->nkey);
    uint64_t agreed = c->session.known ? c->agreed : 0; /* mutant: agreed-is-ignored */
    bool changed = n->kind == LINK_NOTE_ABSENT_MISSING ||
                   map_has(&c->dirty, hash); /* mutant: told-twice */
    struct repl_item item;
    enum repl_answer found = core_lookup(c, n->key, n->nkey, &item);
    if (found != REPL_YES)
        return found == REPL_NO;
    bool goes = !changed || item.state.cas <= agreed; /* mutant: absence-outweighs */
    bool done = !goes || c->store_ops->remove(c->store, n->key, n->nkey);
    if (goes && !c->session.known)
        map_add(&c->dirty, hash); /* with whom we merged last may hold it on */
    c->store_ops->release(c->store, item.item);
    return done;
}

/* Of an unrelated node's absences one cannot say what they are about. */
const char *absent_message(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    struct link_note n;
    size_t at = 0;
    if (s->lead == LEAD_NONE || s->merged || s->unrelated || m->term != c->term)
        return NULL;
    bool done = true;
    core_hold(c);
    while (link_next_note(m, &at, &n))
        done = apply(c, &n) && done;
    core_release(c);
    return done ? NULL
                : "the store could not remove what the peer's clients were told is "
                  "not there; the nodes meet anew";
}

/* ---- what both agree on */

static void agree(struct repl_core *c, uint64_t cas)
{
    if (cas != UINT64_MAX) /* a store whose numbers say nothing */
        c->agreed = cas;
}

/* At its end a session that rests has told all. A follower's rests, once the leader has
 * what was copied there. */
void absent_agree(struct repl_core *c)
{
    c->agreeing = 0;
    ship_note(c);
    if (ship_is_settled(c))
        agree(c, c->store_ops->fence(c->store));
}

/* One that does not rest: so often, it is noted how far it is. Each change is above the
 * fence, or recorded before the gate was held. */
void absent_tick(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->merged || s->lead != LEAD_LEADER || verify_leads(c))
        return;
    if (c->agreeing != 0 && ship_is_settled(c)) {
        agree(c, c->agreeing);
        c->agreeing = 0;
    }
    if (c->agreeing != 0 || c->activity == c->agreed_activity)
        return;
    c->agreed_activity = c->activity;
    c->agreeing = c->store_ops->fence(c->store);
    core_hold(c);
    ship_note(c);
    core_release(c);
}
