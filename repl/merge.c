/* From MAP to PURGED: what each node purges, and what is copied in which direction.
 * Also RESYNC and END. */
#include "base/check.h"
#include "repl/internal.h"

/* R6: we merge with another run than the last one. The node that could have filled us
 * is gone, so what we have is all there is, and we alone remember a flush_all that
 * clients asked of it. This holds only once the merge takes place: until then the
 * former peer may come back. */
static void outlive(struct repl_core *c)
{
    if (!c->session.known) {    /* mutant: forget-paired */
        map_clear(&c->missing); /* mutant: missing-for-ever */
        flush_outlive(c);
        c->agreed = 0;
    }
}

/* R7, second half: all absences are told, so send MAP. To another run than the last
 * one, send it as if we had merged already. */
void merge_send_map(struct repl_core *c)
{
    const struct map *maps[] = { &c->dirty, &c->missing };
    c->session.map_due = false; /* mutant: map-before-step-down 2 */
    if (!c->session.known) {    /* mutant: forget-paired 2 */
        map_clear(&c->coming);
        maps[1] = &c->coming; /* mutant: missing-for-ever 2 */
    }
    if (!c->session.known && c->flush.doubt == DOUBT_PEER) {
        map_fill(&c->spare);
        maps[0] = &c->spare;
    }
    core_put_maps(c, LINK_MAP, maps, 2);
}

/* on_conflict=keep: buckets that both changed keep the leader's state. Dirty buckets
 * are purged at the peer and copied to it in any case, so it is enough not to purge
 * them here. */
static void keep_own(struct repl_core *c)
{
    map_widen(&c->dirty, c->session.map_bits);
    map_copy(&c->spare, &c->purging);
    map_intersect(&c->spare, &c->dirty);
    map_subtract(&c->purging, &c->spare);
    if (!map_is_empty(&c->spare))
        core_log(c, REPL_LOG_WARNING,
                 "both nodes took clients' changes: %llu buckets were changed on both, "
                 "and this node's state is kept (on_conflict=keep)",
                 (unsigned long long)map_count(&c->spare));
}

/* The peer is unrelated, so its items cannot be trusted: copy everything to it that
 * this node holds rightly. Buckets that this node is missing still come from the peer:
 * there is no better source. */
static void owe_all(struct repl_core *c)
{
    map_fill(&c->spare);
    if (c->session.known)
        map_subtract(&c->spare, &c->missing);
    map_unite(&c->dirty, &c->spare);
    core_log(c, REPL_LOG_WARNING,
             "the peer has merged with another node since it merged with this one, or "
             "this node has: everything is copied to the peer");
}

static void note_merge(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    s->merged = true;
    s->answers++;
    c->count.merges++;
    s->unrelated = false;
    s->known = true;
    s->acked = s->sent;
    flush_merge(c); /* an immediate flush_all is in the maps */
    /* Notices from before the merge. */
    notices_drop(c); /* mutant: notices-outlive-the-session 2 */
    s->pace = (struct repl_pace){ 0 };
    c->met = s->peer.run;
    c->leader_rank = 1;
    c->rank = s->lead == LEAD_LEADER;
}

/* R8, second half. `purging` holds dirty_there, `owed` holds missing_there. The results
 * are computed in place:
 *   to_leader   = (dirty_there \ dirty) |
 *                 (missing \ (missing_there | dirty | dirty_there))   -> coming
 *   to_follower = dirty | (missing_there \ (dirty | dirty_there))     -> owed */
static void share_out(struct repl_core *c)
{
    map_copy(&c->spare, &c->dirty);
    map_unite(&c->spare, &c->purging);
    map_copy(&c->coming, &c->missing);
    map_subtract(&c->coming, &c->owed);
    map_subtract(&c->coming, &c->spare);
    map_subtract(&c->purging, &c->dirty);
    map_unite(&c->coming, &c->purging);
    map_subtract(&c->owed, &c->spare);
    map_unite(&c->owed, &c->dirty);
    map_clear(&c->purging);

    map_copy(&c->in_flight, &c->dirty); /* mutant: drop-all-dirty */
    map_clear(&c->dirty);               /* mutant: term-decides */
    map_unite(&c->missing, &c->coming);
    map_subtract(&c->missing, &c->owed);
}

static void merge_as_leader(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    const struct map *const maps[] = { &c->owed, &c->coming, &c->in_flight };
    core_hold(c);
    CHECK(flush_take(c) == NULL); /* always, for a leader */
    outlive(c);
    absent_tell_rest(c);               /* mutant: absences-of-the-leader */
    map_widen(&c->dirty, s->map_bits); /* the peer purges as much, so all of it is owed */
    share_out(c);
    note_merge(c);
    s->await = true;
    s->refilled = !map_is_empty(&c->coming);
    core_release(c);
    core_put_maps(c, LINK_MERGE, maps, 3);
    ship_end_batch(c); /* its answer shows that the peer knows all absences told */
    core_log(c, REPL_LOG_INFO,
             "leading: %llu buckets to copy to the peer, %llu to copy from it",
             (unsigned long long)map_count(&c->owed),
             (unsigned long long)map_count(&c->coming));
    resync_owe(c);
}

/* Tell the earlier absences before anything is purged. A key that a client of this node
 * asked for in vain may have come from the peer since. If the purge removed it first,
 * it would be told as absent again, although it is about to be copied from the peer. */
void merge_purge(struct repl_core *c)
{
    static const struct repl_purge_goal goal = { .merges = true,
                                                 .then = merge_as_leader };
    c->session.purge_due = false;
    purge_start(c, &goal);
}

/* R8, first half: this node drops what the peer changed before both agree on
 * anything. */
const char *merge_on_map(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->purging, &c->owed };
    if (s->lead != LEAD_LEADER || s->merged || s->purge_due || m->term != c->term)
        return NULL;
    core_hold(c);
    ship_spill(c); /* mutant: journal-unmerged 2 */
    bool ok = core_take_maps(c, m, maps, 2);
    map_clear(&c->written);
    known_clear(&c->known); /* mutant: known-not-cleared */
    if (!ok)
        map_clear(&c->purging);
    if (s->unrelated) /* mutant: unrelated-is-trusted */
        owe_all(c);
    if (c->config.keep_on_conflict)
        keep_own(c);
    core_release(c);
    if (!ok)
        return "received a malformed MAP";
    s->purge_due = true;
    if (!absent_is_due(c))
        merge_purge(c);
    return NULL;
}

static void merge_as_follower(struct repl_core *c)
{
    core_hold(c);
    outlive(c);
    map_unite(&c->missing, &c->coming);
    map_subtract(&c->missing, &c->owed);
    map_clear(&c->dirty);
    map_clear(&c->purging);
    absent_forget(c);
    note_merge(c);
    core_release(c);
    link_put_plain(core_out(c), LINK_PURGED, c->term);
    core_log(c, REPL_LOG_INFO,
             "following: %llu buckets to copy from the peer, %llu to copy to it",
             (unsigned long long)map_count(&c->coming),
             (unsigned long long)map_count(&c->owed));
    resync_owe(c);
}

/* R9, first half */
const char *merge_on_merge(struct repl_core *c, const struct link_message *m)
{
    static const struct repl_purge_goal goal = { .follows = true,
                                                 .then = merge_as_follower };
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->coming, &c->owed, &c->purging };
    if (s->lead != LEAD_FOLLOWER || s->merged || m->term != c->term)
        return NULL;
    core_hold(c);
    bool ok = core_take_maps(c, m, maps, 3);
    if (!ok)
        map_clear(&c->purging);
    core_release(c);
    if (!ok)
        return "received a malformed MERGE";
    purge_start(c, &goal);
    return NULL;
}

/* R10 */
const char *merge_on_purged(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    if (s->lead != LEAD_LEADER || !s->merged || m->term != c->term)
        return NULL;
    core_hold(c);
    map_clear(&c->in_flight);
    core_release(c);
    s->await = false;
    s->answers++;
    return NULL;
}

static void refill_as_follower(struct repl_core *c)
{
    core_hold(c);
    map_unite(&c->missing, &c->coming);
    map_clear(&c->purging);
    core_release(c);
    link_put_plain(core_out(c), LINK_PURGED, c->term);
}

/* R13 at the follower */
const char *merge_on_resync(struct repl_core *c, const struct link_message *m)
{
    static const struct repl_purge_goal goal = { .repairs = true,
                                                 .then = refill_as_follower };
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->coming };
    if (s->lead != LEAD_FOLLOWER || !s->merged || m->term != c->term)
        return NULL;
    core_hold(c);
    bool ok = core_take_maps(c, m, maps, 1);
    if (ok)
        map_copy(&c->purging, &c->coming);
    core_release(c);
    if (!ok)
        return "received a malformed RESYNC";
    purge_start(c, &goal);
    return NULL;
}

/* R12: the peer's scan is complete. A leader did not take what clients changed here
 * meanwhile, and owes those buckets to the peer instead. */
const char *merge_on_end(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    if (!s->merged || m->term != c->term)
        return NULL;
    core_hold(c);
    if (s->lead == LEAD_LEADER) {
        map_copy(&c->spare, &c->written);
        map_intersect(&c->spare, &c->coming);
        map_intersect(&c->spare, &c->missing);
        map_unite(&c->dirty, &c->spare); /* mutant: end-forgets-written */
    }
    map_subtract(&c->missing, &c->coming);
    map_clear(&c->coming);
    core_release(c);
    if (s->lead == LEAD_LEADER)
        core_log(c, REPL_LOG_INFO, "the copy from the peer is complete: %llu items",
                 (unsigned long long)s->taken);
    else
        core_log(c, REPL_LOG_INFO, "the copy from the peer is complete");
    s->taken = 0;
    return NULL;
}
