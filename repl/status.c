#include "repl/core.h"

#include <stdio.h>

#include "repl/internal.h"

static uint64_t notices_lost(const struct repl_core *c)
{
    uint64_t n = 0;
    const struct worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        n += atomic_load_explicit(&w->notices_lost, memory_order_relaxed);
    return n;
}

static uint64_t pending(struct repl_core *c, uint64_t *overflows)
{
    uint64_t n = 0;
    struct worker *w = atomic_load(&c->gate.workers);
    *overflows = 0;
    for (; w != NULL; w = w->next) {
        n += ring_pending(&w->ring);
        *overflows += atomic_load_explicit(&w->overflows, memory_order_relaxed);
    }
    return n;
}

/* R14, as far as this node can know it. */
bool repl_core_in_sync(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    uint64_t overflows;
    if (!s->merged || !map_is_empty(&c->lacking) || !map_is_empty(&c->dirty))
        return false;
    return s->peer_whole && !s->await && pending(c, &overflows) == 0;
}

/* What the peer may not have: not told yet, or told and still to be copied. */
static uint64_t buckets_at_risk(struct repl_core *c)
{
    map_copy(&c->spare, &c->dirty);
    map_unite(&c->spare, &c->flying);
    map_unite(&c->spare, &c->owed);
    return map_count(&c->spare);
}

bool repl_core_drained(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    uint64_t overflows;
    if (!s->open || !c->active)
        return true; /* nobody to wait for, or nothing of ours */
    return s->merged && s->peer_whole && map_is_empty(&c->dirty) &&
           map_is_empty(&c->flying) && pending(c, &overflows) == 0;
}

uint64_t repl_core_lone_us(const struct repl_core *c)
{
    return c->session.open ? 0 : c->now_us - c->lone_since_us;
}

const char *repl_core_refusal(struct repl_core *c)
{
    if (gate_flags(&c->gate) & GATE_ACTIVE)
        return NULL;
    if (c->config.lone_rejects)
        return "this node takes no writes: it is a standby, or it has no peer and "
               "lone=reject";
    return "this node is a standby and takes no writes; write to the active node";
}

/* A standby without a peer, or one that is just meeting it again, is as good as it was
 * when the link broke. One that was not filled by then only has misses, and there is
 * nobody left to wait for. But one that never met its peer may come before it. */
bool repl_core_health(struct repl_core *c, char *why, size_t nwhy)
{
    const struct repl_session *s = &c->session;
    uint64_t lacking = map_count(&c->lacking);
    if (c->resigned) {
        snprintf(why, nwhy, "it has handed its role over to the peer");
    } else if (c->active) {
        snprintf(why, nwhy, "active, reign %llu, %s", (unsigned long long)c->reign,
                 !s->open               ? "without a peer"
                 : repl_core_in_sync(c) ? "the peer has everything"
                                        : "the peer is catching up");
        return true;
    } else if (lacking > 0 && !c->has_met) {
        snprintf(why, nwhy, "standby, started empty and has not met its peer yet");
    } else if (lacking > 0 && s->open) {
        snprintf(why, nwhy, "standby, still to be filled: %llu of %llu buckets",
                 (unsigned long long)lacking, (unsigned long long)1 << c->lacking.bits);
    } else {
        snprintf(why, nwhy, "standby, %s",
                 s->merged ? "in sync with its peer"
                 : s->open ? "agreeing with its peer on what differs"
                 : lacking > 0
                     ? "not filled, but without the peer that could fill it"
                     : "without a peer; it holds what it had when the link broke");
        return true;
    }
    return false;
}

static const char *link_state(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->open)
        return "down";
    if (!s->merged)
        return "handshake";
    return s->walk_due || s->await || !s->peer_whole || !map_is_empty(&c->coming) ||
                   c->purge.goal != PURGE_NONE
               ? "resync"
               : "streaming";
}

static void format_run(const struct run_id *run, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < RUN_ID_SIZE; i++) {
        *text++ = digits[run->bytes[i] >> 4];
        *text++ = digits[run->bytes[i] & 15];
    }
    *text = '\0';
}

void repl_core_status(struct repl_core *c, struct repl_status *s)
{
    *s = (struct repl_status){
        .role = c->active ? "active" : "standby",
        .active = c->active,
        .link = link_state(c),
        .last_error = c->last_error,
        .in_sync = repl_core_in_sync(c),
        .reign = c->reign,
        .dirty_buckets = map_count(&c->dirty) + map_count(&c->flying),
        .lacking_buckets = map_count(&c->lacking),
        .lag_us = c->count.lag_us,
        .notices_lost = notices_lost(c),
        .rank = c->rank,
        .peer_memory = c->session.peer.memory,
        .count = c->count,
    };
    s->pending = pending(c, &s->journal_overflows);
    s->at_risk = s->pending + buckets_at_risk(c);
    s->run_id = s->run_text;
    s->peer_run_id = s->peer_run_text;
    format_run(&c->config.run, s->run_text);
    if (c->session.open)
        format_run(&c->session.peer.run, s->peer_run_text);
}
