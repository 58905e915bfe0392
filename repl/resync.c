/*
 * Copies to the peer, one part after the other: R13.
 *
 *   begin: in_flight = the next part (part.c), out REFILL or REPLACE
 *     work: scan, out FILL...
 *       end: out END
 *         done: in DONE, the next begins. Cut before: the part goes back
 *
 * One part at a time: a round trip for each costs little, for of a copy no more than
 * 2 * PACE_MOST is on the way in one either.
 */
#include "base/hash.h"
#include "repl/internal.h"

enum {
    SCAN_SLICE = 2000,    /* items looked at in one go; the lock is held meanwhile */
    SCAN_SEND = 200,      /* items sent in one go */
    PACE_LEAST = 8 << 10, /* bytes; a few milliseconds of a slow network */
    PACE_MOST = 256 << 10,
    PACE_STEP = 1 << 10,
};

/* ---- a part begins */

static bool is_all(const struct map *m)
{
    return map_count(m) == (uint64_t)1 << m->bits;
}

/* The first part of many. */
static void begin_copy(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    if (copy->under_way)
        return;
    copy->under_way = true;
    copy->since_us = c->now_us;
    copy->sum = 0;
    map_copy(&c->spare, &c->dirty);
    map_unite(&c->spare, &c->owed);
    bool all = is_all(&c->spare) || c->renew_at == 0;
    if (all)
        c->count.resyncs_full++;
    else
        c->count.resyncs_partial++;
    core_event(c, HISTORY_COPY, REPL_LOG_INFO,
               "copying %s to the peer: %llu buckets changed, %llu owed%s",
               all ? "everything" : "what differs",
               (unsigned long long)map_count(&c->dirty),
               (unsigned long long)map_count(&c->owed),
               c->renew_at != MAP_END ? ", all by command" : "");
}

static bool may_begin(struct repl_core *c)
{
    return c->session.copy.origin == COPY_NONE && /* mutant: two-parts */
           (part_is_due(c) || untold_is_due(c)) && !verify_is_naming(c);
}

static void begin(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    const struct map *const maps[] = { &c->in_flight };
    if (part_is_due(c))
        begin_copy(c);
    if (!part_pick(c))
        return;
    core_hold(c);
    if (c->session.lead == LEAD_LEADER)
        CHECK(flush_take(c) == NULL);
    part_take(c);
    core_release(c);
    if (c->flush.due)
        ship_flush(c);
    copy->begun_us = c->now_us;
    copy->part_sum = 0;
    core_put_maps(c, copy->origin == COPY_OWED ? LINK_REFILL : LINK_REPLACE, maps, 1);
}

/* ---- work: FILLs */

static void end(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    const struct map *const maps[] = { &c->in_flight };
    c->store_ops->scan_end(c->store, s->copy.scan);
    s->copy.scan = NULL;
    s->copy.ended = true;
    core_put_maps(c, LINK_END, maps, 1);
    ship_end_batch(c);
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

/* Takes over the item's reference. The look at the store and the queueing are one step:
 * a change that comes now is journalled now, and so shipped behind this. */
static bool send_item(struct repl_core *c, struct repl_item *item)
{
    struct repl_session *s = &c->session;
    const struct link_change *state = &item->state;
    size_t bytes = FRAME_HEADER + (size_t)state->nkey;
    if (!map_has(&c->in_flight, hash_key(state->key, state->nkey))) {
        c->store_ops->release(c->store, item->item);
        return false;
    }
    if (!stream_is_large(c, state))
        bytes += state->nvalue;
    if (!ship_fill(c, STREAM_COPY, item))
        return false;
    s->pace.sent += bytes;
    s->copy.sum++;
    s->copy.part_sum++;
    c->count.resync_items++;
    return true;
}

/* Of a large value. */
static bool send_chunks(struct repl_core *c)
{
    struct repl_pace *p = &c->session.pace;
    p->sent += stream_send(c, STREAM_COPY, p->room - p->sent);
    ship_end_batch(c);
    return true;
}

/* False: it cannot go on now. */
static bool send_some(struct repl_core *c)
{
    struct repl_session *s = &c->session; /* mutant: queue-later */
    enum repl_answer next = REPL_YES;
    struct repl_item item;
    unsigned sent = 0;
    /* Items may be large: a few of them fill the backlog. */
    for (unsigned i = 0; i < SCAN_SLICE && sent < SCAN_SEND && ship_may_send(c); i++) {
        if (stream_is_busy(c, STREAM_COPY))
            break;
        if (sent > 0 &&
            s->pace.sent >= s->pace.room) /* mutant: fetch-behind-the-copy 2 */
            break;
        next = core_scan_next(c, s->copy.scan, &item);
        if (next == REPL_NO) /* mutant: queue-later 3 */
            end(c);
        if (next == REPL_NOT_YET)
            continue;
        if (next != REPL_YES)
            break;
        sent += send_item(c, &item); /* mutant: queue-later 2 */
    }
    if (sent > 0 && next != REPL_NO)
        ship_end_batch(c);
    return next != REPL_UNKNOWN;
}

bool resync_work(struct repl_core *c)
{
    struct repl_session *s = &c->session;
    struct repl_copy *copy = &s->copy;
    if (!ship_may_send(c))
        return false;
    if (may_begin(c))
        begin(c);
    if (!copy_is_sending(c) || !rate_allows(&c->copy_rate, c->now_us) ||
        !pace_allows(s)) /* mutant: fetch-behind-the-copy */
        return false;
    if (stream_is_busy(c, STREAM_COPY))
        return send_chunks(c);
    if (copy->scan == NULL)
        copy->scan = c->store_ops->scan_begin(c->store, &c->in_flight);
    return copy->scan != NULL && send_some(c);
}

/* ---- the peer's answers */

const char *resync_on_done(struct repl_core *c, const struct link_message *m)
{
    struct repl_session *s = &c->session;
    struct repl_copy *copy = &s->copy;
    if (!s->merged || !copy->ended || m->term != c->term)
        return NULL;
    part_adapt(c);
    core_hold(c);
    map_clear(&c->in_flight);
    copy->origin = COPY_NONE;
    copy->ended = false;
    s->answers++;
    sync_settle(c);
    core_release(c);
    if (map_is_empty(&c->owed))
        part_end_round(c);
    if (!copy->under_way || !copy_is_done(c))
        return NULL;
    copy->under_way = false;
    core_event(c, HISTORY_COPY, REPL_LOG_INFO, "the peer has the whole copy: %llu items",
               (unsigned long long)copy->sum);
    return NULL;
}

/* ---- the end */

/* What the peer has not taken to its end is to be copied still. */
void resync_stop(struct repl_core *c)
{
    struct repl_copy *copy = &c->session.copy;
    if (copy->scan != NULL)
        c->store_ops->scan_end(c->store, copy->scan);
    if (copy->under_way)
        repl_core_note(c, HISTORY_COPY,
                       "the copy broke off after %llu items; the next link goes on",
                       (unsigned long long)copy->sum);
    part_put_back(c);
    *copy = (struct repl_copy){ 0 };
    c->session.round = (struct repl_round){ 0 };
}

const char *repl_core_resync(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->merged)
        return "there is no peer to copy to: the link is not up; see repl_link";
    if (s->lead != LEAD_LEADER)
        return "the peer leads: give the command there";
    if (!map_is_empty(&c->missing))
        return "this node is being filled itself: wait until it is in sync";
    c->renew_at = 0;
    c->port_ops->wake(c->port);
    return NULL;
}
