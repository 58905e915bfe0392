/* The figures of a node. */
#include <stdio.h>
#include <string.h>

#include "repl/health.h"
#include "repl/internal.h"

static uint64_t notices_lost(const struct repl_core *c)
{
    uint64_t n = 0;
    const struct repl_worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next)
        n += atomic_load_explicit(&w->notices_lost, memory_order_relaxed);
    return n;
}

const char *repl_core_refusal(struct repl_core *c)
{
    if (gate_flags(&c->gate) & GATE_ACCEPTS)
        return NULL;
    if (c->config.lone_rejects)
        return "this node takes no writes: it is a standby, or it has no peer and "
               "lone=reject";
    return "this node is a standby and takes no writes; write to the active node";
}

static const char *link_state(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->open)
        return "down";
    if (!s->merged)
        return "handshake";
    return copy_is_done(c) && map_is_empty(&c->missing) ? "streaming" : "resync";
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

bool repl_core_is_active(const struct repl_core *c)
{
    return c->active;
}

uint64_t repl_core_term(const struct repl_core *c)
{
    return c->term;
}

unsigned repl_core_face(const struct repl_core *c)
{
    return c->active | c->resigned << 1 | c->session.open << 2 | c->session.merged << 3;
}

struct repl_counters *repl_core_counters(struct repl_core *c)
{
    return &c->count;
}

void repl_core_status(struct repl_core *c, struct repl_status *s)
{
    struct repl_health health;
    repl_core_lock(c);
    *s = (struct repl_status){
        .role = c->active ? "active" : "standby",
        .active = c->active,
        .link = link_state(c),
        .in_sync = repl_core_in_sync(c),
        .dirty_buckets = map_count(&c->dirty) + map_count(&c->in_flight),
        .missing_buckets = map_count(&c->missing),
        .notices_lost = notices_lost(c),
        .peer_active = c->session.open && c->session.peer.active,
        .peer_memory = c->session.peer.memory,
        .count = c->count,
    };
    s->pending = core_pending(c, &s->journal_overflows);
    s->at_risk = sync_at_risk(c, s->pending);
    s->lag_us = sync_lag_us(c, s->pending);
    s->run_id = s->run_text;
    s->peer_run_id = s->peer_run_text;
    format_run(&c->config.run, s->run_text);
    if (c->session.open)
        format_run(&c->session.peer.run, s->peer_run_text);
    memcpy(s->error_text, c->last_error, sizeof(s->error_text));
    s->last_error = s->error_text;
    repl_core_health(c, &health);
    s->fit = health.is_fit;
    s->rank = health.rank;
    s->term = health.term;
    memcpy(s->health_text, health.why, sizeof(s->health_text));
    s->health = s->health_text;
    repl_core_unlock(c);
}
