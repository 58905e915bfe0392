/*
 * Absences: when a client was told "it is not here", that answer must stay true. A node
 * that evicted a key, and therefore failed to replace, append to or count it, tells its
 * peer, which may still hold the former value (R15).
 *
 *   merged        the absence is in the journal; at its turn the key is sent as DELETEQ
 *   not merged    it stays in the journal until both nodes merge:
 *
 *   leader                                follower
 *     ROLE              -->
 *                       <--               ABSENT ..., MAP
 *     apply; purge
 *     ABSENT ...        -->               apply
 *     MERGE, NOOP       -->               forgets its own
 *     forgets its own   <--               NOOP
 *
 * An absence is exact, unlike `dirty`, because it must not outweigh a change: it
 * removes what the other node holds unchanged since both agreed, and nothing else.
 * `dirty` tells roughly what has changed; CAS numbers tell it exactly: all later
 * changes of clients here have a CAS above `agreed`, and the peer knows all earlier
 * ones. A touch alone gives no new CAS: the other node's absence outweighs it.
 */
#include "base/hash.h"
#include "repl/internal.h"

enum { TELL_SLICE = 250 }; /* keys looked up at a time, for a message below 64 KiB */

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

/* A node that is not merged has nothing but absences in the journal. */
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

static bool forget(void *context, struct journal_entry *e)
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

/* Carry out an absence that the peer told. A peer that is missing the bucket may tell
 * it for the second time: it may have merged a change of ours since, and lost the link
 * before it could forget the absence. Then `dirty` has forgotten the change, and only
 * the CAS shows it. False: the store could not remove the key. */
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
        sync_note_dirty(c, hash); /* the node that we merged with last may hold it */
    c->store_ops->release(c->store, item.item);
    return done;
}

/* Absences of an unrelated node are ignored: nobody knows which items they are
 * about. */
const char *absent_message(struct repl_core *c, const struct link_message *m)
{
    const struct repl_session *s = &c->session;
    struct link_note n;
    size_t at = 0;
    if (s->lead == LEAD_NONE || s->merged || s->unrelated || m->term != c->term)
        return NULL;
    bool done = true;
    core_hold(c);
    taken_settle(c); /* mutant: absence-before-taken */
    while (link_next_note(m, &at, &n))
        done = apply(c, &n) && done;
    core_release(c);
    return done ? NULL
                : "the store could not remove a key that the peer's clients were told is "
                  "absent; the nodes reconnect and try again";
}

/* ---- what both agree on */

static void agree(struct repl_core *c, uint64_t cas)
{
    if (cas != UINT64_MAX) /* a store whose numbers say nothing */
        c->agreed = cas;
}

/* At the end of a session: if all is acknowledged, both nodes agree on everything up to
 * now. A follower ships no changes: it agrees if the leader has what it copied
 * there. */
void absent_agree(struct repl_core *c)
{
    c->agreeing = 0;
    ship_note(c);
    if (ship_is_settled(c))
        agree(c, c->store_ops->fence(c->store));
}

/* A busy leader never has everything acknowledged. So it takes a fence and notes how
 * far the journal is, and agrees on that fence when so much is acknowledged. Each
 * change is above the fence, or was recorded before the gate was held. */
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
