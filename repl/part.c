/*
 * Which part of a copy is next (R13). A part is a set of buckets of one origin, so large
 * that it is sent in a moment: a link that breaks costs one part.
 *
 *   dirty   clients changed it here: the peer's is replaced
 *   owed    the peer is missing some of it: it is filled
 *   renew   an operator wants it: it is replaced
 *   untold  a store evicted of it untold: it is replaced, when there is nothing else
 *
 * A part is taken out of its origin, and goes back there if it is cut. `dirty` and `owed`
 * take turns, and each goes round, so that neither load nor a peer without room keeps the
 * rest waiting.
 */
#include "repl/internal.h"

enum {
    SHARE = 64,               /* the first part is so much of all buckets */
    SHORT_US = 200000,        /* the part after one that took less is twice as large, */
    LONG_US = 1000000,        /* and half as large after one that took more, or was cut */
    AGAIN_FIRST_US = 1000000, /* until the peer may have room for what it refused */
    AGAIN_MOST_US = 30000000,
};

/* ---- the size of a part */

/* The peer notes the keys of a part that replaces, and of what clients change meanwhile:
 * so many buckets have half as many keys as it can note. Each bucket that was changed has
 * one, and its share of the others. */
static uint64_t most_replaced(const struct repl_core *c, enum copy_origin origin)
{
    uint64_t all = UINT64_C(1) << c->config.map_bits;
    uint64_t keys = c->store_ops->items(c->store) + (origin == COPY_DIRTY ? all : 0);
    return 1 + all * (known_room(core_arrivals_bits(c->session.map_bits)) / 2) / keys;
}

/* A store that looks at all its items for each scan is copied in one part, and so is one
 * that is as good as empty. */
static size_t size(const struct repl_core *c, enum copy_origin origin)
{
    size_t all = (size_t)1 << c->config.map_bits;
    uint64_t items = c->store_ops->items(c->store);
    if (items == UINT64_MAX || items < SHARE)
        return all;
    uint64_t most = origin == COPY_OWED ? all : most_replaced(c, origin);
    size_t next = c->part_size[origin] != 0 ? c->part_size[origin] : all / SHARE;
    return next < most ? next : most;
}

static void halve(struct repl_core *c, enum copy_origin origin)
{
    size_t now = size(c, origin);
    c->part_size[origin] = now > 1 ? now / 2 : 1;
}

/* Each part costs a look at the whole table: they are to be few, and over in a moment. */
void part_adapt(struct repl_core *c)
{
    enum copy_origin origin = c->session.copy.origin;
    uint64_t took_us = c->now_us - c->session.copy.begun_us;
    size_t now = size(c, origin), all = (size_t)1 << c->config.map_bits;
    if (took_us > LONG_US)
        halve(c, origin);
    else
        c->part_size[origin] = took_us < SHORT_US && now < all ? 2 * now : now;
}

/* ---- dirty, renew */

static void end_lap(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    copy->dirty_at = 0;
    copy->lap_us = c->now_us - copy->lap_from_us;
    copy->lap_from_us = c->now_us;
}

/* Of what this node is missing itself the peer may have the rest: that comes first. So
 * does a value that is on its way in chunks: behind the part it would be an old one. */
static void choose(struct repl_core *c, const struct map *from)
{
    map_widen(&c->missing, c->session.map_bits);
    map_copy(&c->spare, from);
    map_widen(&c->spare, c->session.map_bits);
    map_subtract(&c->spare, &c->missing); /* mutant: part-of-what-is-missing */
    stream_leave_out(c, &c->spare);       /* mutant: part-beside-its-stream */
}

static bool pick_dirty(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    if (c->session.lead != LEAD_LEADER || map_is_empty(&c->dirty))
        return false;
    choose(c, &c->dirty);
    if (map_next(&c->spare, copy->dirty_at) == MAP_END)
        end_lap(c);
    copy->dirty_at =
        map_pick(&c->in_flight, &c->spare, copy->dirty_at, size(c, COPY_DIRTY));
    return !map_is_empty(&c->in_flight);
}

/* It waits until this node is whole: a replacement by one that is missing items takes
 * them away. */
static bool renews(const struct repl_core *c)
{
    return c->session.lead == LEAD_LEADER && c->renew_at != MAP_END &&
           map_is_empty(&c->missing); /* mutant: renew-of-what-is-missing */
}

static bool pick_renew(struct repl_core *c)
{
    if (!renews(c))
        return false;
    map_fill(&c->spare);
    c->session.copy.renew_from = c->renew_at;
    c->renew_at = map_pick(&c->in_flight, &c->spare, c->renew_at, size(c, COPY_RENEW));
    return true;
}

/* ---- untold */

static bool pick_untold(struct repl_core *c)
{
    if (!untold_is_due(c))
        return false;
    choose(c, &c->untold.map);
    (void)map_pick(&c->in_flight, &c->spare, 0, size(c, COPY_UNTOLD));
    untold_repair_begins(c);
    return !map_is_empty(&c->in_flight);
}

/* ---- owed */

/* All that is owed was tried; what the peer had no room for is tried again, some time
 * later. */
void part_end_round(struct repl_core *c)
{
    struct repl_round *r = &c->session.round;
    uint64_t longer = r->pause_us != 0 ? 2 * r->pause_us : AGAIN_FIRST_US;
    r->pause_us = !r->refused ? 0 : longer < AGAIN_MOST_US ? longer : AGAIN_MOST_US;
    r->again_us = c->now_us + r->pause_us;
    r->refused = false;
    r->at = 0;
    if (r->pause_us > 0)
        core_log(
            c, REPL_LOG_WARNING,
            "the peer has no room for some items: they are missing there, and copied "
            "again in %llu s; raise its -m",
            (unsigned long long)(r->pause_us / 1000000));
}

static bool pick_owed(struct repl_core *c)
{
    struct repl_round *r = &c->session.round;
    if (map_is_empty(&c->owed))
        return false;
    if (map_next(&c->owed, r->at) == MAP_END)
        part_end_round(c);
    if (c->now_us < r->again_us)
        return false;
    map_widen(&c->owed, c->session.map_bits);
    r->at = map_pick(&c->in_flight, &c->owed, r->at, size(c, COPY_OWED));
    return true;
}

void part_refused(struct repl_core *c, uint64_t hash)
{
    bool first = map_is_empty(&c->owed) && c->session.copy.origin != COPY_OWED;
    map_add(&c->owed, hash);
    c->session.round.refused = true;
    if (first)
        part_end_round(c);
}

/* ---- all */

bool part_is_due(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    bool replaces = s->lead == LEAD_LEADER && map_exceeds(&c->dirty, &c->missing);
    return replaces || renews(c) ||
           (!map_is_empty(&c->owed) && c->now_us >= s->round.again_us);
}

static enum copy_origin pick(struct repl_core *c)
{
    bool owed_first = c->session.copy.last == COPY_DIRTY;
    return owed_first && pick_owed(c) ? COPY_OWED
           : pick_dirty(c)            ? COPY_DIRTY
           : pick_owed(c)             ? COPY_OWED
           : pick_renew(c)            ? COPY_RENEW
           : pick_untold(c)           ? COPY_UNTOLD
                                      : COPY_NONE;
}

/* Clients may go on meanwhile: what they add to `dirty` stays there, or is in the store
 * before the scan. What is replaced need not be filled as well. */
bool part_pick(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    copy->origin = copy->last = pick(c);
    map_widen(&c->in_flight, c->session.map_bits);
    if (copy->origin != COPY_RENEW)
        map_subtract(&c->owed, &c->in_flight);
    return copy->origin != COPY_NONE;
}

/* A client adds nothing to a bucket that it sees in `dirty`: so while this takes it out,
 * no change may be between the store and `dirty`. What is replaced is alike on both. */
void part_take(struct repl_core *c)
{
    enum copy_origin origin = c->session.copy.origin;
    if (origin == COPY_DIRTY)
        map_subtract(&c->dirty, &c->in_flight);
    if (origin != COPY_OWED)
        map_take(&c->untold.map, &c->in_flight);
}

/* Of these the peer has nothing at all: what was changed here need not be replaced there,
 * but filled. This holds for certain as soon as the peer knows of the merge. */
void part_wait(struct repl_core *c, const struct map *nothing)
{
    map_copy(&c->in_flight, &c->dirty);
    map_intersect(&c->in_flight, nothing); /* mutant: fill-what-is-stale */
    if (map_is_empty(&c->in_flight))
        return;
    map_subtract(&c->dirty, &c->in_flight);
    c->session.copy.origin = COPY_DIRTY;
    c->session.copy.waits = true; /* mutant: fill-before-both-know */
}

void part_owe(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    if (!copy->waits)
        return;
    core_hold(c);
    map_unite(&c->owed, &c->in_flight);
    map_clear(&c->in_flight);
    copy->origin = COPY_NONE;
    copy->waits = false;
    sync_settle(c);
    core_release(c);
}

void part_put_back(struct repl_core *c)
{
    const struct repl_copy *copy = &c->session.copy;
    if (copy->origin != COPY_NONE && !copy->waits)
        halve(c, copy->origin); /* mutant: parts-stay-too-large */
    if (copy->origin == COPY_DIRTY)
        map_unite(&c->dirty, &c->in_flight); /* mutant: no-in-flight */
    else if (copy->origin == COPY_OWED)
        map_unite(&c->owed, &c->in_flight);
    else if (copy->origin == COPY_RENEW && copy->renew_from < c->renew_at)
        c->renew_at = copy->renew_from;
    if (copy->origin == COPY_RENEW || copy->origin == COPY_UNTOLD)
        map_note_all(&c->untold.map, &c->in_flight); /* mutant: cut-repair-is-forgotten */
    map_clear(&c->in_flight);
}
