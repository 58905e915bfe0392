/*
 * What the peer copies to this node, part by part, and what this node has no room for.
 *
 *   the peer                             this node
 *     REFILL or REPLACE{map} -->
 *     FILL..., changes       -->          put; of REPLACE: note what came (arrived)
 *     END{map}               -->          of REPLACE: purge what has not come
 *                            <--          DONE: nothing of these is missing any more
 *
 * Nothing is removed before all has come: a copy that breaks off has taken nothing away.
 * What the store has no room for is missing, and the peer is told which key (MISSING): it
 * copies the bucket again, some time later.
 */
#include "base/hash.h"
#include "repl/internal.h"

/* ---- what could not be stored */

static void complain(struct repl_core *c, const struct link_change *change)
{
    uint64_t n = ++c->count.apply_failed;
    if ((n & (n - 1)) == 0)
        repl_core_fault(
            c,
            "the store could not take an item of %u bytes from the peer (%llu so far): "
            "it is a miss here, and asked for again; check that both nodes have the same "
            "-m and -I",
            change->nvalue, (unsigned long long)n);
}

/* The peer hears of it before it hears that this has been taken. */
static void miss(struct repl_core *c, const struct link_change *change)
{
    struct buffer *out = core_out(c);
    const struct link_note n = { .key = change->key, .nkey = (uint8_t)change->nkey };
    uint64_t hash = hash_key(change->key, change->nkey);
    bool first = map_is_empty(&c->missing);
    map_add(&c->missing, hash); /* mutant: refused-is-forgotten */
    map_add(&c->refused, hash);
    if (first) /* never at a leader, which holds the gate here */
        core_refresh_flags(c);
    size_t begun = link_begin(out, LINK_MISSING, c->term);
    if (begun == SIZE_MAX)
        return; /* the port closes the connection */
    link_put_note(out, &n);
    link_finish(out, begun);
}

/* One that is longer than this node takes comes from no honest peer: it is not asked for
 * again. */
void refill_refused(struct repl_core *c, const struct link_change *change)
{
    complain(c, change);
    if (change->value != NULL || half_fits(c, change))
        miss(c, change);
}

/* ---- parts */

/* A key that cannot be noted would be removed, though it has come: it is missing then. */
void refill_arrived(struct repl_core *c, const struct link_change *change)
{
    if (c->session.replacing &&
        !known_add(&c->arrived, hash_key(change->key, change->nkey)))
        miss(c, change);
}

const char *refill_on_part(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->spare };
    if (!s->merged || m->term != c->term)
        return NULL;
    if (c->purge.goal != NULL)
        return "a part begins before the last one is done"; /* mutant: two-parts 2 */
    if (!core_take_maps(c, m, maps, 1))
        return "a malformed map of a part";
    map_subtract(&c->refused, &c->spare);
    s->replacing = m->op == LINK_REPLACE && s->lead == LEAD_FOLLOWER;
    if (!s->replacing)
        return NULL;
    known_clear(&c->arrived);
    map_take(&c->untold.map, &c->spare);
    return NULL;
}

/* spare: the part. What a leader's clients changed meanwhile was not taken from the peer,
 * and is owed to it instead. */
static void has_all(struct repl_core *c)
{
    bool was_missing = !map_is_empty(&c->missing);
    map_subtract(&c->spare, &c->refused); /* mutant: end-forgets-refused */
    map_intersect(&c->spare, &c->missing);
    map_subtract(&c->missing, &c->spare);
    if (was_missing && map_is_empty(&c->missing))
        core_event(c, HISTORY_COPY, REPL_LOG_INFO,
                   "filled: of what the peer has nothing is missing here");
    map_intersect(&c->spare, &c->written);
    if (c->session.lead != LEAD_LEADER)
        return;
    map_unite(&c->dirty, &c->spare); /* mutant: end-forgets-written */
    c->spilled += map_count(&c->spare);
}

static void done(struct repl_core *c)
{
    c->session.replacing = false;
    map_clear(&c->purging);
    link_put_plain(core_out(c), LINK_DONE, c->term);
}

/* R12 */
const char *refill_on_end(struct repl_core *c, const struct link_message *m)
{
    static const struct repl_purge_goal goal = { .then = done };
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->spare };
    if (!s->merged || m->term != c->term)
        return NULL;
    if (c->purge.goal != NULL)
        return "a part ends before the last one is done";
    if (!core_take_maps(c, m, maps, 1))
        return "a malformed END";
    if (s->replacing)
        map_copy(&c->purging, &c->spare);
    core_hold(c);
    has_all(c);
    core_release(c);
    if (s->replacing)
        purge_start(c, &goal); /* mutant: done-too-soon */
    else
        done(c);
    return NULL;
}

/* ---- the peer has no room for these */

const char *refill_on_missing(struct repl_core *c, const struct link_message *m)
{
    struct link_note n;
    size_t at = 0;
    if (!c->session.merged || m->term != c->term)
        return NULL;
    while (link_next_note(m, &at, &n))
        part_refused(c, hash_key(n.key, n.nkey)); /* mutant: refused-untold */
    return NULL;
}
