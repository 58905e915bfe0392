/* REPORT: each node tells the other one how it is, for `mcreplctl status` there. */
#include <string.h>

#include "repl/health.h"
#include "repl/internal.h"

_Static_assert((int)REPL_HEALTH_TEXT <= (int)LINK_HEALTH_MAX + 1,
               "it is told as a whole");

static void take_copy(struct repl_core *c, struct link_report *r)
{
    const struct repl_copy *copy = &c->session.copy;
    if (!copy->under_way)
        return;
    r->copy_items = copy->sum;
    r->copy_total = copy->sum + sync_copy_left(c);
    r->copy_us = c->now_us - copy->since_us;
}

void report_fill(struct repl_core *c, struct link_report *r)
{
    uint64_t overflows, items = c->store_ops->items(c->store);
    uint64_t pending = core_pending(c, &overflows);
    bool repairs = c->session.copy.origin == COPY_UNTOLD;
    *r = (struct link_report){
        .active = c->active,
        .in_sync = repl_core_in_sync(c),
        .paused = repl_core_is_paused(c),
        .items = items != UINT64_MAX ? items : 0,
        .pending = pending,
        .at_risk = sync_at_risk(c, pending),
        .lag_us = sync_lag_us(c, pending),
        .dirty_buckets = map_count(&c->dirty) + (repairs ? 0 : map_count(&c->in_flight)),
        .missing_buckets = map_count(&c->missing),
    };
    take_copy(c, r);
}

void repl_core_report(struct repl_core *c)
{
    struct repl_health health;
    struct link_report r;
    ASSERT_LOCKED(c);
    report_fill(c, &r);
    repl_core_health(c, &health);
    r.fit = health.is_fit;
    link_put_report(core_out(c), c->term, &r, health.why);
}

const char *report_message(struct repl_core *c, const struct link_message *m)
{
    struct repl_peer_report *p = &c->session.report;
    size_t n = m->nrest < sizeof(p->health) ? m->nrest : sizeof(p->health) - 1;
    *p = (struct repl_peer_report){ .told = m->report, .at_us = c->now_us };
    memcpy(p->health, m->rest, n);
    return NULL;
}
