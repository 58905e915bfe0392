/*
 * Removing items, of the buckets in `purging`, in slices: a scan, not an instant. Between
 * the slices messages and changes are taken as ever. Two have use for it:
 *
 *   a leader that merges   drops what the follower changed (R8). Its clients go on: what
 *                          they store has a CAS above the fence, and whoever reads or
 *                          changes a key first removes the purging item of that key
 *   a follower             drops what has not come with a part that replaces (R12)
 */
#include "base/hash.h"
#include "repl/internal.h"

enum { PURGE_SLICE = 2000 }; /* items looked at in one go; the lock is held meanwhile */

void purge_start(struct repl_core *c, const struct repl_purge_goal *goal)
{
    core_hold(c);
    c->purge.goal = goal;
    c->purge.fence = UINT64_MAX;
    if (goal->merges) {
        known_clear(&c->arrived);
        if (!map_is_empty(&c->purging))
            c->purge.fence = c->store_ops->fence(c->store);
    }
    core_release(c);
    c->port_ops->wake(c->port);
}

void purge_stop(struct repl_core *c)
{
    if (c->purge.scan != NULL)
        c->store_ops->scan_end(c->store, c->purge.scan);
    /* What a leader's has removed only the peer may have now; a follower's takes what the
     * peer has not. */
    if (purge_merges(c))
        map_unite(&c->missing, &c->purging); /* mutant: cut-purge-is-forgotten */
    c->purge = (struct repl_purge){ 0 };
    map_clear(&c->purging);
}

/* What both sides changed is a miss on both; what one side changed comes from there. */
static void report(struct repl_core *c)
{
    const struct repl_purge *p = &c->purge;
    c->count.invalidated += p->conflicts;
    if (p->conflicts > 0)
        core_log(
            c, REPL_LOG_WARNING,
            "both nodes took clients' changes: %llu items that may have been changed "
            "on both are misses now, %llu items that the peer alone changed come from "
            "there",
            (unsigned long long)p->conflicts,
            (unsigned long long)(p->dropped - p->conflicts));
    else if (p->dropped > 0 && p->goal->merges)
        core_log(c, REPL_LOG_INFO,
                 "%llu items that the peer changed meanwhile are dropped here",
                 (unsigned long long)p->dropped);
}

static void finish(struct repl_core *c)
{
    const struct repl_purge_goal *goal = c->purge.goal;
    report(c);
    core_hold(c);
    if (c->purge.scan != NULL)
        c->store_ops->scan_end(c->store, c->purge.scan);
    c->purge = (struct repl_purge){ 0 };
    core_release(c);
    goal->then(c);
}

/* A store that can do one scan at a time does the purge first; the part under way is
 * scanned anew after it. */
static bool begin_scan(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    c->purge.scan = c->store_ops->scan_begin(c->store, &c->purging);
    if (c->purge.scan == NULL && copy->scan != NULL) {
        c->store_ops->scan_end(c->store, copy->scan);
        copy->scan = NULL;
        c->purge.scan = c->store_ops->scan_begin(c->store, &c->purging);
    }
    c->purge.stalled = c->purge.scan == NULL;
    return !c->purge.stalled;
}

/* False: it could not be removed. */
static bool purge_item(struct repl_core *c, const struct link_change *s)
{
    struct repl_purge *p = &c->purge;
    uint64_t hash = hash_key(s->key, s->nkey);
    if (!map_has(&c->purging, hash) || known_has(&c->arrived, hash) ||
        s->cas > p->fence) /* mutant: no-purge-at-leader */
        return true;
    if (!c->store_ops->expel(c->store, s->key, s->nkey, p->fence))
        return false;
    p->dropped++;
    p->conflicts += p->goal->merges && map_has(&c->dirty, hash);
    return true;
}

/* It begins anew, some time later. */
static bool fail(struct repl_core *c)
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
            finish(c);
        if (next == REPL_NOT_YET)
            continue;
        if (next != REPL_YES)
            return next == REPL_NO;
        bool done = purge_item(c, &item.state);
        c->store_ops->release(c->store, item.item);
        if (!done)
            return fail(c);
    }
    return true;
}

bool purge_work(struct repl_core *c)
{
    struct repl_purge *p = &c->purge;
    if (p->goal == NULL)
        return false;
    if (map_is_empty(&c->purging)) {
        finish(c);
        return true;
    }
    if (p->scan == NULL && !begin_scan(c))
        return false;
    return purge_some(c);
}
