/*
 * Large values on their way to the peer, in chunks, so that other messages pass between
 * them. There are three streams, and each carries one value at a time:
 *
 *   changes   what clients changed (ship.c)
 *   copy      items of a part; its pace is the copy's (resync.c)
 *   fetched   what the peer asked for (fetch.c, notice.c)
 *
 * The item is referred to until its last chunk is composed. A chunk is copied into the
 * buffer of the link, so nothing there depends on the item when roles change.
 *
 * Pace: twice `room` bytes may be on the way, as in a copy. `room` grows as long as they
 * are acknowledged quickly, and shrinks when they queue up somewhere on the way: then
 * what is behind them would be late. But a stream gets its share: it may send as much as
 * other changes do meanwhile.
 */
#include <string.h>

#include "base/hash.h"
#include "repl/internal.h"

enum {
    CHUNKS_AT_ONCE = 4,
    BACKLOG_MAX =
        (1 << 20) + (256 << 10), /* more than small changes have: so a stream
                                  * gets its turn also when they fill the link */
    PACE_LEAST = 32 << 10,
    PACE_MOST = 4 << 20,
    QUICK_US = 25000, /* beyond the quickest round of all */
    SLOW_US = 100000,
};

bool stream_is_large(const struct repl_core *c, const struct link_change *state)
{
    return state->nvalue > c->config.whole_max;
}

bool stream_is_busy(const struct repl_core *c, enum link_stream by)
{
    return c->streams[by].item.item != NULL;
}

bool stream_carries(const struct repl_core *c, enum link_stream by, const void *key,
                    size_t nkey)
{
    const struct link_change *state = &c->streams[by].item.state;
    return stream_is_busy(c, by) && state->nkey == nkey &&
           memcmp(state->key, key, nkey) == 0;
}

void stream_leave_out(const struct repl_core *c, struct map *buckets)
{
    for (unsigned i = 0; i < LINK_STREAMS; i++) {
        const struct link_change *state = &c->streams[i].item.state;
        if (stream_is_busy(c, (enum link_stream)i))
            map_remove(buckets, hash_key(state->key, state->nkey), c->session.map_bits);
    }
}

void stream_begin(struct repl_core *c, enum link_stream by, const struct repl_item *item)
{
    c->streams[by] = (struct repl_stream){ .item = *item };
    if (c->session.acked == c->session.sent)
        c->stream_pace.since_us = 0; /* there was a pause */
    link_put_stream(core_out(c), by, &item->state);
}

static void end(struct repl_core *c, enum link_stream by)
{
    if (stream_is_busy(c, by))
        c->store_ops->release(c->store, c->streams[by].item.item);
    c->streams[by] = (struct repl_stream){ 0 };
}

void stream_stop_all(struct repl_core *c)
{
    for (unsigned i = 0; i < LINK_STREAMS; i++)
        end(c, (enum link_stream)i);
    c->stream_pace = (struct repl_stream_pace){ 0 };
}

static size_t send_chunk(struct repl_core *c, enum link_stream by)
{
    struct repl_stream *s = &c->streams[by];
    const struct link_change *state = &s->item.state;
    size_t n = state->nvalue - s->sent;
    if (n > c->config.chunk)
        n = c->config.chunk;
    link_put_chunk(core_out(c), by, (const char *)state->value + s->sent, n);
    s->sent += (uint32_t)n;
    if (s->sent == state->nvalue)
        end(c, by);
    return n;
}

size_t stream_send(struct repl_core *c, enum link_stream by, size_t enough)
{
    size_t sent = 0;
    for (unsigned i = 0; i < CHUNKS_AT_ONCE && sent < enough; i++)
        sent += stream_is_busy(c, by) ? send_chunk(c, by) : 0;
    if (by != STREAM_CHANGES)
        rate_take(&c->copy_rate, sent, c->now_us);
    return sent;
}

/* ---- the pace */

static void adapt(struct repl_stream_pace *r, uint64_t took)
{
    if (r->least_us == 0 || took < r->least_us)
        r->least_us = took;
    if (took < r->least_us + QUICK_US)
        r->room *= 2;
    else if (took > r->least_us + SLOW_US)
        r->room /= 2;
}

static void next_round(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    struct repl_stream_pace *r = &c->stream_pace;
    if (r->since_us != 0)
        adapt(r, c->now_us - r->since_us + 1); /* 0: none was measured */
    if (r->room < PACE_LEAST)
        r->room = PACE_LEAST;
    if (r->room > PACE_MOST)
        r->room = PACE_MOST;
    r->since_us =
        s->acked != s->sent ? c->now_us : 0; /* else there is no answer to come */
    r->mark = s->sent;
    r->sent = r->beside = 0;
}

static size_t share(const struct repl_stream_pace *r)
{
    return r->room > r->beside ? r->room : r->beside;
}

bool stream_may_send(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    struct repl_stream_pace *r = &c->stream_pace;
    if (!core_window_is_open(c) || c->port_ops->backlog(c->port) >= BACKLOG_MAX)
        return false;
    if (r->sent < share(r))
        return true;
    if (r->room != 0 && (int32_t)(s->acked - r->mark) < 0)
        return false;
    next_round(c);
    return true;
}

void stream_go_on(struct repl_core *c, enum link_stream by)
{
    struct repl_stream_pace *r = &c->stream_pace;
    r->sent += stream_send(c, by, share(r) - r->sent);
}
