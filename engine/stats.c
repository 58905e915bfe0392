#include <string.h>

#include "base/check.h"
#include "base/metric.h"
#include "engine/repl_engine.h"
#include "repl/health.h"

struct snapshot {
    struct repl_status core;
    struct repl_health health;
    const char *health_why, *link, *peer, *last_error, *run_id, *peer_run_id;
    uint64_t is_active, is_fit;
};

#define OF(member) offsetof(struct snapshot, member)

static const struct metric_row rows[] = {
    { "repl_role", METRIC_TEXT, OF(core.role), false, "active or standby" },
    { "repl_active", METRIC_GAUGE, OF(is_active), true, "1 if this node is active" },
    { "repl_fit", METRIC_GAUGE, OF(is_fit), true,
      "1 if this node may hold the clients' address" },
    { "repl_health", METRIC_TEXT, OF(health_why), false, "why it may, or may not" },
    { "repl_link", METRIC_TEXT, OF(link), false,
      "off, down, handshake, resync or streaming" },
    { "repl_in_sync", METRIC_GAUGE, OF(core.in_sync), true,
      "1 if both nodes hold the same" },
    { "repl_reign", METRIC_GAUGE, OF(health.reign), false,
      "number of the promotion in force" },
    { "repl_rank", METRIC_GAUGE, OF(health.rank), false,
      "the higher one was active last; 1 and 0 once both have agreed" },
    { "repl_peer", METRIC_TEXT, OF(peer), false, "the peer's address" },
    { "repl_peer_memory", METRIC_GAUGE, OF(core.peer_memory), false,
      "bytes that the peer's store may take, 0 while it is not known" },
    { "repl_pending", METRIC_GAUGE, OF(core.pending), true,
      "exact changes that the peer has not acknowledged" },
    { "repl_dirty_buckets", METRIC_GAUGE, OF(core.dirty_buckets), false,
      "buckets with changes that the peer may not have" },
    { "repl_lacking_buckets", METRIC_GAUGE, OF(core.lacking_buckets), false,
      "buckets of which this node may miss items" },
    { "repl_at_risk", METRIC_GAUGE, OF(core.at_risk), true,
      "changes that would be lost if this node died now" },
    { "repl_lag_us", METRIC_GAUGE, OF(core.lag_us), true,
      "from a change to its acknowledgement, last sample, microseconds" },
    { "repl_shipped", METRIC_COUNTER, OF(core.count.shipped), true, "changes sent" },
    { "repl_applied", METRIC_COUNTER, OF(core.count.applied), true,
      "changes taken from the peer" },
    { "repl_apply_failed", METRIC_COUNTER, OF(core.count.dropped), false,
      "changes that the store had no room for; they are misses here" },
    { "repl_store_failures", METRIC_COUNTER, OF(core.count.store_failures), false,
      "calls that the store could not carry out, and that are made again" },
    { "repl_coalesced", METRIC_COUNTER, OF(core.count.coalesced), false,
      "changes that travelled with a later one of the same key" },
    { "repl_notices_out", METRIC_COUNTER, OF(core.count.notices_out), false,
      "evictions and reads told to the standby" },
    { "repl_notices_in", METRIC_COUNTER, OF(core.count.notices_in), false,
      "evictions and reads that the active node told of" },
    { "repl_notices_lost", METRIC_COUNTER, OF(core.notices_lost), false,
      "evictions and reads not told for want of room: the standby keeps a little more, "
      "or "
      "knows a little less" },
    { "repl_journal_overflows", METRIC_COUNTER, OF(core.journal_overflows), false,
      "changes that went to the dirty map because the journal was full" },
    { "repl_resyncs_full", METRIC_COUNTER, OF(core.count.resyncs_full), false,
      "copies of everything begun" },
    { "repl_resyncs_partial", METRIC_COUNTER, OF(core.count.resyncs_partial), false,
      "copies of some buckets begun" },
    { "repl_resync_items", METRIC_COUNTER, OF(core.count.resync_items), false,
      "items sent by copies" },
    { "repl_invalidated", METRIC_COUNTER, OF(core.count.invalidated), false,
      "items dropped because both nodes had changed them" },
    { "repl_recovered", METRIC_COUNTER, OF(core.count.recovered), false,
      "items that this active node took back from its peer" },
    { "repl_fetches", METRIC_COUNTER, OF(core.count.fetches), false,
      "keys asked of the peer because clients wanted them before they were copied" },
    { "repl_fetch_hits", METRIC_COUNTER, OF(core.count.fetch_hits), false,
      "of these, keys that it had" },
    { "repl_fetch_timeouts", METRIC_COUNTER, OF(core.count.fetch_timeouts), false,
      "clients' requests that waited for such a key in vain, for fetch_wait" },
    { "repl_bytes_out", METRIC_COUNTER, OF(core.count.bytes_out), false,
      "bytes sent to the peer" },
    { "repl_bytes_in", METRIC_COUNTER, OF(core.count.bytes_in), false,
      "bytes received from the peer" },
    { "repl_reconnects", METRIC_COUNTER, OF(core.count.reconnects), false,
      "times the link came up" },
    { "repl_promotions", METRIC_COUNTER, OF(core.count.promotions), false,
      "times this node became active" },
    { "repl_demotions", METRIC_COUNTER, OF(core.count.demotions), false,
      "times this node became standby" },
    { "repl_merges", METRIC_COUNTER, OF(core.count.merges), false,
      "times both nodes agreed who has what" },
    { "repl_last_error", METRIC_TEXT, OF(last_error), false,
      "why the link or the replication failed last" },
};

/* For the operator only: whoever knows them can speak in the peer's name. */
static const struct metric_row inner_rows[] = {
    { "repl_run_id", METRIC_TEXT, OF(run_id), false, "this process" },
    { "repl_peer_run_id", METRIC_TEXT, OF(peer_run_id), false, "the peer's process" },
};

struct emit_context {
    ADD_STAT add_stat;
    const void *cookie;
};

static void emit(void *context, const char *name, const char *value)
{
    const struct emit_context *to = context;
    to->add_stat(name, (uint16_t)strlen(name), value, (uint32_t)strlen(value),
                 to->cookie);
}

void repl_engine_figures(struct repl_engine *e, enum repl_figures which,
                         metric_emit emit_figure, void *context)
{
    struct snapshot s = { .peer = e->options.peer };
    repl_core_status(e->core, &s.core);
    repl_core_lock(e->core);
    repl_core_health(e->core, &s.health);
    repl_core_unlock(e->core);
    s.link = s.core.link;
    if (strcmp(s.link, "down") == 0)
        s.link = repl_thread_link_state(&e->thread);
    s.last_error = s.core.last_error;
    s.run_id = s.core.run_id;
    s.peer_run_id = s.core.peer_run_id;
    s.health_why = s.health.why;
    s.is_fit = s.health.is_fit;
    s.is_active = strcmp(s.core.role, "active") == 0;
    metric_each(rows, N_ELEMENTS(rows), &s, which == FIGURES_BRIEF, emit_figure, context);
    if (which == FIGURES_INNER)
        metric_each(inner_rows, N_ELEMENTS(inner_rows), &s, false, emit_figure, context);
}

void repl_engine_stats(struct repl_engine *e, bool only_brief, ADD_STAT add_stat,
                       const void *cookie)
{
    struct emit_context to = { add_stat, cookie };
    repl_engine_figures(e, only_brief ? FIGURES_BRIEF : FIGURES_ALL, emit, &to);
}
