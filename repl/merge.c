/* From MAP to MERGE: what each node drops, what is copied where. */
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
        map_clear(&c->in_flight);
        maps[1] = &c->in_flight; /* mutant: missing-for-ever 2 */
    }
    if (!c->session.known && c->flush.doubt == DOUBT_PEER) {
        map_fill(&c->spare);
        maps[0] = &c->spare;
    }
    core_put_maps(c, LINK_MAP, maps, 2);
}

/* on_conflict=keep: buckets that both changed keep the leader's state. Dirty buckets
 * are replaced at the peer in any case, so it is enough not to purge them here. */
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
    sync_note_all(c);
    core_log(c, REPL_LOG_WARNING,
             "the peer has merged with another node since it merged with this one, or "
             "this node has: everything is copied to the peer");
}

/* Of two merges with one peer, of which the first may be unknown to it, what was before
 * the first stays `former`. */
static void note_met(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    bool again = run_id_order(&c->met, &s->peer.run) == 0 &&
                 run_id_order(&c->former, &c->met) != 0;
    if (!again) /* mutant: former-of-the-second */
        c->former = s->met;
    c->met = s->met = s->peer.run;
}

static void note_merge(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    s->merged = true;
    s->told = s->gap = false;
    s->answers++;
    c->count.merges++;
    s->unrelated = false;
    s->known = true;
    s->acked = s->sent;
    flush_merge(c); /* an immediate flush_all is in the maps */
    /* Notices from before the merge. */
    notices_drop(c); /* mutant: notices-outlive-the-session 2 */
    s->pace = (struct repl_pace){ 0 };
    map_clear(&c->refused);
    c->untold.told = UINT64_MAX;
    c->untold.row = 0;
    note_met(c);
    c->leader_rank = 1;
    c->rank = s->lead == LEAD_LEADER;
}

/* In the buckets that it is missing, it has nothing but what its clients changed. */
static bool peer_never_merged(const struct repl_session *s)
{
    return s->peer.met == 0 && run_id_order(&s->met, &s->peer.run) != 0;
}

/* What this node evicted untold, such a peer does not hold either. */
static void forget_untold(struct repl_core *c, const struct map *missing_there)
{
    if (peer_never_merged(&c->session))
        map_take(&c->untold.map, missing_there);
}

/* R8, second half. purging holds dirty_there, owed missing_there; the sums are done in
 * place. What both miss, each fills at the other.
 *   owed      = missing_there \ (dirty | dirty_there)
 *   to_leader = (dirty_there | missing) \ dirty */
static void share_out(struct repl_core *c, struct map *to_leader)
{
    forget_untold(c, &c->owed);
    map_subtract(&c->owed, &c->purging);
    map_copy(to_leader, &c->missing);
    if (peer_never_merged(&c->session)) {
        map_subtract(to_leader, &c->owed);
        part_wait(c, &c->owed);
    }
    map_subtract(&c->owed, &c->in_flight);
    map_subtract(&c->owed, &c->dirty);
    map_unite(to_leader, &c->purging);
    map_subtract(to_leader, &c->dirty);
    map_clear(&c->purging);

    map_copy(&c->missing, to_leader); /* mutant: term-decides */
}

static void merge_as_leader(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    struct map *to_leader = &c->spare;
    const struct map *const maps[] = { to_leader };
    core_hold(c);
    CHECK(flush_take(c) == NULL); /* always, for a leader */
    outlive(c);
    absent_tell_rest(c);               /* mutant: absences-of-the-leader */
    map_widen(&c->dirty, s->map_bits); /* the peer replaces as much */
    share_out(c, to_leader);           /* mutant: drop-all-dirty */
    note_merge(c);
    s->refilled = !map_is_empty(to_leader);
    core_release(c);
    core_put_maps(c, LINK_MERGE, maps, 1);
    ship_end_batch(c); /* acknowledged, the peer knows of all absences and of the merge */
    s->merge_batch = s->sent;
    core_log(c, REPL_LOG_INFO,
             "leading: %llu buckets were changed here, the peer is missing %llu, and "
             "%llu come from it",
             (unsigned long long)map_count(&c->dirty) + map_count(&c->in_flight),
             (unsigned long long)map_count(&c->owed),
             (unsigned long long)map_count(to_leader));
    c->port_ops->wake(c->port);
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
    if (s->lead != LEAD_LEADER || s->merged || s->purge_due || c->purge.goal != NULL ||
        m->term != c->term)
        return NULL;
    core_hold(c);
    ship_spill(c); /* mutant: journal-unmerged 2 */
    taken_settle(c);
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
    forget_untold(c, &c->owed);
    map_widen(&c->dirty, c->session.map_bits);
    map_intersect(&c->dirty, &c->owed); /* the leader has purged these */
    map_subtract(&c->missing, &c->dirty);
    map_clear(&c->dirty);
    sync_settle(c);
    c->renew_at = MAP_END;
    absent_forget(c);
    note_merge(c);
    c->former = c->met;
    core_release(c);
    core_event(c, HISTORY_COPY, REPL_LOG_INFO,
               "following: %llu buckets are missing here, %llu go to the peer",
               (unsigned long long)map_count(&c->missing),
               (unsigned long long)map_count(&c->owed));
    c->port_ops->wake(c->port);
}

/* R9 */
const char *merge_on_merge(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct map *const maps[] = { &c->owed };
    if (s->lead != LEAD_FOLLOWER || s->merged || m->term != c->term)
        return NULL;
    if (!core_take_maps(c, m, maps, 1))
        return "a malformed MERGE";
    merge_as_follower(c);
    return NULL;
}
