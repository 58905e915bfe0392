/* The figures of a node. */
#include <stdio.h>
#include <string.h>

#include "repl/health.h"
#include "repl/internal.h"

const char *repl_core_refusal(struct repl_core *c)
{
    if (gate_flags(&c->gate) & GATE_ACCEPTS)
        return NULL;
    if (c->config.lone_rejects)
        return "this node takes no writes: it is a standby, or it has no peer and "
               "lone=reject";
    return "this node is a standby and takes no writes; write to the active node";
}

const char *repl_core_link_state(const struct repl_core *c)
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
    return c->active | c->resigned << 1 | c->session.open << 2 | c->session.merged << 3 |
           repl_core_is_paused(c) << 4;
}

struct repl_counters *repl_core_counters(struct repl_core *c)
{
    return &c->count;
}

const struct history *repl_core_history(const struct repl_core *c)
{
    return &c->history;
}

/* ---- the snapshot */

static void take_own(struct repl_core *c, struct repl_status *s)
{
    struct link_report r;
    report_fill(c, &r);
    s->in_sync = r.in_sync;
    s->items = r.items;
    s->pending = r.pending;
    s->at_risk = r.at_risk;
    s->lag_us = r.lag_us;
    s->dirty_buckets = r.dirty_buckets;
    s->missing_buckets = r.missing_buckets;
    s->copy_items = r.copy_items;
    s->copy_total = r.copy_total;
    s->copy_ms = r.copy_us / 1000;
    s->paused = r.paused;
    s->paused_ms = repl_core_paused_us(c) / 1000;
    s->pause_left_ms = repl_core_pause_left_us(c) / 1000;
}

static void take_peer(const struct repl_core *c, struct repl_status *s)
{
    const struct repl_peer_report *p = &c->session.report;
    const struct link_report *r = &p->told;
    memcpy(s->peer_health_text, p->health, sizeof(s->peer_health_text));
    s->peer_health = s->peer_health_text;
    s->peer_told = p->at_us != 0;
    s->peer_told_ms = p->at_us != 0 ? (c->now_us - p->at_us) / 1000 : 0;
    s->peer_fit = r->fit;
    s->peer_in_sync = r->in_sync;
    s->peer_items = r->items;
    s->peer_pending = r->pending;
    s->peer_at_risk = r->at_risk;
    s->peer_lag_us = r->lag_us;
    s->peer_dirty_buckets = r->dirty_buckets;
    s->peer_missing_buckets = r->missing_buckets;
    s->peer_copy_items = r->copy_items;
    s->peer_copy_total = r->copy_total;
    s->peer_copy_ms = r->copy_us / 1000;
    s->peer_paused = r->paused;
}

static void take_fault(const struct repl_core *c, struct repl_status *s)
{
    memcpy(s->error_text, c->fault.text, sizeof(s->error_text));
    s->last_error = s->error_text;
    s->last_error_ms = s->error_text[0] != '\0' ? (c->now_us - c->fault.at_us) / 1000 : 0;
}

void repl_core_status(struct repl_core *c, struct repl_status *s)
{
    struct repl_health health;
    uint64_t overflows;
    repl_core_lock(c);
    (void)core_pending(c, &overflows);
    *s = (struct repl_status){
        .role = c->active ? "active" : "standby",
        .active = c->active,
        .link = repl_core_link_state(c),
        .lone_ms = c->session.open || c->lone_since_us == 0
                       ? 0
                       : (c->now_us - c->lone_since_us) / 1000,
        .journal_overflows = overflows,
        .notices_lost = GATE_SUM(&c->gate, notices_lost),
        .untold_buckets = map_count(&c->untold.map),
        .peer_active = c->session.open && c->session.peer.active,
        .peer_memory = c->session.peer.memory,
        .count = c->count,
    };
    take_own(c, s);
    take_peer(c, s);
    take_fault(c, s);
    s->run_id = s->run_text;
    s->peer_run_id = s->peer_run_text;
    format_run(&c->config.run, s->run_text);
    if (c->session.open)
        format_run(&c->session.peer.run, s->peer_run_text);
    repl_core_health(c, &health);
    s->fit = health.is_fit;
    s->rank = health.rank;
    s->term = health.term;
    memcpy(s->health_text, health.why, sizeof(s->health_text));
    s->health = s->health_text;
    repl_core_unlock(c);
}
