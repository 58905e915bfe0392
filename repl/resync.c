/* Purge, scan and repair: the mechanism behind every kind of copy. */
#include "base/check.h"
#include "base/hash.h"
#include "repl/internal.h"

enum {
    PURGE_SLICE = 2000, /* items looked at per turn, with the core lock held */
    SCAN_SLICE = 2000,
    SCAN_SEND = 200,      /* items sent per turn */
    PACE_LEAST = 8 << 10, /* bytes; they take a slow network a few milliseconds */
    PACE_MOST = 256 << 10,
    PACE_STEP = 1 << 10,
};

static bool is_all(const struct map *m)
{
    return map_count(m) == (uint64_t)1 << m->bits;
}

void resync_stop(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    if (s->scan != NULL)
        c->store_ops->scan_end(c->store, s->scan);
    if (c->purge.scan != NULL)
        c->store_ops->scan_end(c->store, c->purge.scan);
    s->scan = NULL;
    s->scan_due = false;
    c->purge = (struct repl_purge){ 0 };
    map_clear(&c->purging);
    map_clear(&c->owed);
    map_clear(&c->coming);
}

/* ---- purge: remove what the other node changed */

void purge_start(struct repl_core *c, const struct repl_purge_goal *goal)
{
    core_hold(c);
    c->purge.goal = goal;
    if (!map_is_empty(&c->purging))
        c->purge.fence = c->store_ops->fence(c->store);
    core_release(c);
    c->port_ops->wake(c->port);
}

/* What both nodes changed is a miss on both; what only one node changed is copied from
 * it. */
static void purge_report(struct repl_core *c)
{
    const struct repl_purge *p = &c->purge;
    c->count.invalidated += p->conflicts;
    if (p->conflicts > 0)
        core_log(
            c, REPL_LOG_WARNING,
            "both nodes took clients' changes: %llu items that may have been changed "
            "on both are misses now; %llu items that only the peer changed are copied "
            "from it",
            (unsigned long long)p->conflicts,
            (unsigned long long)(p->dropped - p->conflicts));
    else if (p->dropped > 0 && !p->goal->repairs)
        core_log(c, REPL_LOG_INFO,
                 "dropped %llu items here that the peer changed meanwhile",
                 (unsigned long long)p->dropped);
}

static void purge_finish(struct repl_core *c)
{
    const struct repl_purge_goal *goal = c->purge.goal;
    purge_report(c);
    core_hold(c);
    if (c->purge.scan != NULL)
        c->store_ops->scan_end(c->store, c->purge.scan);
    c->purge = (struct repl_purge){ 0 };
    core_release(c);
    goal->then(c);
}

/* If the store can do only one scan at a time, the purge goes first, and the copy to
 * the peer starts again after it. */
static bool purge_begin_scan(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    c->purge.scan = c->store_ops->scan_begin(c->store, NULL);
    if (c->purge.scan == NULL && s->scan != NULL) {
        c->store_ops->scan_end(c->store, s->scan);
        s->scan = NULL;
        c->purge.scan = c->store_ops->scan_begin(c->store, NULL);
    }
    c->purge.stalled = c->purge.scan == NULL;
    return !c->purge.stalled;
}

/* Remove the item if it is to be purged. False: it could not be removed. */
static bool purge_item(struct repl_core *c, const struct link_change *s)
{
    struct repl_purge *p = &c->purge;
    uint64_t hash = hash_key(s->key, s->nkey);
    if (!map_has(&c->purging, hash) || s->cas > p->fence) /* mutant: no-purge-at-leader */
        return true;
    if (!c->store_ops->expel(c->store, s->key, s->nkey, p->fence))
        return false;
    p->dropped++;
    p->conflicts += p->goal->merges && map_has(&c->dirty, hash);
    return true;
}

/* The purge begins anew some time later. Always false. */
static bool purge_fail(struct repl_core *c)
{
    core_store_failed(c, "remove what the peer has changed");
    c->store_ops->scan_end(c->store, c->purge.scan);
    c->purge.scan = NULL;
    c->purge.stalled = true;
    return false;
}

static bool purge_some(struct repl_core *c)
{
    struct repl_purge *p = &c->purge;
    struct repl_item item;
    for (unsigned i = 0; i < PURGE_SLICE; i++) {
        enum repl_answer next = core_scan_next(c, p->scan, &item);
        p->stalled = next == REPL_UNKNOWN;
        if (next == REPL_NO)
            purge_finish(c);
        if (next == REPL_NOT_YET)
            continue;
        if (next != REPL_YES)
            return next == REPL_NO;
        bool done = purge_item(c, &item.state);
        c->store_ops->release(c->store, item.item);
        if (!done)
            return purge_fail(c);
    }
    return true;
}

bool purge_work(struct repl_core *c)
{
    struct repl_purge *p = &c->purge;
    if (p->goal == NULL)
        return false;
    if (map_is_empty(&c->purging)) {
        purge_finish(c);
        return true;
    }
    if (p->scan == NULL && !purge_begin_scan(c))
        return false;
    return purge_some(c);
}

/* ---- scan: copy to the other node what it is owed */

void resync_owe(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    s->scan_due = !map_is_empty(&c->owed);
    s->peer_whole = !s->scan_due;
    s->scanned = 0;
    if (s->scan_due && is_all(&c->owed))
        c->count.resyncs_full++;
    else if (s->scan_due)
        c->count.resyncs_partial++;
    c->port_ops->wake(c->port);
}

static void scan_finish(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    c->store_ops->scan_end(c->store, s->scan);
    s->scan = NULL;
    s->scan_due = false;
    link_put_plain(core_out(c), LINK_END, c->term);
    ship_end_batch(c);
    s->end_batch = s->sent;
    s->end_out = true;
    core_log(c, REPL_LOG_INFO, "the copy is sent to the peer: %llu items",
             (unsigned long long)s->scanned);
}

/* Twice `room` may be on the way: while one half is being acknowledged, the other keeps
 * the network busy. */
static bool pace_allows(struct repl_session *s)
{
    struct repl_pace *p = &s->pace;
    if (p->sent < p->room)
        return true;
    if (p->room != 0 && (int32_t)(s->acked - p->mark) < 0)
        return false;
    p->room = p->room < PACE_LEAST ? PACE_LEAST : p->room + PACE_STEP;
    if (p->room > PACE_MOST)
        p->room = PACE_MOST;
    p->mark = s->sent;
    p->sent = 0;
    return true;
}

void resync_give_way(struct repl_core *c)
{
    struct repl_pace *p = &c->session.pace;
    if (p->room > PACE_LEAST)
        p->room = PACE_LEAST;
}

/* Takes over the item's reference. The item is looked up and queued in one step: a
 * change that comes now enters the journal now, and is therefore shipped after this
 * item. */
static bool scan_send(struct repl_core *c, struct repl_item *item)
{
    if (!map_has(&c->owed, hash_key(item->state.key, item->state.nkey)) ||
        !ship_fits(c, &item->state)) {
        c->store_ops->release(c->store, item->item);
        return false;
    }
    c->session.pace.sent += FRAME_HEADER + (size_t)item->state.nkey + item->state.nvalue;
    ship_item(c, LINK_FILL, item);
    c->count.resync_items++;
    c->session.scanned++;
    return true;
}

bool resync_work(struct repl_core *c)
{
    struct repl_session *s = &c->session; /* mutant: queue-later */
    enum repl_answer next = REPL_YES;
    struct repl_item item;
    unsigned sent = 0;
    if (!s->scan_due || !ship_may_send(c) ||
        !pace_allows(s)) /* mutant: fetch-behind-the-copy */
        return false;
    if (s->scan == NULL)
        s->scan = c->store_ops->scan_begin(c->store, NULL);
    if (s->scan == NULL)
        return false;
    /* Items may be large: a few of them can fill the backlog. */
    for (unsigned i = 0; i < SCAN_SLICE && sent < SCAN_SEND && ship_may_send(c); i++) {
        if (sent > 0 &&
            s->pace.sent >= s->pace.room) /* mutant: fetch-behind-the-copy 2 */
            break;
        next = core_scan_next(c, s->scan, &item);
        if (next == REPL_NO) /* mutant: queue-later 3 */
            scan_finish(c);
        if (next == REPL_NOT_YET)
            continue;
        if (next != REPL_YES)
            break;
        sent += scan_send(c, &item); /* mutant: queue-later 2 */
    }
    if (sent > 0 && next != REPL_NO)
        ship_end_batch(c);
    return next != REPL_UNKNOWN;
}

void resync_acknowledged(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    if (!s->end_out || (int32_t)(s->acked - s->end_batch) < 0)
        return;
    s->end_out = false;
    s->peer_whole = true;
    map_clear(&c->owed);
    core_log(c, REPL_LOG_INFO, "the peer has the whole copy");
}

/* ---- repair: R13 */

void resync_repair(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    const struct map *const maps[] = { &c->owed };
    if (!s->merged || s->lead != LEAD_LEADER || map_is_empty(&c->dirty) || s->end_out ||
        s->await || s->scan_due || /* mutant: two-orders */
        verify_is_naming(c))
        return;
    core_hold(c);
    CHECK(flush_take(c) == NULL); /* always, for a leader */
    map_widen(&c->dirty, s->map_bits);
    map_copy(&c->in_flight, &c->dirty); /* mutant: no-in-flight */
    map_copy(&c->owed, &c->dirty);
    map_clear(&c->dirty);
    map_subtract(&c->missing, &c->owed);
    core_release(c);
    if (c->flush.due)
        ship_flush(c);
    core_put_maps(c, LINK_RESYNC, maps, 1);
    s->await = true;
    core_log(c, REPL_LOG_INFO, "repairing %llu buckets",
             (unsigned long long)map_count(&c->owed));
    resync_owe(c);
}

const char *repl_core_resync(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->merged)
        return "there is no peer to copy to: the link is not up; see repl_link";
    if (s->lead != LEAD_LEADER)
        return "the peer leads: give the command there";
    if (!map_is_empty(&c->missing))
        return "this node is still being filled by its peer: wait until it is in sync";
    core_hold(c);
    map_fill(&c->dirty);
    core_release(c);
    c->port_ops->wake(c->port);
    return NULL;
}
