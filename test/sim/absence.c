/* Absences: what clients were told is not here, and what may be seen after that
 * (R15). */
#include <stdio.h>
#include <string.h>

#include "test/sim/world.h"

/* Does the node not know whether the key exists? Either it is missing the bucket; or a
 * flush_all that the peer may have put off has taken effect in its store, and the node
 * has not noticed that yet. Then its answer "not here" does not count as an absence. */
static bool does_not_know(const struct node *n, uint64_t hash)
{
    const struct repl_core *c = &n->core;
    return map_has(&c->missing, hash) || map_has(&c->purging, hash) ||
           (flush_is_pending(c) && n->store.clock >= c->flush.at);
}

/* The version to which the peer's clients have changed the key, if that change has not
 * come to this node: it stays. */
static uint64_t unknown_change(struct world *w, struct node *peer, unsigned k)
{
    struct key *key = &w->keys[k];
    struct sight s;
    judge_settle(peer, key);
    if (!peer->up || key->last[peer->number] <= key->settled)
        return 0;
    world_see(w, peer, k, &s);
    return s.version;
}

static uint64_t overflows(const struct node *n)
{
    const struct repl_worker *w = atomic_load(&n->core.gate.workers);
    return n->up && w != NULL ? atomic_load(&w->overflows) : 0;
}

void absence_begin_phase(struct world *w)
{
    for (unsigned i = 0; i < 2; i++)
        w->overflows[i] = overflows(&w->p.node[i]);
}

void absence_told(struct world *w, struct node *n, unsigned k)
{
    struct key *key = &w->keys[k];
    if (overflows(n) != w->overflows[n->number])
        w->wrote[n->number] = true; /* the journal had no room: the bucket is dirty */
    key->changed[n->number] = true;
    if (does_not_know(n, key->hash))
        return;
    key->absent[n->number] =
        (struct told){ .at = w->nversions,
                       .spared = unknown_change(w, &w->p.node[1 - n->number], k) };
}

/* The exception to the rule: the key shares its bucket with a key that was changed
 * here (perhaps one that was shipped, and in vain), or the sender is missing the bucket
 * by now, and the item is younger than `agreed`. So it may be a change of this node, and
 * stays. Absences of an unrelated node are ignored. */
static bool is_spared(const struct repl_core *c, const struct key *key,
                      const struct link_note *n, uint64_t cas)
{
    bool may_be_changed = n->kind == LINK_NOTE_ABSENT_MISSING || c->shipped > 0 ||
                          map_has(&c->dirty, key->hash);
    return c->session.unrelated || (may_be_changed && cas > c->agreed);
}

void absence_heard(struct world *w, const struct node *to, const struct link_message *m)
{
    struct link_note n;
    size_t at = 0;
    char text[40];
    unsigned k;
    while (link_next_note(m, &at, &n)) {
        struct repl_item it;
        snprintf(text, sizeof(text), "%.*s", n.nkey, (const char *)n.key);
        if (sscanf(text, "key %u", &k) != 1 || k >= w->nkeys)
            continue;
        struct key *key = &w->keys[k];
        world_trace(w, "  %s%s\n", text,
                    n.kind == LINK_NOTE_ABSENT_MISSING ? ", missing by now" : "");
        if (!toy_store_ops.lookup((void *)&to->store, n.key, n.nkey, &it))
            continue;
        if (is_spared(&to->core, key, &n, it.state.cas))
            key->absent[1 - to->number] = key->gone[1 - to->number] = (struct told){ 0 };
        toy_store_ops.release((void *)&to->store, it.item);
    }
}

/* Its node does not remember the absence any more. */
void absence_settle(const struct node *n, struct key *key)
{
    const struct told *told = &key->absent[n->number];
    if (n->up && told->at > key->gone[n->number].at && !judge_has_pending(n) &&
        !judge_remembers(n, key->hash))
        key->gone[n->number] = *told;
}

void absence_forget(struct world *w, unsigned node)
{
    for (unsigned k = 0; k < w->nkeys; k++)
        w->keys[k].absent[node] = (struct told){ 0 };
    w->overflows[node] = 0;
}

static bool is_below(const struct world *w, const struct sight *s,
                     const struct told *told)
{
    return s->version < told->at && w->versions[s->version].touched < told->at &&
           s->version != told->spared;
}

/* (a) After a client was told that a key is absent, neither the node itself shows it,
 * nor the other node once it was told. */
void absence_judge(struct world *w, unsigned node, unsigned k, const struct sight *s)
{
    const struct key *key = &w->keys[k];
    for (unsigned by = 0; s->version != 0 && by < 2; by++) {
        const struct told *told = by == node ? &key->absent[by] : &key->gone[by];
        if (is_below(w, s, told))
            world_complain(w,
                           "key %u at node %u has version %llu, but at %llu a client of "
                           "node %u was told that it is not here",
                           k, node, (unsigned long long)s->version,
                           (unsigned long long)told->at, by);
    }
}
