/* Who is active: promotion, step-down, and the fold that both begin with. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "repl/internal.h"

void core_log(struct repl_core *c, enum repl_log level, const char *format, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    c->port_ops->log(c->port, level, text);
}

void repl_core_fault(struct repl_core *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->last_error, sizeof(c->last_error), format, ap);
    va_end(ap);
    c->port_ops->log(c->port, REPL_LOG_WARNING, c->last_error);
}

/* A run of FILLs holds it already: whoever comes next takes it over. */
void core_hold(struct repl_core *c)
{
    if (!c->filling)
        gate_hold(&c->gate);
    c->filling = false;
}

static enum repl_part part_of(const struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    if (!s->merged)
        return PART_ALONE;
    if (s->lead == LEAD_FOLLOWER)
        return PART_FOLLOWS;
    return s->peer.memory != 0 && s->peer.memory < c->config.memory ? PART_LEADS_SMALLER
                                                                    : PART_LEADS;
}

/* What client threads must do now, from the state. The only place that says so. */
void core_release(struct repl_core *c)
{
    const struct repl_session *s = &c->session;
    bool leads = s->lead == LEAD_LEADER;
    bool merging = c->purge.goal == PURGE_THEN_MERGE;
    unsigned flags = 0;
    if (c->active && !handover_holds(c) && !core_is_barred(c))
        flags |= GATE_ACTIVE;
    if (c->active && leads && s->merged) /* mutant: journal-unmerged */
        flags |= GATE_JOURNAL;
    if (merging || (leads && s->merged && !map_is_empty(&c->lacking)) || verify_leads(c))
        flags |= GATE_TOUCH;
    if (c->purge.goal != PURGE_NONE)
        flags |= GATE_PURGE;
    if (!s->open)
        flags |= GATE_ALONE;
    if (c->config.fetch_wait_us > 0 && !map_is_empty(&c->lacking))
        flags |= GATE_LACK; /* without a session, too: there may be one in time */
    gate_release(&c->gate, flags);
    if (!(flags & GATE_LACK))
        waiters_end(&c->waiters, c->now_us);
    enum repl_part part = part_of(c);
    if (part != c->part)
        c->store_ops->part(c->store, part);
    c->part = part;
}

/* Absences stay as they are, exactly: they must not outweigh what the peer changed. */
static bool fold_entry(void *context, const struct journal_entry *e)
{
    struct repl_core *c = context;
    if (e->kind == JOURNAL_CHANGE) /* mutant: absences-are-dirt */
        map_add(&c->dirty, e->hash);
    return e->kind == JOURNAL_ABSENCE; /* mutant: fold-forgets-absences */
}

void core_fold(struct repl_core *c)
{
    struct worker *w = atomic_load(&c->gate.workers);
    for (; w != NULL; w = w->next) {
        ring_fold(&c->journal, &w->ring, fold_entry, c);
        memset(w->absent, 0, sizeof(w->absent));
    }
    c->gather.n = c->gather.shipped = 0;
    map_unite(&c->dirty, &c->flying);
    map_clear(&c->flying);
}

/* Nothing is agreed with the peer any more: the next ROLE and MAP start anew. */
static void unmerge(struct repl_core *c, enum repl_lead lead)
{
    struct repl_session *s = &c->session;
    absent_agree(c);
    /* A purge that was cut short has taken what only the peer may have now. */
    map_unite(&c->lacking, &c->doomed); /* mutant: cut-purge-is-forgotten */
    resync_stop(c);
    verify_stop(c, "the link or the roles changed");
    core_fold(c);                /* mutant: no-fold */
    notices_drop(c);             /* mutant: notices-outlive-the-session */
    waiters_unsend(&c->waiters); /* mutant: fetch-not-sent-again */
    if (c->flush_unsaid) {       /* the leader may have put it off in the last moment */
        c->flush_unsaid = false;
        c->flush_untold = true;
        map_fill(&c->lacking);
    }
    s->lead = lead;
    s->merged = s->await = s->peer_whole = false;
    s->map_due = s->purge_due = false;
    s->flush_due = c->flush_led = false; /* its dirt tells the next merge */
    s->end_out = false;
}

void core_send_role(struct repl_core *c)
{
    struct link_role role = { .reign = c->reign,
                              .active = c->active,
                              .run = c->config.run };
    link_put_role(core_out(c), &role);
}

void repl_core_promote(struct repl_core *c, const char *why)
{
    c->resigned = false;
    if (c->active)
        return;
    core_hold(c);
    c->reign = ++c->seen;
    c->rank = ++c->leader_rank;
    c->active = true;
    unmerge(c, c->session.open ? LEAD_LEADER : LEAD_NONE);
    core_release(c);
    c->active_at_us = c->now_us; /* it has a while to find its clients */
    c->count.promotions++;
    core_log(c, REPL_LOG_WARNING, "active now, reign %llu: %s",
             (unsigned long long)c->reign, why);
    if (c->session.open)
        core_send_role(c);
}

void core_step_down(struct repl_core *c)
{
    bool was_active = c->active;
    core_hold(c);
    c->active = false;
    unmerge(c, LEAD_FOLLOWER);
    core_release(c);
    if (was_active) {
        c->count.demotions++;
        core_log(c, REPL_LOG_WARNING,
                 "standby now: the peer leads with reign %llu, ours was %llu",
                 (unsigned long long)c->seen, (unsigned long long)c->reign);
    }
}

void repl_core_demote(struct repl_core *c, const char *why)
{
    if (c->resigned)
        core_log(c, REPL_LOG_INFO, "an ordinary standby again: %s", why);
    c->resigned = false;
    if (!c->active)
        return;
    core_hold(c);
    c->active = false;
    unmerge(c, LEAD_NONE);
    core_release(c);
    c->count.demotions++;
    core_log(c, REPL_LOG_WARNING, "standby now: %s", why);
    handover_end(c, "this node was demoted");
    if (c->session.open) { /* mutant: demote-keeps-session */
        repl_core_closed(c);
        c->port_ops->close(c->port, "this node was demoted");
    }
}

void repl_core_closed(struct repl_core *c)
{
    core_hold(c);
    unmerge(c, LEAD_NONE);
    c->session = (struct repl_session){ 0 };
    c->resigned = false;
    c->lone_since_us = c->now_us;
    core_release(c);
    handover_end(c, "the link was lost");
}
